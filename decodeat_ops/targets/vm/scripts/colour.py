"""Start a colour, wait for it, and let it finish: what happens to one container of the service."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.scripts.asking import ask, good, private
from decodeat_ops.targets.vm.scripts.frame import (
    ENDED,
    KILLED,
    MISSING,
    NO_ENGINE,
    NO_START,
    NOT_YET,
    OUT_OF_MEMORY,
    SERVES,
    lacks,
    say_log,
    script,
)
from decodeat_ops.targets.vm.scripts.ledger import directories
from decodeat_ops.targets.vm.scripts.quoting import export, lines, word

# What the Compose file of a colour takes from its caller. Its secrets are variables of their own names.
IMAGE, COLOUR, SECRETS = "DECODEAT_IMAGE", "DECODEAT_COLOUR", "DECODEAT_SECRETS"
SERVICE = "api"  # the service's name in that file
ENGINE_SECONDS = 10  # that an engine may take to start anew
ANSWERS = f"docker version >/dev/null 2>&1 || exit {NO_ENGINE}"
_STATE = "{{.State.Status}} {{.State.OOMKilled}} {{.State.ExitCode}} {{.RestartCount}}"
# Where a container sees how many of its processes the kernel has killed for their memory, by either kind of groups.
_KILLS = "/sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control"


@dataclass(frozen=True)
class Launch:
    """Describe what a colour is started as. `record` is the release's own, as JSON; `secrets` the digest of today's."""

    names: Names
    colour: str
    release: str
    image: str
    secrets: str
    record: str

    @property
    def container(self) -> str:
        return self.names.container(self.colour)

    @property
    def variables(self) -> str:
        """Return the lines that export what the Compose file takes, but for the secrets, which come as input."""
        return export({IMAGE: self.image, COLOUR: self.colour, SECRETS: self.secrets})

    @property
    def compose(self) -> str:
        """Return the beginning of a command of Compose for this colour."""
        file = f"releases/{self.release}/compose.yaml"
        return f"docker compose -p {word(self.names.project(self.colour))} -f {word(file)}"


def start(launch: Launch, wait: float) -> str:
    """Return the script that starts a release as a colour, and waits up to `wait` seconds until it is ready.

    Its input are lines that export the secrets. The container is always a new one, with today's secrets. It refuses
    with `SERVES` to touch the colour that clients reach.
    """
    names, colour, release = launch.names, launch.colour, launch.release
    return script(
        names.root,
        f"[ -f {word(f'releases/{release}/compose.yaml')} ] || {lacks(release, MISSING)}",
        f'[ "$(readlink run/active)" != {colour} ] || exit {SERVES}',
        'eval "$(cat)"',
        launch.variables,
        record(release, launch.record),
        "mkdir -p colours || exit",
        own(),
        # The directory is the container's: an earlier one may have left anything by that name.
        f"rm -rf run/{colour}/api.sock {word(retired(colour))}",
        link(f"../releases/{release}", f"colours/{colour}"),
        f"if ! {launch.compose} up -d --force-recreate --no-build --pull never >compose.log 2>&1 </dev/null; then",
        "  tail -n 30 compose.log; rm -f compose.log",
        f"  exit {NO_START}",
        "fi",
        "rm -f compose.log",
        _until_ready(launch.container, release, wait),
    )


def ready(names: Names, colour: str, release: str, wait: float) -> str:
    """Return the script that waits up to `wait` seconds more until a colour is ready and reports the release."""
    return script(names.root, _until_ready(names.container(colour), release, wait))


def _until_ready(container: str, release: str, wait: float) -> str:
    """Return lines that end the script once a release is ready, or can't be by what is known of its container.

    Where the kernel kills a worker, the container's first process goes on and starts another one, without end.
    """
    kills = f"timeout 20 docker exec {word(container)} grep -qsE '^oom_kill [1-9]' {_KILLS}"
    return lines(
        f"end=$(($(date +%s) + {wait:.0f}))",
        "while :; do",
        watch_state(container),
        f"  answer=$({ask(container, private('/ready'))})",
        f"""  printf '%s\\n' "$answer" | {good(release)} >/dev/null && exit 0""",
        '  [ "$(date +%s)" -lt "$end" ] || break',
        "  sleep 0.2",
        "done",
        """printf 'answer=%s\\n' "$(printf '%s' "$answer" | tr '\\n' ' ' | cut -c1-2000)\"""",
        f"status={NOT_YET}; if {kills} >/dev/null 2>&1 </dev/null; then status={OUT_OF_MEMORY}; fi",
        say_log(container),
        "exit $status",
    )


def watch_state(container: str) -> str:
    """Return the lines of a loop that end the script when a container does not run, or was started again.

    An engine that starts one again forgets how it ended, so that its events are asked.
    """
    end = "{{.Action}} {{.Actor.Attributes.exitCode}}"
    return lines(
        f"  state=$(docker inspect -f {word(_STATE)} {word(container)} 2>/dev/null) || exit {MISSING}",
        "  case $state in",
        "    'created '* | 'running '*' 0') ;;",
        "    *)",
        f"      made=$(docker inspect -f {word('{{.Created}}')} {word(container)} 2>/dev/null)",
        '      ends=$(timeout 20 docker events --since "$made" --until "$(($(date +%s) + 1))" '
        f"--filter {word(f'container={container}')} --filter event=oom --filter event=die --format {word(end)} "
        "2>/dev/null </dev/null)",
        '      echo "state=$state"; echo "ended=${ends##* }"; ' + say_log(container),
        '      case "$ends/$state/${ends##* }" in',
        f"        oom* | *' true '* | *' {KILLED} '* | */{KILLED}) exit {OUT_OF_MEMORY} ;;",
        f"        *) exit {ENDED} ;;",
        "      esac ;;",
        "  esac",
    )


def unstart(
    names: Names, colour: str, release: str, before: str, record_before: str, *, wait: float | None = None
) -> str:
    """Return the script that takes a started colour away again, unless clients reach it or it runs another release.

    `before` is the release that the colour ran before, "" for none; `record_before` is the record of this one then.
    One that was told to finish, since clients had reached it, is waited for up to `wait` seconds, or not if that is
    None: the script ends with `NOT_YET` while it answers requests.
    """
    container = word(names.container(colour))
    back = f"[ -d {word(f'releases/{before}')} ]" if before else "false"
    return script(
        names.root,
        f'[ "$(readlink run/active)" != {colour} ] || exit {SERVES}',
        f"{runs(colour, release)} || exit 0",
        engine(),
        *((f"if [ -f {retired(colour)} ]; then", until_ended(names, colour, wait), "fi") if wait is not None else ()),
        f"docker rm -f {container} >/dev/null 2>&1",
        f"! docker inspect {container} >/dev/null 2>&1 || exit {NO_START}",
        ANSWERS,
        f"rm -rf run/{colour}/api.sock {retired(colour)}",
        f"if {back}; then",
        link(f"../releases/{before}", f"colours/{colour}"),
        f"else rm -f colours/{colour}",
        "fi",
        record(release, record_before) if record_before else "",
    )


def drained(names: Names, colour: str, wait: float) -> str:
    """Return the script that waits up to `wait` seconds until a colour has ended, and tells it to where nobody has.

    It ends with `NOT_YET` and says since when the colour has known, `SERVES` for the one that clients reach.
    """
    return script(
        names.root,
        f'[ "$(readlink run/active)" != {colour} ] || exit {SERVES}',
        engine(),
        finish(names, colour),
        until_ended(names, colour, wait),
    )


def until_ended(names: Names, colour: str, wait: float) -> str:
    """Return lines that end the script with `NOT_YET` when a colour still runs after `wait` seconds."""
    return ended(
        word(names.container(colour)),
        wait,
        ANSWERS,
        f'now=$(date +%s); since=$(cat {retired(colour)} 2>/dev/null || echo "$now")',
        'echo "seconds=$((now - since))"',
    )


def ended(container: str, wait: float, *late: str) -> str:
    """Return lines that wait for the end of a container, by its quoted name. One that is not there has ended.

    After `wait` seconds they run what is to be done when it is `late`, and end the script with `NOT_YET`. An engine
    that is away says nothing of it: containers may run on without.
    """
    return lines(
        f"end=$(($(date +%s) + {wait:.0f}))",
        "while :; do",
        f"  if running=$(docker inspect -f {word('{{.State.Running}}')} {container} 2>/dev/null); then",
        '    [ "$running" = true ] || break',
        "  elif docker version >/dev/null 2>&1; then break",
        "  fi",
        '  if [ "$(date +%s)" -ge "$end" ]; then',
        *(f"    {line}" for line in (*late, f"exit {NOT_YET}")),
        "  fi",
        "  sleep 0.2",
        "done",
    )


def engine() -> str:
    """Return lines that wait for an engine that is away, as when it is started anew, and end the script without one.

    Its silence would look as if nothing was there.
    """
    return lines(
        f"end=$(($(date +%s) + {ENGINE_SECONDS}))",
        "until docker version >/dev/null 2>&1; do",
        f'  [ "$(date +%s)" -lt "$end" ] || exit {NO_ENGINE}',
        "  sleep 0.5",
        "done",
    )


def finish(names: Names, colour: str) -> str:
    """Return the command that tells a colour to finish what it does, and notes when it was told first.

    Telling it again changes nothing.
    """
    container = word(names.container(colour))
    return (
        f"if docker kill --signal TERM {container} >/dev/null 2>&1 && [ ! -f {retired(colour)} ]; then "
        f"date +%s >{retired(colour)}.new && mv {retired(colour)}.new {retired(colour)}; fi"
    )


def retire(names: Names, colour: str, old: str, record_now: str, release: str) -> str:
    """Return the script that lets the other colour finish and end, and notes that the release has served."""
    return script(
        names.root,
        f'[ "$(readlink run/active)" = {word(colour)} ] || {lacks(release, SERVES)}',
        engine(),
        finish(names, old),
        ANSWERS,
        f"docker rm {word(names.container('migrate'))} >/dev/null 2>&1 || :",
        "rm -f stopped",
        record(release, record_now),
    )


def runs(colour: str, release: str) -> str:
    """Return the test whether a colour runs a release, or ran it last."""
    return f'[ "$(readlink colours/{colour})" = {word(f"../releases/{release}")} ]'


def retired(colour: str) -> str:
    """Return the file that says since when a colour finishes, in seconds since the epoch."""
    return f"colours/{colour}.retired"


def own() -> str:
    """Return the commands that make the directories of the sockets, which nginx may enter by its group alone."""
    return directories("run", "run/blue", "run/green")


def link(to: str, path: str) -> str:
    """Return the command that makes a link lead somewhere else, at once, and also after a machine lost its power."""
    new, there = word(f"{path}.new"), word(path)
    return f"ln -sfn {word(to)} {new} && mv -T {new} {there} && {kept(path)} || exit"


def kept(path: str) -> str:
    """Return the command after which what was renamed to a path, or deleted there, is so on the disk.

    The journal is written in its place, which brings no rename of another file to the disk.
    """
    return f"sync {word(PurePosixPath(path).parent)}"


def record(release: str, text: str) -> str:
    """Return the command that replaces a release's record."""
    path = f"releases/{release}/release.json"
    new = word(f"{path}.new")
    return f"printf '%s' {word(text)} >{new} && sync {new} && mv {new} {word(path)} && {kept(path)} || exit"
