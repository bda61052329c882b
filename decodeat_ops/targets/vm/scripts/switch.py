"""Let clients reach a colour by one rename, take it back, and let them reach none."""

from decodeat_ops.targets.vm.names import COLOURS, Names
from decodeat_ops.targets.vm.scripts.asking import ask, good, public
from decodeat_ops.targets.vm.scripts.colour import (
    engine,
    finish,
    kept,
    link,
    own,
    retired,
    runs,
    until_ended,
    watch_state,
)
from decodeat_ops.targets.vm.scripts.frame import BARE, MISSING, NOT_YET, SERVES, UNREACHED, lacks, say_log, script
from decodeat_ops.targets.vm.scripts.quoting import lines, word

IN_A_ROW = 5  # answers through nginx that confirm a release
_END = "decodeat-ops-end"


def admit(names: Names, colour: str, release: str, domain: str, wait: float) -> str:
    """Return the script that renames the link to a colour, and confirms through nginx that its release answers.

    It renames back when nginx does not answer with the release in `wait` seconds, and ends with `UNREACHED`. All of
    that is done in a session of its own: it comes to its end when the connection breaks off in the middle.
    """
    return _apart(
        names,
        f"[ -S run/{colour}/api.sock ] || {lacks(release, MISSING)}",
        "before=$(readlink run/active)",
        link(colour, "run/active"),
        _confirm(names, colour, release, domain, wait),
        f'if [ -z "$before" ]; then rm -f run/active; elif [ "$before" != {colour} ]; then',
        f'  ln -sfn "$before" run/active.new && mv -T run/active.new run/active && {kept("run/active")}',
        "fi",
        _shown(),
        say_log(names.container("nginx"), 10),
        f"exit {UNREACHED}",
    )


def _confirm(
    names: Names,
    colour: str,
    release: str,
    domain: str,
    wait: float,
    *,
    well: str = "'running 0'",
) -> str:
    """Return lines that end the script well once nginx has answered with the release `IN_A_ROW` times.

    They wait no longer once its container has ended: until clients are led back, they get errors. `well` is the
    pattern of its state and of how often the engine had to start it again.
    """
    container = names.container(colour)
    asked = ask(container, public("/health", domain), IN_A_ROW)
    state = f"docker inspect -f {word('{{.State.Status}} {{.RestartCount}}')} {word(container)} 2>/dev/null"
    return lines(
        f"end=$(($(date +%s) + {wait:.0f})); answer=''",
        "while :; do",
        f"  case $({state}) in {well}) ;; *) break ;; esac",
        f"  answer=$({asked})",
        f"""  [ "$(printf '%s\\n' "$answer" | {good(release)} | wc -l)" -ne {IN_A_ROW} ] || exit 0""",
        '  [ "$(date +%s)" -lt "$end" ] || break',
        "  sleep 0.1",
        "done",
    )


def _shown() -> str:
    return """printf 'answer=%s\\n' "$(printf '%s\\n' "$answer" | tail -n 1 | cut -c1-2000)\""""


def _apart(names: Names, *parts: str) -> str:
    """Return a script whose parts run in a session of their own, and its output and status at their end.

    The lock of a step is held on by that session, so that a repeat waits for it.
    """
    inner = lines("all() {", *parts, "}", "all; exit")
    return script(
        names.root,
        own(),
        "out=run.$$.log",
        f"setsid -w sh -u -s >\"$out\" 2>&1 <<'{_END}'",
        inner,
        _END,
        'status=$?; cat "$out"; rm -f "$out"; exit $status',
    )


def back(names: Names, colour: str, before: str, release: str, domain: str, wait: float, *, admitted: str = "") -> str:
    """Return the script that leads clients back from `colour` to the colour `before`, "" for nowhere.

    `release` is what that one runs, "" where it did not run, so that nothing is started and asked. Its container is
    started again where it was told to end, which may have to come first: then the script ends with `NOT_YET`. Where
    nginx does not confirm it, it ends with `UNREACHED`; the link leads back all the same.

    `admitted` is the release in `colour`, "" where clients reached nothing. It finishes the requests that it has got.
    Where another one serves in that colour by now, nothing is touched.
    """
    leave, leads = _leave(names, colour, admitted), f'[ "$(readlink run/active)" = {word(before)} ]'
    others = f'if [ "$(readlink run/active)" = {word(colour)} ] && ! {runs(colour, admitted)}; then exit 0; fi'
    guard = others if admitted else ""
    if not before:
        gone = f'[ "$(readlink run/active)" != {word(colour)} ] || rm -f run/active'
        return script(names.root, guard, gone, leave)
    if not release:
        return script(names.root, guard, f"{leads} || {{ {link(before, 'run/active')}; }}", leave)
    return _apart(
        names,
        guard,
        f"if {leads} && [ ! -f {retired(before)} ]; then {leave or ':'}; exit 0; fi",
        revive(names, before, release, wait),
        link(before, "run/active"),
        "rm -f stopped",
        leave,
        # It may serve for long, and have been started again in all that time.
        _confirm(names, before, release, domain, 10, well="'running '*"),
        _shown(),
        f"exit {UNREACHED}",
    )


def _leave(names: Names, colour: str, admitted: str) -> str:
    """Return the command that tells the release that clients have left to finish and end, nothing where there is none.

    It may have requests yet: whoever takes it away waits for them.
    """
    return f"if {runs(colour, admitted)}; then {finish(names, colour)}; fi" if admitted else ""


def revive(names: Names, colour: str, release: str, wait: float) -> str:
    """Return lines that bring a container back that was told to end: once it has, it is started again as it was.

    They end the script with `BARE` where neither it nor anything else of its release is there.
    """
    container = word(names.container(colour))
    return lines(
        f"[ -d {word(f'releases/{release}')} ] || docker inspect {container} >/dev/null 2>&1 || exit {BARE}",
        engine(),
        f"if [ -f {retired(colour)} ]; then",
        until_ended(names, colour, wait),
        "fi",
        f"docker start {container} >/dev/null 2>&1 || exit {MISSING}",
        f"rm -f {retired(colour)}",
        f"end=$(($(date +%s) + {wait:.0f}))",
        f"while [ ! -S run/{colour}/api.sock ]; do",
        watch_state(names.container(colour)),
        f'  [ "$(date +%s)" -lt "$end" ] || exit {NOT_YET}',
        "  sleep 0.2",
        "done",
    )


def halt(names: Names, release: str) -> str:
    """Return the script after which nginx answers 503, what runs finishes, and `start` knows what served."""
    return script(
        names.root,
        link(f"releases/{release}", "stopped"),
        f"rm -f run/active && {kept('run/active')} || exit",
        *(finish(names, colour) for colour in COLOURS),
    )


def all_ended(names: Names, wait: float) -> str:
    """Return the script that waits up to `wait` seconds until neither colour runs, and tells those to that do."""
    told = (finish(names, colour) for colour in COLOURS)
    unreached = f"[ ! -L run/active ] || exit {SERVES}"
    return script(names.root, unreached, engine(), *told, *(until_ended(names, colour, wait) for colour in COLOURS))


def maintenance(names: Names, *, on: bool) -> str:
    """Return the script that lets nginx answer 503 to clients, or the release again; no file of nginx changes."""
    change = ": >run/maintenance.new && chmod 0644 run/maintenance.new && mv -T run/maintenance.new run/maintenance"
    return script(names.root, own(), f"{change if on else 'rm -f run/maintenance'} && {kept('run/maintenance')}")
