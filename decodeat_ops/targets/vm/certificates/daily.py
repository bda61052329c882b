"""Write what lets a machine renew its certificate daily by itself: units of systemd, and a line for cron."""

import hashlib
from collections.abc import Mapping

from decodeat_ops.rendering import quoting, templates
from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.scripts.certificates import RENEWAL

_DAY = 24 * 60


def units(names: Names) -> Mapping[str, str]:
    """Return the files of systemd's units by ending."""
    values = {"deployment": names.deployment, "command": quoting.systemd_command([str(names.root / RENEWAL)])}
    return {end: templates.render(f"systemd/certificate.{end}.j2", values) for end in ("service", "timer")}


def crontab(names: Names, host: str) -> str:
    """Return the file for cron, which knows no random delay: the minute of the day is made of the machine's name."""
    minute = int(hashlib.sha256(f"{host} {names.deployment}".encode()).hexdigest(), 16) % _DAY
    command = quoting.cron([str(names.root / RENEWAL), "timer"], {})
    return (
        "# Written by decodeat-ops; removed by `decodeat-ops remove`.\n"
        f"{minute % 60} {minute // 60} * * * root {command} >/dev/null 2>&1\n"
    )
