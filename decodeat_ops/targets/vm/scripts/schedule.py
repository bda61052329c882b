"""Build the scripts by which a machine runs something daily by itself: by systemd's timers, else by cron."""

from collections.abc import Mapping

from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.scripts.quoting import lines, word

NO_CLOCKWORK = 69  # it has neither systemd nor cron
SYSTEMD, RUNS, CRON = "/etc/systemd/system", "/run/systemd/system", "/etc/cron.d"

_PUT = """\
set -u
umask 022
put() { # FILE CONTENT
  [ "$(cat "$1" 2>/dev/null; echo .)" = "$2." ] && return
  printf '%s' "$2" >"$1.new$$" && sync "$1.new$$" && mv "$1.new$$" "$1"
}
"""


def unit(names: Names) -> str:
    """Return the name of the renewal's unit, and of its file for cron, without an ending."""
    return f"decodeat-ops-{names.deployment}-certificate"


def schedule(names: Names, units: Mapping[str, str], crontab: str) -> str:
    """Return the script that lets a machine renew its certificate daily. `units` are files of systemd by ending."""
    name = unit(names)
    return lines(
        _PUT,
        "# shellcheck disable=SC2016 # what looks like commands is text of files",
        f"if [ -d {RUNS} ]; then",
        *(f"  put {word(f'{SYSTEMD}/{name}.{end}')} {word(text)} || exit" for end, text in units.items()),
        f"  systemctl daemon-reload && systemctl enable --now {word(f'{name}.timer')} || exit",
        "elif command -v cron >/dev/null || command -v crond >/dev/null; then",
        f"  put {word(f'{CRON}/{name}')} {word(crontab)} || exit",
        f"else exit {NO_CLOCKWORK}; fi",
    )


def unschedule(names: Names) -> str:
    """Return the script that takes the daily renewal away. It works in any directory."""
    name = unit(names)
    return lines(
        f"if [ -e {word(f'{SYSTEMD}/{name}.timer')} ]; then",
        f"  systemctl disable --now {word(f'{name}.timer')} >/dev/null 2>&1",
        f"  rm -f {word(f'{SYSTEMD}/{name}.timer')} {word(f'{SYSTEMD}/{name}.service')}",
        "  systemctl daemon-reload >/dev/null 2>&1",
        "fi",
        f"rm -f {word(f'{CRON}/{name}')}",
    )
