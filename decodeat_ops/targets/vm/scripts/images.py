"""Build the scripts that look for images at a machine's engine, bring them into it, and take them away again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from decodeat_ops.core.layers import BuiltImage
from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.scripts.colour import ANSWERS, engine
from decodeat_ops.targets.vm.scripts.frame import NO_ENGINE
from decodeat_ops.targets.vm.scripts.guard import fed
from decodeat_ops.targets.vm.scripts.quoting import lines, word, words

# Exit statuses of these scripts, beside those of the guard and of other scripts.
REFUSED = 71  # the registry takes no such login, or could not be asked
NOT_PULLED = 72
NOT_LOADED = 73

_DIGITS = 24  # hexadecimal ones of a tag: 96 bits
_LAYERS = "{{.Id}} {{json .RootFS.Layers}}"

_BEGIN = """\
set -u
umask 077
LC_ALL=C; export LC_ALL
"""

# The store of containerd has its content beside the engine's directory.
_ENGINE = f"""\
told=$(docker info --format '{{{{.DockerRootDir}}}} {{{{json .DriverStatus}}}}') || exit {NO_ENGINE}
root=${{told%% \\[*}}
[ -n "$root" ] || exit {NO_ENGINE}
case $told in
  *containerd.snapshotter*)
    echo store=containerd
    if [ -d /var/lib/containerd ]; then root=/var/lib/containerd; fi ;;
esac
room() {{
  echo "root=$root"
  echo "free=$(df --output=avail -B 1 "$root" 2>/dev/null | tail -n 1 | tr -d ' ')"
}}
named() {{ # NAME
  docker image inspect --format "named=$1 {_LAYERS}" "$1" 2>/dev/null
}}
"""

_ALL = f"""\
docker image ls --all --quiet --no-trunc | sort -u |
  xargs -r docker image inspect --format 'image={_LAYERS}' 2>/dev/null || :
room
"""

# What is unpacked in the engine is not told again: the output of an engine that fails is on its other stream.
_LOAD = f"""\
[ "$status" = 0 ] || {{ room; exit {NOT_LOADED}; }}
named "$name" || {{ echo "the engine took the archive and has no image $name" >&2; exit {NOT_LOADED}; }}
"""

# The password comes as input, and lies in memory alone, where only root can read it, until the shell ends however it
# does; what a kill has left is deleted by the next one.
_LOGIN = f"""\
rm -rf /run/decodeat-ops-login-"$deployment".*
config=$(mktemp -d /run/decodeat-ops-login-"$deployment".XXXXXXXXXXXX) || exit {REFUSED}
trap 'rm -rf "$config"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
DOCKER_CONFIG=$config; export DOCKER_CONFIG
IFS= read -r password || exit {REFUSED}
printf '%s' "$password" | docker login --username "$user" --password-stdin "$registry" >/dev/null || exit {REFUSED}
unset password
"""

_PULL = f"""\
docker pull --quiet "$image" >/dev/null || {{ room; exit {NOT_PULLED}; }}
docker tag "$image" "$name" || exit {NOT_PULLED}
named "$image" || exit {NOT_PULLED}
"""

# A tag of ours may be the last name of an image, with which the engine deletes it. By its bare id it is deleted when it
# has no name at all: with another one it is somebody else's, too. An engine that is away says nothing of it.
_FORGET = """\
forget() { # IMAGE
  id=$(docker image inspect --format '{{.Id}}' "$1" 2>/dev/null) || { answers; return 0; }
  users=$(docker ps --all --quiet --filter ancestor="$id") || { answers; exit 1; }
  if [ -n "$users" ] || grep -qsxF -e "$1" -e "$id" "$parent"/*/releases/*/image; then
    echo "kept=$1"
    return 0
  fi
  docker image ls --no-trunc --format '{{.ID}} {{.Tag}}' "$own" | while read -r other tag; do
    if [ "$other" = "$id" ]; then docker image rm "$own:$tag" >/dev/null 2>&1 </dev/null || :; fi
  done
  left=$(docker image inspect --format '{{json .RepoTags}}{{json .RepoDigests}}' "$id" 2>/dev/null)
  case $1,$left in *@*,* | *,'[][]') docker image rm "$1" >/dev/null 2>&1 || : ;; esac
  if docker image inspect "$id" >/dev/null 2>&1; then echo "kept=$1"; else answers; echo "gone=$1"; fi
}
"""


def repository(names: Names) -> str:
    """Return the name of a deployment's images at its machines. Nothing can be pulled by it, whoever tries."""
    return f"localhost/decodeat-ops/{names.deployment}"


def mark(names: Names, image: str) -> str:
    """Return the tag by which a machine keeps an image: `docker image prune` takes those that have none."""
    return f"{repository(names)}:{image.rpartition('sha256:')[2][:_DIGITS]}"


def _values(**values: object) -> str:
    return "".join(f"{name}={word(value)}\n" for name, value in values.items())


def look(names: Names, image: str) -> str:
    """Return the script that tells whether an image is there, by its own name or our tag, and all that `Stock` holds.

    One that is there without our tag gets it.
    """
    name = mark(names, image)
    there = 'if named "$image"; then docker tag "$image" "$name" || :; else named "$name" || :; fi'
    return lines(_BEGIN, _values(image=image, name=name), _ENGINE, there, _ALL)


def load(names: Names, name: str, token: str) -> str:
    """Return the script that reads an archive which gives its image a name, and tells what the engine made of it.

    It reads on while the lock is held with this token.
    """
    return lines(_BEGIN, _values(name=name), _ENGINE, fed(names, token, "docker load --quiet >/dev/null"), _LOAD)


def pull(names: Names, image: str, registry: str = "", user: str = "") -> str:
    """Return the script that pulls repository@digest; with a user it reads a line with the password first.

    Without one it uses what root of that machine is logged in with.
    """
    login = _values(deployment=names.deployment, registry=registry, user=user) + _LOGIN if user else ""
    return lines(_BEGIN, _values(image=image, name=mark(names, image)), _ENGINE, login, _PULL)


def forget(names: Names, images: Sequence[str]) -> str:
    """Return the script that takes images away, but none that a container or a release of any deployment uses.

    It prints each as kept= or gone=, one that was not there not at all. It ends with `NO_ENGINE` where that can't be
    known.
    """
    return lines(_BEGIN, engine(), forgetting(names), f'for image in {words(*images)}; do forget "$image"; done')


def forgetting(names: Names) -> str:
    """Return the definition of the function `forget IMAGE`, for scripts that delete more than images."""
    values = _values(parent=PurePosixPath(names.root).parent, own=repository(names))
    return lines(values, f"answers() {{ {ANSWERS}; }}", _FORGET)


@dataclass(frozen=True)
class Stock:
    """Hold what a machine's engine has. `named` are an image's own id and its layers, by the name it was found by.

    `images` are the layers of all images, `free` the bytes that are left at `root`, where they lie, -1 if not told.
    With `packed` the engine keeps images in containerd's store: it calls them otherwise, and shares no layers with an
    archive.
    """

    root: str = ""
    free: int = -1
    packed: bool = False
    named: dict[str, BuiltImage] = field(default_factory=dict)
    images: tuple[tuple[str, ...], ...] = ()


def stock(output: str) -> Stock:
    """Read what these scripts print; a line that is none of theirs is left out."""
    told: dict[str, str] = {}
    named: dict[str, BuiltImage] = {}
    images = []
    for line in output.splitlines():
        key, equals, value = line.partition("=")
        if key == "named":
            name, identity, layers = value.split(" ", 2)
            named[name] = BuiltImage(identity, _list(layers))
        elif key == "image":
            images.append(_list(value.partition(" ")[2]))
        elif equals:
            told[key] = value
    free = told.get("free", "")
    return Stock(told.get("root", ""), int(free) if free.isdecimal() else -1, "store" in told, named, tuple(images))


def _list(layers: str) -> tuple[str, ...]:
    return tuple(json.loads(layers) or ())
