"""Have a machine install its security updates by itself, and take that back."""

from collections.abc import Mapping

from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.vm.bootstrap import marks
from decodeat_ops.targets.vm.place import Acts, Place
from decodeat_ops.targets.vm.scripts.quoting import lines, word

# A file of our own, read after those of the system: what the operator wrote stays as it is.
FILE = "/etc/apt/apt.conf.d/52decodeat-ops"
TEXT = """\
// Written by decodeat-ops (vm.unattended_upgrades). Which updates: 50unattended-upgrades, by default security alone.
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
"""
_ON = ("Update-Package-Lists", "Unattended-Upgrade")


def on(periodic: Mapping[str, str]) -> bool:
    """Return whether apt's own settings say that it is done, daily or at another pace."""
    return all(periodic.get(name, "0") not in ("", "0") for name in _ON)


_MAKE = """\
umask 022
if [ ! -e "$file" ]; then
  : >"$notes"
  cat >"$file.new" && sync "$file.new" && mv "$file.new" "$file" || exit 77
fi
for name in Update-Package-Lists Unattended-Upgrade; do
  if apt-config dump "APT::Periodic::$name" | grep -q '"0"'; then
    echo "a file in /etc/apt/apt.conf.d turns APT::Periodic::$name off"
    exit 77
  fi
done
if [ -d /run/systemd/system ]; then
  systemctl enable --now apt-daily.timer apt-daily-upgrade.timer >/dev/null 2>&1 || exit 77
fi
"""
_UNMAKE = 'if [ -e "$notes" ]; then rm -f "$file" "$notes"; fi\n'


def making(mark: str, body: str) -> str:
    return marks.script(mark, "upgrades", lines(f"file={word(FILE)}", body))


def make(place: Place, context: Context, params: Params) -> None:
    """Turn it on where it is not."""
    text = making(params["mark"], _MAKE)
    marks.at_each(place, context, params, lambda host: marks.run(place, host, text, given=TEXT))


def unmake(place: Place, context: Context, params: Params) -> None:
    """Delete the file if this change has written it."""
    text = making(params["mark"], _UNMAKE)
    marks.at_each(place, context, params, lambda host: marks.run(place, host, text), undo=True)


ACTIONS: Acts = {"make-upgrades": make, "unmake-upgrades": unmake}
