"""Delete from a machine what is beyond retention, and what changes that were cut off have left."""

from collections.abc import Sequence

from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.scripts.colour import engine
from decodeat_ops.targets.vm.scripts.frame import script
from decodeat_ops.targets.vm.scripts.images import forgetting
from decodeat_ops.targets.vm.scripts.quoting import word, words


def prune(names: Names, releases: Sequence[str], images: Sequence[str], generations: Sequence[str]) -> str:
    """Return the script that deletes these releases and images, but none that a colour, `stopped` or a container uses.

    Of nginx's files it keeps `generations` and those in use. It prints what it would have deleted and has not. Without
    an engine, which alone knows what containers use, it deletes nothing.
    """
    return script(
        names.root,
        engine(),
        "used=' '",
        "for link in colours/blue colours/green stopped; do",
        '  to=$(readlink "$link") && used="$used${to##*/} "',
        "done",
        "drop() {",
        '  case $used in *" $1 "*) echo "kept=$1" ;; *) rm -rf "releases/$1" || exit ;; esac',
        "}",
        *(f"drop {word(release)}" for release in releases),
        *((forgetting(names), f'for image in {words(*images)}; do forget "$image" >/dev/null; done') if images else ()),
        f"kept={word(' '.join(('', *generations, 'current', '')))}",
        'kept="$kept$(readlink edge/current) "',
        "for generation in edge/*/; do",
        "  generation=${generation%/}; generation=${generation#edge/}",
        '  case $kept in *" $generation "*) ;; *) rm -rf "edge/$generation" || exit ;; esac',
        "done",
        leftovers(names),
    )


def leftovers(names: Names) -> str:
    """Return the command that deletes what no change goes on with once it is over: half a transfer, an ended errand."""
    errands = words(names.container("migrate"), names.container("unmigrate"))
    return f"rm -rf staging edge/.new; docker rm {errands} >/dev/null 2>&1 || :"
