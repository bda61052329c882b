"""Delete a deployment from a machine."""

from collections.abc import Sequence

from decodeat_ops.targets.vm.names import COLOURS, Names
from decodeat_ops.targets.vm.scripts.frame import script
from decodeat_ops.targets.vm.scripts.images import forgetting
from decodeat_ops.targets.vm.scripts.quoting import word, words
from decodeat_ops.targets.vm.scripts.schedule import unschedule

PROJECT = "com.docker.compose.project"
DATA, CERTIFICATES, BACKUPS = "data", ("certificates", "acme", "certbot"), "backups"


def remove(
    names: Names, images: Sequence[str], kept: Sequence[str], *, ledger: Sequence[str] = (), volumes: bool
) -> str:
    """Return the script that deletes containers, network, images and all files, but `kept` and what the lock needs.

    `ledger` are the names of the latter. With `volumes` the data that Docker keeps for Redis and PostgreSQL goes too.
    It prints what is left of `kept`.
    """
    projects = [names.project(part) for part in (*COLOURS, "edge")]
    return script(
        names.root,
        unschedule(names),
        f"for project in {words(*projects)}; do",
        f'  containers=$(docker ps -aq --filter "label={PROJECT}=$project") || exit',
        "  # shellcheck disable=SC2086 # ids are words",
        '  [ -z "$containers" ] || docker stop -t 10 $containers >/dev/null || exit',
        "  # shellcheck disable=SC2086",
        '  [ -z "$containers" ] || docker rm -f $containers >/dev/null || exit',
        *(_volumes() if volumes else ()),
        "done",
        f"docker network rm {word(names.network)} >/dev/null 2>&1 || :",
        "for name in * .[!.]*; do",
        f'  case $name in {"|".join(map(word, (*kept, *ledger)))}) ;; *) rm -rf "./$name" || exit ;; esac',
        "done",
        *((forgetting(names), f'for image in {words(*images)}; do forget "$image" >/dev/null; done') if images else ()),
        *(f"[ ! -e {word(name)} ] || echo {word(f'stays-{name}={name}')}" for name in kept),
    )


def _volumes() -> tuple[str, ...]:
    return (
        f'  volumes=$(docker volume ls -q --filter "label={PROJECT}=$project") || exit',
        "  # shellcheck disable=SC2086",
        '  [ -z "$volumes" ] || docker volume rm $volumes >/dev/null || exit',
    )
