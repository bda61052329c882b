"""Tell of the systems that a bootstrap knows: how long they get security updates, and how their packages are called.

The dates are those of Debian's package distro-info-data, version 0.58+deb12u7, in which both projects keep them:
`eol` and `eol-lts` of debian.csv, `eol` of ubuntu.csv.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

SOURCE = "distro-info-data 0.58+deb12u7"


@dataclass(frozen=True)
class System:
    """Describe one version of a system. `ends` is the last day of its free security updates.

    From `lts` on, if it has one, volunteers make them, and not for all packages. `compose` is the package of Compose
    v2, "" when it has none.
    """

    ends: date
    lts: date | None = None
    compose: str = ""


_DEBIAN, _UBUNTU = "docker-compose", "docker-compose-v2"
SYSTEMS: Mapping[tuple[str, str], System] = {
    ("debian", "10"): System(date(2024, 6, 30), date(2022, 9, 10)),
    ("debian", "11"): System(date(2026, 8, 31), date(2024, 8, 14)),
    ("debian", "12"): System(date(2028, 6, 30), date(2026, 7, 11)),  # its docker-compose is 1.29.2
    ("debian", "13"): System(date(2030, 6, 30), date(2028, 8, 9), _DEBIAN),  # 2.26.1
    ("ubuntu", "18.04"): System(date(2023, 5, 31)),
    ("ubuntu", "20.04"): System(date(2025, 5, 29), compose=_UBUNTU),
    ("ubuntu", "22.04"): System(date(2027, 6, 1), compose=_UBUNTU),
    ("ubuntu", "24.04"): System(date(2029, 5, 31), compose=_UBUNTU),
    ("ubuntu", "25.04"): System(date(2026, 1, 15), compose=_UBUNTU),
    ("ubuntu", "25.10"): System(date(2026, 7, 9), compose=_UBUNTU),
    ("ubuntu", "26.04"): System(date(2031, 5, 29), compose=_UBUNTU),
    ("ubuntu", "26.10"): System(date(2027, 7, 15), compose=_UBUNTU),
}
NAMES = "Debian 12 and 13, Ubuntu 22.04, 24.04 and 26.04"


@dataclass(frozen=True)
class Life:
    """Say what there is to say of a system's age: `problem` refuses it, `doubt` is told; "" for nothing."""

    problem: str = ""
    doubt: str = ""


def life(name: str, version: str, pretty: str, today: date) -> Life:
    """Return whether a system still gets security updates, by its os-release."""
    system = SYSTEMS.get((name, version))
    if system is None:
        return Life(
            doubt=f"{pretty or 'its system'} is none that is known here ({NAMES}): look up when its updates end"
        )
    if today > system.ends:
        return Life(f"{pretty} gets no security updates since {system.ends} ({SOURCE}): move it to {NAMES}")
    if system.lts is not None and today > system.lts:
        return Life(doubt=f"{pretty} gets security updates by Debian's LTS team alone, until {system.ends} ({SOURCE})")
    return Life()
