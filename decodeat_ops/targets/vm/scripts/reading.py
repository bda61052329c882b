"""Build the scripts that read one thing of a machine: a release's files, a container's log, what the machine itself is.

They change nothing.
"""

from collections.abc import Sequence

from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.scripts import sections
from decodeat_ops.targets.vm.scripts.colour import COLOUR, IMAGE, SECRETS, SERVICE
from decodeat_ops.targets.vm.scripts.frame import MISSING, script
from decodeat_ops.targets.vm.scripts.quoting import export, lines, word, words

_FILES = """\
cd "$place" 2>/dev/null || { say end; exit; }
for path in service.env compose.yaml edge/compose.yaml edge/nginx/*; do
  if [ -f "$path" ]; then
    say file "$path"
    told <"$path"
  fi
done
"""
_GROUND = """\
say clock "$(date +%s.%N)"
ask info docker info --format '{"Driver":{{json .Driver}},"DriverStatus":{{json .DriverStatus}}}'
say sockets
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | told
"""
_ENVIRONMENT = """\
for container in $containers; do
  names=$(docker inspect --type container \\
    --format '{{range .Config.Env}}{{println (index (split . "=") 0)}}{{end}}' "$container" 2>/dev/null) || continue
  say environment "$container"
  printf '%s\\n' "$names" | told
done
"""


def files(names: Names, release: str) -> str:
    """Return the script that prints what was rendered for a release."""
    return lines(sections.BEGIN, f"place={word(names.release(release))}", _FILES, sections.END)


def ground() -> str:
    """Return the script that prints what a deploy needs of the machine itself."""
    return lines(sections.BEGIN, _GROUND, sections.END)


def clock() -> str:
    """Return the script that prints the machine's time, and takes none itself."""
    return "date +%s.%N\n"


def environment(containers: Sequence[str]) -> str:
    """Return the script that prints the names of containers' variables, and no value."""
    return lines(sections.BEGIN, f"containers={word(' '.join(containers))}", _ENVIRONMENT, sections.END)


def inside(container: str, arguments: Sequence[str]) -> str:
    """Return the script that runs the service's own code beside what runs in a container."""
    return f"docker exec -i {word(container)} python -m decodeat {words(*arguments)}\n"


def apart(names: Names, release: str, image: str, arguments: Sequence[str]) -> str:
    """Return the script that runs a release's code in a container of its own, which is gone afterwards.

    Its input are the lines that export the secrets. It ends with `MISSING` when release or image is not there.
    """
    file = f"releases/{release}/compose.yaml"
    return script(
        names.root,
        f"[ -f {word(file)} ] || exit {MISSING}",
        f"docker image inspect {word(image)} >/dev/null 2>&1 || exit {MISSING}",
        'eval "$(cat)"',
        export({IMAGE: image, COLOUR: "blue", SECRETS: ""}),
        f"docker compose -p {word(names.project('asked'))} -f {word(file)} run --rm -T --no-deps {word(SERVICE)} \\",
        f"  python -m decodeat {words(*arguments)} </dev/null",
    )


def asking(container: str) -> str:
    """Return the script to hold that answers requests to a container's own socket, a line of JSON for a line.

    When the container does not run, or ends, it says so once, and takes no more.
    """
    gone = '{"error": "its container does not run", "gone": true}'
    return lines(
        f"docker exec -i {word(container)} python -m decodeat.ask 2>/dev/null || {{",
        f"  printf '%s\\n' {word(gone)}",
        "  cat >/dev/null",
        "}",
    )
