"""Watch for a while what clients get through nginx from a release, and whether its container goes on."""

from decodeat_ops.targets.vm.names import Colour, Names
from decodeat_ops.targets.vm.scripts.colour import watch_state
from decodeat_ops.targets.vm.scripts.frame import script
from decodeat_ops.targets.vm.scripts.quoting import word

# nginx writes a JSON object for each request, with its status, its seconds, and what the service answered: what nginx
# says itself in maintenance, or to a client's nonsense, tells nothing of a release.
_ANY = '"status": [1-5][0-9][0-9],'
_BAD = '"upstream_status": "5[0-9][0-9]"'
_SLOW = r'"seconds": [0-9]{2,}\.'  # ten seconds or more
_WHEN = r's/.*"time": "\([^"]*\)".*"seconds": \([0-9]*\)\..*/\1 \2/p'


def watch(names: Names, colour: Colour, seconds: float) -> str:
    """Return the script that watches a colour, and says how many answers there were, errors and slow ones among them.

    Of requests that began before, which the release of before may have had, only the number counts. It ends at once
    when the container ends.
    """
    log = f'docker logs --since "$since" {word(names.container("nginx"))} 2>/dev/null'
    return script(
        names.root,
        "since=$(date +%s)",
        f"end=$((since + {max(1, round(seconds))}))",
        'while [ "$(date +%s)" -lt "$end" ]; do',
        watch_state(names.container(colour)),
        "  sleep 0.5",
        "done",
        f"seen=$({log} | grep -E {word(_ANY)})",
        "count() {",
        f"""  printf '%s\\n' "$seen" | grep -E "$1" | sed -n {word(_WHEN)} | while read -r at took; do""",
        '    if [ "$took" -gt 0 ] && [ "$(($(date -d "$at" +%s) - took))" -lt "$since" ]; then continue; fi',
        "    echo one",
        "  done | wc -l",
        "}",
        """echo "answers=$(printf '%s' "$seen" | grep -c '')\"""",
        f'echo "errors=$(count {word(_BAD)})"',
        f'echo "slow=$(count {word(_SLOW)})"',
    )
