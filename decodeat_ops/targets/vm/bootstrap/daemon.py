"""Give the engine the rotation of logs and live restore, keep all else that its file says, and have it run."""

import json
from collections.abc import Mapping
from typing import Any

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.plan import Params
from decodeat_ops.core.remote import Remote
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.vm.bootstrap import marks
from decodeat_ops.targets.vm.bootstrap.ground import Engine, settings_of
from decodeat_ops.targets.vm.place import Acts, Place
from decodeat_ops.targets.vm.scripts.quoting import lines, word

ROTATION = {"max-size": "10m", "max-file": "5"}
_ROTATING = ("local", "json-file")  # drivers that take these options
LASTS = 300.0  # seconds


def additions(engine: Engine) -> dict[str, Any]:
    """Return what daemon.json lacks; what the operator set, there or on the command line, stays as it is.

    Raises ValueError when the file is no JSON.
    """
    there = settings_of(engine.file)
    found: dict[str, Any] = {}
    # The engine does not start when something stands both there and on its command line; nor does a swarm's with it.
    if "live-restore" not in there and "--live-restore" not in engine.flags and not engine.swarm:
        found["live-restore"] = True
    if "--log-" in engine.flags:
        return found
    driver = there.get("log-driver", "json-file" if "log-opts" in there else "local")
    if "log-driver" not in there and "log-opts" not in there:
        found["log-driver"] = driver
    options = there.get("log-opts") or {}
    missing = {name: value for name, value in ROTATION.items() if name not in options}
    if driver in _ROTATING and missing:
        found["log-opts"] = missing
    return found


def merged(there: Mapping[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with those that are missing in them; tables are merged likewise."""
    found = dict(there)
    for name, value in added.items():
        if isinstance(value, Mapping) and isinstance(found.get(name), Mapping):
            found[name] = merged(found[name], value)
        else:
            found.setdefault(name, value)
    return found


_READ = """\
file=/etc/docker/daemon.json
if [ -e "$file" ]; then sha256sum <"$file" | cut -d ' ' -f 1; cat "$file"; fi
"""
_ENGINE = """\
file=/etc/docker/daemon.json
# shellcheck disable=SC2317
answers() { timeout 20 docker info >/dev/null 2>&1; }
# shellcheck disable=SC2317
copied() { cp -p "$1" "$2.new" && sync "$2.new" && mv "$2.new" "$2"; } # FILE TO: it is there whole, or as it was
told() { timeout 20 docker info --format "$1" 2>/dev/null; }
await() { n=0; until "$@"; do n=$((n + 1)); [ "$n" -lt 60 ] || return 1; sleep 0.5; done; }
# shellcheck disable=SC2317  # called by name
live() { [ "$(told '{{.LiveRestoreEnabled}}')" = true ]; }
daemon() {
  if [ -d /run/systemd/system ]; then
    systemctl reset-failed docker >/dev/null 2>&1
    systemctl "$1" docker
  else
    service docker "$1"
  fi </dev/null >/dev/null 2>&1
  await answers
}
# A restart stops containers, unless live restore is on; that alone the engine takes without a restart.
# shellcheck disable=SC2317  # an undo calls what it needs of these
renew() {
  if ! answers; then daemon start; return; fi
  if [ "$(told '{{.ContainersRunning}}')" != 0 ]; then
    kill -HUP "$(cat /run/docker.pid)" 2>/dev/null
    await live || return 0
  fi
  daemon restart
}
"""
# `sum` is the digest of the file that the new text was made from, "" for none.
_WRITE = """\
now=; [ -e "$file" ] && now=$(sha256sum <"$file" | cut -d ' ' -f 1)
new=$(mktemp) || exit 77
trap 'rm -f "$new"' EXIT
cat >"$new" || exit 77
if [ "$now" != "$(sha256sum <"$new" | cut -d ' ' -f 1)" ]; then
  [ "$now" = "$sum" ] || { echo "$file was changed meanwhile"; exit 76; }
  if dockerd --help 2>/dev/null | grep -q -- --validate; then
    dockerd --validate --config-file "$new" >&2 || exit 77
  fi
  [ -d /etc/docker ] || install -d -m 755 /etc/docker || exit 77
  if [ ! -e "$notes" ]; then
    if [ -n "$now" ]; then copied "$file" "$notes"; else : >"$notes"; fi || exit 77
  fi
  if [ -n "$now" ]; then cp --attributes-only -p "$file" "$new"; else chmod 644 "$new"; fi
  sha256sum <"$new" | cut -d ' ' -f 1 >"$notes.after" || exit 77
  copied "$new" "$file" || { rm -f "$notes.after"; exit 77; }
fi
"""
_START = """\
if [ -d /run/systemd/system ]; then systemctl enable docker >/dev/null 2>&1; fi
if [ -e "$notes.after" ]; then renew; else answers || daemon start; fi
if ! answers; then
  echo "the engine does not start" >&2
  { journalctl -u docker -n 15 --no-pager || tail -n 15 /var/log/docker.log; } 2>/dev/null >&2
  exit 77
fi
if grep -qs '"live-restore": true' "$file" && ! live; then
  echo "the engine goes on with its old settings: restart it when its containers may stop"
fi
"""
_BACK = """\
[ -e "$notes.after" ] || exit 0
if [ "$(sha256sum <"$file" | cut -d ' ' -f 1)" != "$(cat "$notes.after")" ]; then
  echo "$file stays: somebody has changed it since"
  exit 0
fi
if [ -s "$notes" ]; then copied "$notes" "$file" || exit 77; else rm -f "$file"; fi
rm -f "$notes" "$notes.after"
if ! answers; then
  if command -v dockerd >/dev/null; then daemon start; fi
elif [ "$(told '{{.ContainersRunning}}')" = 0 ]; then
  daemon restart
fi
exit 0
"""


def configure(place: Place, context: Context, params: Params) -> dict[str, list[str]]:
    """Add what is missing to each machine's daemon.json, and have the engine run by it."""
    mark, hosts = params["mark"], params["hosts"]
    return marks.at_each(place, context, params, lambda host: _configure(place, host, mark, hosts[host.name]))


def _configure(place: Place, host: Remote, mark: str, added: Mapping[str, Any]) -> tuple[str, ...]:
    digest, *text = marks.run(place, host, _READ) or ("",)
    try:
        whole = merged(settings_of("\n".join(text)), added)
    except ValueError as error:
        raise StepFailed(f"/etc/docker/daemon.json is no JSON: {error}") from error
    new = json.dumps(whole, indent=2) + "\n" if added else ""
    return marks.run(place, host, writing(mark, digest, new), given=new, timeout=LASTS)


def writing(mark: str, digest: str, new: str) -> str:
    """Return the script that writes the file, unless `new` is "", and has the engine run; it prints warnings."""
    write = _WRITE if new else ""
    return marks.script(mark, "daemon", lines(_ENGINE, f"sum={word(digest)}", write, _START))


def unconfigure(place: Place, context: Context, params: Params) -> dict[str, list[str]]:
    """Bring back the file of before, unless somebody has changed it since. An engine with containers is left alone."""
    text = marks.script(params["mark"], "daemon", lines(_ENGINE, _BACK))
    return marks.at_each(place, context, params, lambda host: marks.run(place, host, text, timeout=LASTS), undo=True)


ACTIONS: Acts = {"configure-engine": configure, "unconfigure-engine": unconfigure}
