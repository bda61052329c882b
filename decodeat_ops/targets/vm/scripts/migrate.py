"""Run the release's own migrations in a container of their own, once, however often it is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

from decodeat_ops.targets.vm.scripts.colour import SERVICE, Launch, ended, engine
from decodeat_ops.targets.vm.scripts.frame import MISSING, NO_START, lacks, say_log, script
from decodeat_ops.targets.vm.scripts.quoting import lines, word, words

FORWARD, BACK = "migrate", "unmigrate"  # the names of the containers
_CHANGE = "decodeat-ops.change"  # the label that says for which change of the deployment one runs
_LABELLED = f'{{{{index .Config.Labels "{_CHANGE}"}}}}'


@dataclass(frozen=True)
class Errand:
    """Describe a migration of one change; `name` is FORWARD or BACK, `asked` are the words of the service's command."""

    launch: Launch
    name: str
    change: str
    asked: Sequence[str]

    @property
    def container(self) -> str:
        return self.launch.names.container(self.name)


def run(errand: Errand, wait: float) -> str:
    """Return the script that migrates, and waits up to `wait` seconds for the end. Its input exports the secrets.

    A container that runs for the same change, or has, is the one: a repeat after a lost connection migrates no second
    time. It stays until the change is over.
    """
    launch, container = errand.launch, word(errand.container)
    return script(
        launch.names.root,
        f"[ -f {word(f'releases/{launch.release}/compose.yaml')} ] || {lacks(launch.release, MISSING)}",
        'eval "$(cat)"',
        launch.variables,
        engine(),
        f'if [ "$(docker inspect -f {word(_LABELLED)} {container} 2>/dev/null)" != {word(errand.change)} ]; then',
        ended(container, wait),
        f"  docker rm -f {container} >/dev/null 2>&1",
        f"  if ! {launch.compose} run -d -T --no-deps --name {container} --label {word(f'{_CHANGE}={errand.change}')} "
        f"{word(SERVICE)} python -m decodeat {words(*errand.asked)} >migrate.log 2>&1 </dev/null; then",
        "    tail -n 30 migrate.log; rm -f migrate.log",
        f"    exit {NO_START}",
        "  fi",
        "  rm -f migrate.log",
        "fi",
        ended(container, wait),
        _outcome(errand.container),
    )


def outcome(errand: Errand, wait: float) -> str:
    """Return the script that says how a migration of this change ended, and nothing when none was begun."""
    container = word(errand.container)
    return script(
        errand.launch.names.root,
        engine(),
        f'[ "$(docker inspect -f {word(_LABELLED)} {container} 2>/dev/null)" = {word(errand.change)} ] || exit 0',
        ended(container, wait),
        _outcome(errand.container),
    )


def _outcome(container: str) -> str:
    quoted = word(container)
    return lines(
        f'echo "code=$(docker inspect -f {word("{{.State.ExitCode}}")} {quoted})"',
        f'echo "told=$(docker logs {quoted} 2>/dev/null | tail -n 1)"',
        say_log(container),
    )


def forget(launch: Launch) -> str:
    """Return the script that removes the containers of migrations that have ended."""
    names = launch.names
    return script(names.root, f"docker rm {words(*map(names.container, (FORWARD, BACK)))} >/dev/null 2>&1 || :")
