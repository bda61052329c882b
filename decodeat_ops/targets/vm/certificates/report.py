"""Tell which certificate clients see on each machine, where it comes from, and whether it lasts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from decodeat_ops.core import certificate
from decodeat_ops.core.certificate import Certificate
from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.outcome import Cell
from decodeat_ops.core.view import Details
from decodeat_ops.settings.vm import Vm
from decodeat_ops.targets.vm.certificates.judging import Served, wrong
from decodeat_ops.targets.vm.certificates.state import State, looked, moment
from decodeat_ops.targets.vm.details import LATE_DAYS, SOON_DAYS
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.side import each


def certificates(place: Place) -> Details:
    """Look at every machine, and at what it shows to a client from here. Raises `Unreachable` when one is silent."""
    states = looked(place)
    shown = each([place.hosts[host] for host in states], lambda remote: served(place, remote.address))
    return told(place.loaded.settings.vm, states, shown, datetime.now(UTC))


def served(place: Place, address: str) -> Served:
    """Return what a machine shows to clients, or why it shows nothing."""
    vm = place.loaded.settings.vm
    try:
        found = place.tls.certificate(address, vm.https_port, vm.domains[0] if vm.domains else address)
        return certificate.of_der(found)
    except Unreachable as error:
        return error.advice.what.rstrip(".")
    except ValueError as error:
        return str(error)


def told(vm: Vm, states: Mapping[str, State], shown: Mapping[str, Served], now: datetime) -> Details:
    """Return rows for people, JSON for programs, and what is wrong; it is pure."""
    rows: list[tuple[str, Cell]] = []
    hosts, bad = [], []
    for host, state in states.items():
        found = [*wrong(state, shown[host], vm, now)]
        rows += _rows(state, shown[host], found, now)
        hosts.append(_json(state, shown[host], found, now))
        bad += [f"{host}: {one}" for one in found]
    return Details(rows=tuple(rows), told={"hosts": hosts}, wrong=tuple(bad), next=_next(vm, states, bad))


def _next(vm: Vm, states: Mapping[str, State], bad: list[str]) -> tuple[str, ...]:
    if not bad:
        return ()
    if vm.certificate == "own":
        return ("decodeat-ops cert install --chain FILE --key FILE",)
    if vm.certificate == "acme":
        renewable = all(state.source == "acme" and state.renewable for state in states.values())
        return ("decodeat-ops cert renew",) if renewable else ("decodeat-ops cert issue",)
    return ("decodeat-ops deploy",)


def _rows(state: State, shown: Served, bad: list[str], now: datetime) -> list[tuple[str, Cell]]:
    leaf = state.leaf
    if leaf is None:
        return [(state.host, (bad[0], "bad"))]
    rows: list[tuple[str, Cell]] = [
        (state.host, (f"{', '.join(leaf.names)}, {state.source}", "bad" if bad else "good")),
        ("  issuer", leaf.issuer or "no name"),
        ("  chain", " <- ".join(one.subject or "no name" for one in state.chain)),
        ("  lasts", _lasts(leaf, now)),
        ("  served", _shown(shown, leaf)),
    ]
    if state.source == "acme" or state.renewable:
        last = f"{state.renewed}, {moment(state.renewed_at)}" if state.renewed else "never yet"
        ahead = f"next {moment(state.next)}" if state.next else ("daily" if state.scheduled else "no next one")
        rows.append(("  renewal", (f"{last}; {ahead}", "good" if state.scheduled else "bad")))
    return rows + [("  wrong", (one, "bad")) for one in bad]


def _lasts(leaf: Certificate, now: datetime) -> Cell:
    days = leaf.days_left(now)
    tone = "bad" if days < LATE_DAYS else ("warn" if days < SOON_DAYS else "good")
    return f"{days:.0f} days, until {leaf.ends:%Y-%m-%d %H:%M} UTC", tone


def _shown(shown: Served, leaf: Certificate) -> Cell:
    if isinstance(shown, str):
        return shown, "bad"
    if shown.fingerprint == leaf.fingerprint:
        return f"this one, serial {shown.serial}", "good"
    return f"another one, by {shown.issuer}, serial {shown.serial}, until {shown.ends:%Y-%m-%d}", "bad"


def _json(state: State, shown: Served, bad: list[str], now: datetime) -> dict[str, Any]:
    return {
        "host": state.host,
        "source": state.source or None,
        "certificate": _one(state.leaf, now),
        "chain": [_one(one, now) for one in state.chain[1:]],
        "served": None if isinstance(shown, str) else _one(shown, now),
        "unseen": shown if isinstance(shown, str) else "",
        "renewal": {
            "server": state.server or None,
            "scheduled": state.scheduled,
            "last": state.renewed or None,
            "last_at": _stamp(state.renewed_at),
            "next_at": _stamp(state.next),
        },
        "problems": bad,
    }


def _one(found: Certificate | None, now: datetime) -> dict[str, Any] | None:
    return None if found is None else {
        "names": list(found.names), "issuer": found.issuer, "subject": found.subject, "serial": found.serial,
        "begins": found.begins.isoformat(), "ends": found.ends.isoformat(), "fingerprint": found.fingerprint,
        "days_left": round(found.days_left(now), 2),
    }  # fmt: skip


def _stamp(seconds: float) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else None
