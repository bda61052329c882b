"""Plan what is done about certificates: get one, renew what is due, serve one that was brought."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from decodeat_ops.core.abilities import Certifying, Install, Issue, Renew
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.plan import Action, Step
from decodeat_ops.core.target import Facts
from decodeat_ops.targets.vm.certificates import brought, daily, reaching
from decodeat_ops.targets.vm.certificates.state import State, looked
from decodeat_ops.targets.vm.documents.problems import acme
from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.scripts.certificates import LETS_ENCRYPT
from decodeat_ops.targets.vm.way import shown

REACH, SCHEDULE, ISSUE, RENEW, INSTALL, UNSCHEDULE = "reach", "schedule", "issue", "renew", "install", "unschedule"
_GOES_ON = "What serves now goes on. Nothing was changed."


def certify(place: Place, wish: Issue | Renew | Install) -> Certifying:
    """Return the steps for a wish. Raises `Configuration` with all that is in the way."""
    if isinstance(wish, Issue):
        return _issue(place, wish)
    return _renew(place, wish) if isinstance(wish, Renew) else _install(place, wish)


def subject(place: Place) -> str:
    """Return whom a certificate is for."""
    domains = place.loaded.settings.vm.domains
    return domains[0] if domains else place.names.deployment


# By an authority


def _issue(place: Place, wish: Issue) -> Certifying:
    vm = place.loaded.settings.vm
    problems = [*acme(vm)]
    if vm.certificate != "acme":
        problems.insert(0, f'vm.certificate is "{vm.certificate}": set it to "acme", so that an authority is asked.')
    _refuse(place, problems)
    states = looked(place)
    led = reaching.addresses(place, vm.domains) if wish.look else {}
    for state in states.values():
        problems += [f"{state.host}: {one}." for one in _lacks(state)]
        problems += [f"{one}." for one in reaching.unresolved(led, reaching.known(place, state))]
    _refuse(place, problems)
    hosts = list(states)
    unscheduled = [state for state in states.values() if not state.scheduled]
    steps = (
        *((reach(hosts, vm.domains, wish.mark),) if wish.look else ()),
        *((schedule(place.names, unscheduled),) if unscheduled else ()),
        issue(place, states, new_account=wish.new_account),
    )
    facts = (
        ("authority", vm.acme_server or f"Let's Encrypt, {LETS_ENCRYPT}"),
        ("account", vm.acme_email + (", made anew" if wish.new_account else "")),
        *((name, ", ".join(to)) for name, to in led.items()),
        *_now(states),
    )
    return Certifying(subject(place), steps, facts)


def _lacks(state: State) -> Iterator[str]:
    """Yield what a machine lacks for a certificate that renews itself."""
    if not state.certbot:
        yield "it has no certbot: `decodeat-ops bootstrap` brings it, or apt-get install certbot"
    if not state.openssl:
        yield "it has no openssl: apt-get install openssl"
    if not state.running:
        yield "nginx does not run there, which has to answer the authority: `decodeat-ops deploy` comes first"
    if not state.clockwork:
        yield "it has neither systemd nor cron, so that nothing would renew the certificate"


def _now(states: Mapping[str, State]) -> Facts:
    """Return what serves until then, and in every failure."""
    told = [f"{state.host} {state.source}, until {state.leaf.ends:%Y-%m-%d}" for state in states.values() if state.leaf]
    return (("serves until then", "; ".join(told)),) if told else ()


def _refuse(place: Place, problems: Sequence[str]) -> None:
    if problems:
        count = "One problem keeps" if len(problems) == 1 else f"{len(problems)} problems keep"
        raise Configuration(
            f"{count} {subject(place)} from getting a certificate.", state=_GOES_ON, hint="Mend what is named above.",
            lines=tuple(problems),
        )  # fmt: skip


def reach(hosts: Sequence[str], domains: Sequence[str], mark: str) -> Step:
    """Return the step that asks every name for a file, as the authority will."""
    token = f"decodeat-ops-{mark[:16]}"
    about = {"hosts": list(hosts), "names": list(domains), "token": token, "content": _digest(mark)}
    return Step(
        REACH,
        "Ask each name for a file on port 80, as the authority will",
        Action("reach-names", about),
        preview=(
            f"{shown(domains)}: /.well-known/acme-challenge/{token}, at each address that DNS tells",
            "wrong DNS and a blocked port are told here, where no authority counts them",
        ),
    )


def _digest(mark: str) -> str:
    return hashlib.sha256(mark.encode()).hexdigest()


def schedule(names: Names, states: Sequence[State]) -> Step:
    """Return the step that lets machines renew by themselves."""
    hosts = {state.host: {"crontab": daily.crontab(names, state.host)} for state in states}
    about = {"hosts": hosts, "units": dict(daily.units(names))}
    how = sorted({state.clockwork or "nothing" for state in states})
    return Step(
        SCHEDULE,
        f"Let {shown(list(hosts))} renew it daily",
        Action("schedule-renewal", about),
        Action("unschedule-renewal", {"hosts": dict.fromkeys(hosts)}),
        preview=(f"by {' and '.join(how)}, at a time of its own: {names.root}/certbot/renew",),
    )


def issue(place: Place, states: Mapping[str, State], *, new_account: bool) -> Step:
    """Return the step that gets a certificate and lets nginx serve it."""
    vm, names = place.loaded.settings.vm, place.names
    about = {
        "hosts": _before(states), "domains": list(vm.domains), "email": vm.acme_email, "server": vm.acme_server,
        "new_account": new_account,
    }  # fmt: skip
    return Step(
        ISSUE,
        f"Get a certificate for {shown(vm.domains)}",
        Action("issue-certificate", about),
        Action("lead-certificate-back", {"hosts": about["hosts"]}),
        produces=("changed",),
        preview=(
            f"certbot certonly --webroot -w {names.acme} --server {vm.acme_server or LETS_ENCRYPT}",
            "key and chain are checked, certificates/live renamed, nginx -t, reload; the old one is back if it refuses",
        ),
    )


def _before(states: Mapping[str, State]) -> dict[str, Any]:
    return {host: state.live for host, state in states.items()}


# Renewed


def _renew(place: Place, wish: Renew) -> Certifying:
    vm = place.loaded.settings.vm
    if vm.certificate != "acme":
        hint = {
            "own": "Get a new one where this one came from, then `decodeat-ops cert install`.",
            "self-signed": 'Set vm.certificate = "acme", then `decodeat-ops cert issue`.',
        }
        raise Configuration(
            f'vm.certificate is "{vm.certificate}": there is no authority that would renew it.', state=_GOES_ON,
            hint=hint[vm.certificate], where="vm.certificate",
        )  # fmt: skip
    states = looked(place)
    never = [host for host, state in states.items() if not state.renewable]
    if never:
        raise Configuration(
            f"{', '.join(never)} has no certificate of an authority yet.", state=_GOES_ON,
            hint="`decodeat-ops cert issue` gets one, and lets the machine renew it.",
        )  # fmt: skip
    problems = [f"{state.host}: {one}." for state in states.values() for one in _lacks(state) if "nginx" not in one]
    _refuse(place, problems)
    unscheduled = [state for state in states.values() if not state.scheduled]
    step = Step(
        RENEW,
        f"Renew what is due on {shown(list(states))}" if not wish.force else f"Renew it on {shown(list(states))}",
        Action("renew-certificate", {"hosts": _before(states), "force": wish.force}),
        Action("lead-certificate-back", {"hosts": _before(states)}),
        produces=("changed",),
        preview=(
            "due by certbot's own rule, or when a third of its time is left" if not wish.force else "due or not",
            "certificates/live renamed, nginx -t, reload; the old one is back if nginx refuses it",
        ),
    )
    steps = (*((schedule(place.names, unscheduled),) if unscheduled else ()), step)
    return Certifying(subject(place), steps, _now(states))


# Brought


def _install(place: Place, wish: Install) -> Certifying:
    vm = place.loaded.settings.vm
    if vm.certificate != "own":
        raise Configuration(
            f'vm.certificate is "{vm.certificate}", and a certificate that is brought would not stay.', state=_GOES_ON,
            hint='Set vm.certificate = "own" first.', where="vm.certificate",
        )  # fmt: skip
    found = brought.read(wish.chain, wish.key, vm.domains)
    states = looked(place)
    _refuse(
        place,
        [f"{one.host}: it has no openssl: apt-get install openssl." for one in states.values() if not one.openssl],
    )
    others = {
        host: state
        for host, state in states.items()
        if state.live != found.directory or not state.fits or state.exposed
    }
    renewing = [host for host, state in states.items() if state.timer]
    steps: list[Step] = []
    if others:
        about = {"hosts": _before(others), "chain": str(wish.chain), "key": str(wish.key), "digest": found.digest}
        steps.append(
            Step(
                INSTALL,
                f"Let {shown(list(others))} serve it",
                Action("install-certificate", about),
                Action("lead-certificate-back", {"hosts": about["hosts"]}),
                produces=("changed",),
                preview=(
                    f"certificates/{found.directory}, readable for root and nginx alone; the key travels as input",
                    "certificates/live renamed, nginx -t, reload; the old one is back if nginx refuses it",
                ),
            )
        )
    if renewing:
        steps.append(_unschedule(place.names, [states[host] for host in renewing]))
    leaf = found.leaf
    facts = (
        ("names", ", ".join(leaf.names)),
        ("issuer", "itself: clients can't check it" if leaf.self_signed else leaf.issuer),
        ("lasts", f"until {leaf.ends:%Y-%m-%d}, {leaf.days_left():.0f} days; nothing here renews it"),
        *_now(states),
    )
    return Certifying(subject(place), tuple(steps), facts)


def _unschedule(names: Names, states: Sequence[State]) -> Step:
    """Return the step that ends the renewal of a certificate that is not used any more."""
    again = schedule(names, states).do
    return Step(
        UNSCHEDULE,
        f"End the daily renewal on {shown([state.host for state in states])}",
        Action("unschedule-renewal", {"hosts": {state.host: None for state in states}}),
        Action(again.name, again.params),
        preview=("an authority's certificate would take the place of the one that was brought",),
    )
