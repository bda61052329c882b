"""Replace firewalls, and confirm each over a new connection: else the machine takes its change back by itself."""

from decodeat_ops.core.errors import Interrupted, Lost, OpsError, StepFailed, Unreachable
from decodeat_ops.core.plan import Params
from decodeat_ops.core.remote import Remote
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.vm.firewall import guard, rules
from decodeat_ops.targets.vm.firewall.looking import Look
from decodeat_ops.targets.vm.firewall.rules import Wish
from decodeat_ops.targets.vm.keeping import guarded, judged
from decodeat_ops.targets.vm.place import Acts, Place, remotes_of
from decodeat_ops.targets.vm.side import each

APPLIED, CONFIRMED, REVERTED = "applied", "confirmed", "reverted"
SPARE = 30.0  # seconds beyond the time for a confirmation in which a machine has taken back what was not confirmed
EVERY = 2.0


def change(look: Look, wanted: Wish) -> str:
    """Return the function of sh that changes a machine's firewall."""
    missing = rules.missing(wanted, look.rules, ipv6=look.ipv6)
    return guard.change(wanted, missing, rules.voiding(wanted, look.rules)[0], rules.denied(wanted, look.rules))


def apply(place: Place, context: Context, params: Params) -> None:
    """Bring every machine's firewall to what is wanted, and confirm it once a new connection to each was made.

    Raises `StepFailed` when one can't be: it takes its change back by itself, and the undo has the others do so. Raises
    `Lost` when it is not known whether it has. Once the operator has asked to stop, nothing more is confirmed.
    """
    try:
        _change_and_confirm(place, context, params)
    except (Interrupted, KeyboardInterrupt):
        context.say(f"What was changed and is not confirmed goes back by itself within {params['seconds']} s.")
        raise


def _change_and_confirm(place: Place, context: Context, params: Params) -> None:
    mark, seconds = params["mark"], params["seconds"]
    hosts = remotes_of(place, context, params["hosts"])

    def begin(host: Remote) -> None:
        program = guard.guard(mark, seconds, params["hosts"][host.name])
        script = guarded(place, host.name, guard.applying(mark))
        try:
            state, said = _state(judged(host.run(script, given=program, timeout=150.0), host.name).stdout)
        except Unreachable:
            return  # the change itself may have cut this connection: what matters is the new one
        _require(state, host.name, said)

    each(hosts, begin, context)
    others = [place.another(host.name) for host in hosts]
    try:
        each(others, lambda host: _reached(place, context, host, params), context)
        context.checkpoint()
        each(others, lambda host: _confirm(host, mark), context)
    finally:
        if not context.interrupted:  # else scripts may run yet, for whose end closing would wait
            for other in others:
                other.close()


def _reached(place: Place, context: Context, host: Remote, params: Params) -> None:
    """Check that a new connection can be made, else wait until the machine has taken its change back, and say so."""
    try:
        state, said = _state(host.run(guard.telling(params["mark"])).stdout)
    except Unreachable as error:
        _await_return(place, context, host, params, error)
        return
    _require(state, host.name, said)


def _confirm(host: Remote, mark: str) -> None:
    state, said = _state(host.run(guard.confirming(mark)).stdout)
    if state != CONFIRMED:
        _require(state, host.name, said)
        raise StepFailed(f"its firewall is {state or 'unknown'} and was not confirmed")


def _await_return(place: Place, context: Context, host: Remote, params: Params, error: OpsError) -> None:
    deadline = place.clock.now() + params["seconds"] + SPARE
    while place.clock.now() < deadline:
        place.clock.sleep(EVERY)
        context.checkpoint()
        try:
            state, _ = _state(host.run(guard.telling(params["mark"])).stdout)
        except Unreachable:
            continue
        if state.startswith(REVERTED):
            raise StepFailed(
                f"no new connection could be made ({error.advice.what.rstrip('.')}), and the machine took its firewall "
                "back by itself",
                hint="Compare vm.admin_addresses and the ports of SSH with where you come from.",
            ) from error
    raise Lost(
        f"No new connection could be made to {host.name} ({error.advice.what.rstrip('.')}).",
        state=f"Its firewall goes back by itself {params['seconds']} s after the change; whether it has is unknown.",
        hint="`decodeat-ops firewall status` shows it once it can be reached; then `decodeat-ops resume --undo`.",
    ) from error


def _require(state: str, name: str, said: tuple[str, ...]) -> None:
    if state.startswith(REVERTED):
        reason = state.partition(": ")[2]
        raise StepFailed(f"its firewall is as it was: {reason}", lines=said)
    if state not in (APPLIED, CONFIRMED):
        raise StepFailed(f"the change of its firewall did not come to its end ({state or 'no word of it'})", lines=said)


def _state(output: str) -> tuple[str, tuple[str, ...]]:
    first, *said = output.splitlines() or [""]
    return first.strip(), tuple(said)


def take_back(place: Place, context: Context, params: Params) -> None:
    """Bring back every firewall as it was before, also one that was confirmed; nothing where nothing was begun."""
    mark, seconds = params["mark"], params["seconds"]
    program = guard.guard(mark, seconds, "change() { false; }")

    def back(host: Remote) -> None:
        script = guarded(place, host.name, guard.taking_back(mark))
        state, said = _state(judged(host.run(script, given=program, timeout=120.0), host.name).stdout)
        if state and not state.startswith(REVERTED):
            raise StepFailed(f"its firewall did not go back ({state})", lines=said)

    each(remotes_of(place, context, params["hosts"], needed=False), back)


ACTIONS: Acts = {"apply-firewall": apply, "take-back-firewall": take_back}
