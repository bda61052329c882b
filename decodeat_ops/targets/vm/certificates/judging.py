"""Judge a machine's certificate: what is wrong with it now, and what will be. It is pure."""

from collections.abc import Iterator
from datetime import UTC, datetime

from decodeat_ops.core.certificate import Certificate, covers
from decodeat_ops.settings.vm import Vm
from decodeat_ops.targets.vm.certificates import authority
from decodeat_ops.targets.vm.certificates.state import State, moment
from decodeat_ops.targets.vm.details import LATE_DAYS, SOON_DAYS

STALE_SECONDS = 3 * 86400  # after which a daily renewal that has not run is one that does not run
Served = Certificate | str  # what clients are shown, or why nothing


def wrong(state: State, served: Served, vm: Vm, now: datetime) -> Iterator[str]:
    """Yield what is wrong, a sentence each without its end; nothing for a certificate that is well and stays so."""
    if not state.live:
        yield "there is no certificate yet: the first `decodeat-ops deploy` makes one"
        return
    leaf = state.leaf
    if leaf is None:
        yield f"certificates/live can't be read: {state.damaged or 'its files are not there'}"
        return
    yield from _file(state, leaf, vm, now)
    yield from _shown(state, leaf, served)
    if vm.certificate == "acme" and state.source == "acme":
        yield from _renewal(state, leaf, vm, now)


def _file(state: State, leaf: Certificate, vm: Vm, now: datetime) -> Iterator[str]:
    if state.source != vm.certificate:
        hint = {
            "acme": "`decodeat-ops cert issue` gets one",
            "own": "`decodeat-ops cert install` brings one",
            "self-signed": "vm.certificate has to say so",
        }
        yield f"it is {state.source}, and vm.certificate is {vm.certificate}: {hint[vm.certificate]}"
    if state.openssl and not state.fits:
        yield "its key is not there, or is another one's"
    if state.exposed:
        yield f"everybody on the machine gets at its key (mode {state.mode})"
    missing = [name for name in vm.domains if not covers(leaf, name)]
    if missing:
        yield f"it is not for {', '.join(missing)}"
    if leaf.begins > now:
        yield f"it begins at {leaf.begins:%Y-%m-%d %H:%M} UTC only"
    days = leaf.days_left(now)
    if days <= 0:
        yield f"it has ended ({leaf.ends:%Y-%m-%d %H:%M} UTC): clients refuse it"
    elif state.source != "acme" and days < SOON_DAYS:
        yield f"it ends in {days:.0f} days, and nothing renews it"


def _shown(state: State, leaf: Certificate, served: Served) -> Iterator[str]:
    if isinstance(served, str):
        yield f"clients are shown none: {served}" if state.running else "nginx does not run"
    elif served.fingerprint != leaf.fingerprint:
        yield (
            f"clients are shown another one (serial {served.serial}, until {served.ends:%Y-%m-%d}): nginx was not "
            "reloaded, or something else answers in its place"
        )


def _renewal(state: State, leaf: Certificate, vm: Vm, now: datetime) -> Iterator[str]:
    """Yield why the certificate of an authority would end without a new one."""
    whole = (leaf.ends - leaf.begins).total_seconds() / 86400
    days = leaf.days_left(now)
    if 0 < days < min(LATE_DAYS, whole / 4):
        yield f"it ends in {days:.0f} days, and should have been renewed"
    if not state.renewable:
        yield "certbot does not know how to renew it: `decodeat-ops cert issue`"
    elif not state.scheduled:
        said = f" (systemd says {state.timer})" if state.timer else ""
        yield f"nothing renews it daily{said}: `decodeat-ops cert renew` sets that up"
    elif state.renewed_at and now.timestamp() - state.renewed_at > STALE_SECONDS:
        yield f"the daily renewal has not run since {moment(state.renewed_at)}"
    if state.renewed in {"failed", "undeployed"}:
        yield failure(state)


def failure(state: State) -> str:
    """Return why the last renewal came to nothing, and what to do."""
    if state.renewed == "undeployed":
        last = next((line.strip() for line in reversed(state.said.splitlines()) if line.strip()), "it said nothing")
        return f"the renewed one is not served, and the one before goes on ({last}): `decodeat-ops cert renew`"
    refusal = authority.explained(state.said, state.retry_after, datetime.fromtimestamp(state.renewed_at, UTC))
    return f"the last renewal came to nothing: {refusal.what}. {refusal.hint.rstrip('.')}"
