"""Build the script that prints all that a machine has of a deployment, in one round trip. It changes nothing."""

from decodeat_ops.targets.vm.names import COLOURS, Names
from decodeat_ops.targets.vm.scripts import sections
from decodeat_ops.targets.vm.scripts.quoting import lines, word

PARTS = (*COLOURS, "nginx", "redis", "postgres")
SEEN = "--seen--"  # the line of the output after which the look follows

# Docker's own JSON without the variables: a container's configuration holds the values of its secrets.
_CONTAINER = (
    '{"Id":{{json .Id}},"Name":{{json .Name}},"Image":{{json .Image}},"RestartCount":{{json .RestartCount}},'
    '"State":{{json .State}},"HostConfig":{{json .HostConfig}},"User":{{json .Config.User}},'
    '"Labels":{{json .Config.Labels}},"Cmd":{{json .Config.Cmd}}}'
)
_LISTED = (
    '{"Names":{{json .Names}},"State":{{json .State}},"Ports":{{json .Ports}},'
    '"Project":{{json (.Label "com.docker.compose.project")}}}'
)

_BODY = """\
say clock "$(date +%s.%N)"
say user "$(id -u)"
say boot "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"
link() {
  if [ -L "$2" ]; then
    say link "$1" "$(stat -c %Y "$2")"
    readlink "$2" | told
  elif [ -e "$2" ]; then
    say nolink "$1"
  fi
}
text() {
  if [ -f "$2" ]; then
    say "$1"
    told <"$2"
  fi
}
up=$root
while [ ! -d "$up" ]; do
  up=${up%/*}
  [ -n "$up" ] || up=/
done
ask space df -Pk "$up"
ask inodes df -Pi "$up"
if [ -d "$root" ]; then
  if [ -r "$root" ] && [ -x "$root" ]; then say root; else say locked; fi
  text format "$root/format.json"
  text salt "$root/salt"
  link active "$root/run/active"
  link stopped "$root/stopped"
  link blue "$root/colours/blue"
  link green "$root/colours/green"
  link edge "$root/edge/current"
  link certificates "$root/certificates/live"
  if [ -f "$root/certificates/live/fullchain.pem" ]; then
    say certificate
    sed '/-END CERTIFICATE-/q' "$root/certificates/live/fullchain.pem" | told
  fi
  [ -e "$root/run/maintenance" ] && say maintenance
  [ -d "$root/journal" ] && say journals
  [ -n "$(ls -A "$root/data" 2>/dev/null)" ] && say data
  for place in "$root"/releases/*/; do
    [ -d "$place" ] || continue
    name=${place%/}
    name=${name##*/}
    case $name in *[!0-9A-Za-z-]*) continue ;; esac
    if [ -f "${place}release.json" ]; then
      say release "$name"
      told <"${place}release.json"
    else
      say unrecorded "$name"
    fi
  done
fi
if command -v docker >/dev/null 2>&1; then
  ask engine docker version --format '{{json .}}'
  if [ "$status" = 0 ]; then
    ask compose docker compose version --short
    # shellcheck disable=SC2086 # the names are words without a space
    ask containers docker inspect --type container --format "$shape" $containers
    ask listed docker ps -a --no-trunc --format "$row"
    ask images docker image ls --no-trunc --digests --format '{{json .}}'
  fi
else
  say nodocker
fi
"""


def script(names: Names) -> str:
    """Return the script. A machine where nothing is yet is looked at like any other."""
    containers = " ".join(names.container(part) for part in PARTS)
    return lines(
        sections.BEGIN,
        f"root={word(names.root)}",
        f"containers={word(containers)}",
        f"shape={word(_CONTAINER)}",
        f"row={word(_LISTED)}",
        _BODY,
        sections.END,
    )


def after(names: Names, body: str) -> str:
    """Return a script that does what another one does, and looks once that has ended well."""
    return lines("(", body, ") || exit", "exec 2>/dev/null", f"echo {SEEN}", script(names))


def parted(output: str) -> tuple[str, str]:
    """Return what that other script printed, and the look."""
    told, _, seen = output.rpartition(f"{SEEN}\n")
    return told, seen
