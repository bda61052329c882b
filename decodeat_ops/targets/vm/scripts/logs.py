"""Build the scripts that read containers' logs: their last lines once, or new ones for as long as somebody reads."""

from collections.abc import Mapping

from decodeat_ops.targets.vm import labels
from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.scripts import sections
from decodeat_ops.targets.vm.scripts.quoting import lines, word

BEAT = 2  # seconds between two lines that say which colour is active, by which both ends see that the other is there
OVERLAP = 10  # seconds that are read again after a container has ended; the reader leaves out what it has

_LABEL = f'{{{{index .Config.Labels "{labels.RELEASE}"}}}}'
# A container that ends is waited for: the next release gets the same name. Each line says where it comes from. A label
# may come from an image, and sed would run what stands in it: what is no id is not shown.
_FOLLOW = """\
follow() {
  part=$1; container=$2; from=$3
  while :; do
    if release=$(docker inspect --type container --format "$label" "$container" 2>/dev/null); then
      case $release in *[!0-9A-Za-z-]*) release= ;; esac
      docker logs --follow --timestamps --since "$from" "$container" 2>&1 | sed -u "s/^/$part ${release:--} /"
    fi
    from=$(($(date +%s) - overlap))
    sleep "$beat"
  done
}
"""
_BEATS = """\
while :; do
  active=$(readlink "$root/run/active" 2>/dev/null)
  active=${active##*/}
  release=$(readlink "$root/colours/${active:-none}" 2>/dev/null)
  printf '= %s %s\\n' "${active:--}" "${release##*/}" || exit 0
  sleep "$beat"
done
"""


def last(containers: Mapping[str, str], count: int) -> str:
    """Return the script that prints the machine's time, then the last lines of each container, by part."""
    return lines(
        sections.BEGIN,
        'say clock "$(date +%s)"',
        *(
            f"say log {word(part)}; docker logs --timestamps --tail {count} {word(container)} 2>&1 </dev/null | told"
            for part, container in containers.items()
        ),
        sections.END,
    )


def holds(container: str, sign: str, since: int) -> str:
    """Return the script that ends with 0 when a log holds a sign that was written in the last `since` seconds."""
    return f"docker logs --since {since}s {word(container)} 2>&1 </dev/null | grep -qF {word(sign)}\n"


def follow(names: Names, containers: Mapping[str, str], since: Mapping[str, str]) -> str:
    """Return the script that prints new lines of each container, by part, from these moments on, and beats between."""
    return lines(
        f"root={word(names.root)}",
        f"label={word(_LABEL)}",
        f"beat={BEAT}",
        f"overlap={OVERLAP}",
        _FOLLOW,
        *(f"follow {word(part)} {word(container)} {word(since[part])} &" for part, container in containers.items()),
        _BEATS,
    )
