"""Hold what a machine has of its certificate and its renewal, as it tells in one round trip."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from decodeat_ops.core import certificate
from decodeat_ops.core.certificate import Certificate
from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.remote import Remote
from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.scripts import certificate_look, sections
from decodeat_ops.targets.vm.side import each

LOOK_SECONDS = 60.0
SOURCES = ("self-signed", "acme", "own")  # how the names of certificates' directories begin
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True)
class State:
    """Hold one machine's certificate. Moments are seconds since the epoch, 0 where there is none.

    `live` is the directory that nginx serves from, `chain` its certificates, the machine's own one first. `damaged`
    says why they can't be read. `renewed` is what the last renewal came to: renewed, kept, failed, undeployed.
    """

    host: str
    live: str = ""
    chain: tuple[Certificate, ...] = ()
    damaged: str = ""
    fits: bool = False
    mode: str = ""  # of the key's file, in octal
    server: str = ""  # the authority's directory URL, "" when none has given one
    account: str = ""
    renewed: str = ""
    renewed_at: float = 0.0
    retry_after: str = ""
    said: str = ""
    timer: str = ""  # systemd's word for it, or cron; "" without one
    next: float = 0.0
    clockwork: str = ""  # what could run it: systemd, cron or ""
    running: bool = False  # nginx
    certbot: bool = False
    openssl: bool = False
    addresses: tuple[str, ...] = ()

    @property
    def leaf(self) -> Certificate | None:
        return self.chain[0] if self.chain else None

    @property
    def source(self) -> str:
        """Return where the certificate comes from, "" when there is none."""
        return next((one for one in SOURCES if self.live.startswith(one)), "own" if self.live else "")

    @property
    def exposed(self) -> bool:
        """Return whether everybody on the machine gets at the key."""
        return self.mode[-1:] not in {"", "0"}

    @property
    def scheduled(self) -> bool:
        """Return whether the machine renews it by itself."""
        return self.timer in {"active", "cron"}

    @property
    def renewable(self) -> bool:
        return bool(self.server)


def looked(place: Place) -> Mapping[str, State]:
    """Look at all machines side by side. Raises as `side.each` does when one does not answer."""
    return each(place.hosts.values(), lambda remote: look(remote, place.names))


def look(remote: Remote, names: Names) -> State:
    """Look at one machine. Raises `Unreachable` when it does not answer to the end."""
    answer = remote.run(certificate_look.script(names), timeout=LOOK_SECONDS)
    found = sections.parse(answer.stdout)
    if not found.whole:
        raise Unreachable(f"{remote.name} did not tell of its certificate to the end.", hint="Run the command again.")
    return parse(remote.name, found)


def parse(host: str, found: sections.Sections) -> State:
    """Return what a machine told. It never raises: what can't be read is `damaged`."""
    chain, damaged = _chain(found.text("chain"))
    renewal, last = _pairs(found.text("renewal"), " = "), _pairs(found.text("last"), "=")
    return State(
        host,
        live=_word(found, "live").rstrip("/").rpartition("/")[2],
        chain=chain,
        damaged=damaged if found.one("chain") else "",
        fits=found.one("fits") is not None,
        mode=_word(found, "mode"),
        server=renewal.get("server", ""),
        account=renewal.get("account", ""),
        renewed=last.get("outcome", ""),
        renewed_at=_number(last.get("at", "")),
        retry_after=last.get("retry-after", ""),
        said=found.text("said"),
        timer=_word(found, "timer"),
        next=_number(_word(found, "next")),
        clockwork=_word(found, "clockwork"),
        running=_word(found, "running") == "true",
        certbot=bool(_word(found, "certbot")),
        openssl=bool(_word(found, "openssl")),
        addresses=section.words if (section := found.one("addresses")) else (),
    )


def moment(seconds: float) -> str:
    """Return a moment for people, "never" for none."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC" if seconds else "never"


def chain_of(text: str) -> tuple[Certificate, ...]:
    """Read all certificates of a PEM text. Raises ValueError when one is damaged, or there is none."""
    found = tuple(certificate.of_pem(one) for one in _PEM.findall(text))
    if not found:
        raise ValueError("there is no certificate in it")
    return found


def _chain(text: str) -> tuple[tuple[Certificate, ...], str]:
    try:
        return chain_of(text), ""
    except ValueError as error:
        return (), str(error)


def _pairs(text: str, equals: str) -> Mapping[str, str]:
    return {
        name.strip(): value.strip()
        for name, sign, value in (line.partition(equals) for line in text.splitlines())
        if sign
    }


def _word(found: sections.Sections, name: str) -> str:
    section = found.one(name)
    return section.word if section else ""


def _number(text: str) -> float:
    return float(text) if text.isdigit() else 0.0
