"""Bad input, end to end: one message that says what, where and what to do, the right exit code, nothing changed."""

import hashlib
import json
import os
import shutil
import socket
import stat
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.engine.journal import read, unfinished
from tests.support.deployments import (
    REPOSITORY,
    STATE,
    Deployment,
    Ran,
    deployment,
    make_source,
    pids_of,
)
from tests.support.forking import Forks
from tests.support.waiting import wait_for
from tests.unit.archive import forge

Rewrite = Callable[[str], str]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, source: Path, forks: Forks) -> Iterator[Deployment]:
    """One deployment with an archive; every case leaves it as it was."""
    with deployment(tmp_path_factory.mktemp("running"), source=source, forks=forks) as made:
        release = made.deploy()
        made.ok("backup")
        yield made
        assert made.serving() == release


@pytest.fixture
def served(running: Deployment, tmp_path: Path) -> Deployment:
    """The running deployment with settings of the test's own."""
    home = tmp_path / "home"
    shutil.copytree(running.home, home)
    return replace(running, home=home)


@pytest.fixture
def empty(source: Path, tmp_path: Path, forks: Forks) -> Iterator[Deployment]:
    with deployment(tmp_path / "empty", source=source, forks=forks) as made:
        yield made


def picture(*places: Path, without: frozenset[str] = frozenset()) -> dict[str, str]:
    """Return kind, mode and content of every path below, but not logs, the supervisor's beat and the lock's owner."""
    found = {}
    for place in places:
        for path in [place, *sorted(place.rglob("*"))] if place.exists() else []:
            name = str(path.relative_to(place))
            beats = {"lock", "run/supervisor.json"}
            if name in beats or name.startswith("logs/2") or without & {name, name.partition("/")[0]}:
                continue
            status = path.lstat()
            content = ""
            if path.is_symlink():
                content = str(path.readlink())
            elif stat.S_ISREG(status.st_mode):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path)] = f"{stat.filemode(status.st_mode)} {content}"
    return found


# What remains of an attempt that was undone: its journal, and the supervisor's account of it.
ATTEMPT = frozenset({"journal", "run", "logs"})


@dataclass(frozen=True)
class Refusal:
    """What a refusal has to say; each text is looked for in that part of the error."""

    code: int
    what: tuple[str, ...]
    hint: str
    where: str = ""
    lines: tuple[str, ...] = ()
    undone: bool = False

    @property
    def kind(self) -> str:
        return {2: "usage", 3: "configuration", 4: "gate", 5: "step", 7: "locked"}[self.code]


def refused(made: Deployment, words: tuple[str, ...], wanted: Refusal, env: Mapping[str, str] | None = None) -> None:
    """Run it as a program does, from its start, and as a person would; compare what was said and what is there."""
    without = ATTEMPT if wanted.undone else frozenset()
    before = picture(made.home, made.state, without=without)
    ran = replace(made, forks=None).run("--json", *words, env=env)
    assert ran.status == wanted.code, str(ran)
    assert ran.stdout.count("\n") == 1, "one JSON object on stdout"
    assert ran.stderr == ""
    envelope = ran.json
    assert envelope["ok"] is False
    assert envelope["exit_code"] == wanted.code
    assert envelope["changed"] == 0
    error = envelope["error"]
    assert error["kind"] == wanted.kind
    for text in wanted.what:
        assert text in error["what"], error
    assert wanted.hint in error["hint"], error
    assert error["hint"]
    assert wanted.where in error["where"], error
    for text in wanted.lines:
        assert any(text in line for line in error["lines"]), error
    assert ("undone" in error["state"]) if wanted.undone else (error["state"] == "Nothing was changed."), error
    if not wanted.undone:  # a person is told the same; an attempt that is undone takes a second, once is enough
        told(made.run(*words, env=env), wanted)
    assert picture(made.home, made.state, without=without) == before
    if wanted.undone:
        assert unfinished(made.layout.journals) is None


def told(ran: Ran, wanted: Refusal) -> None:
    assert ran.status == wanted.code, str(ran)
    assert ran.stdout == ""
    assert "Traceback" not in ran.stderr
    lines = ran.stderr.splitlines()
    assert len([line for line in lines if line.startswith("✗")]) == 1, str(ran)
    assert [line for line in lines if line.startswith("  state  ")]
    assert [line for line in lines if line.startswith("  next   ")]
    assert [line for line in lines if line != line.rstrip()] == []
    assert wanted.what[0] in ran.stderr


# --- settings, secrets, the command line ------------------------------------------------------------------------


def changed(before: str, after: str) -> Rewrite:
    def rewrite(text: str) -> str:
        assert before in text
        return text.replace(before, after)

    return rewrite


def added(*lines: str) -> Rewrite:
    """At the end, where the table service.environment is open."""
    return lambda text: text + "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Case:
    """Settings that are changed, files beside them (text and mode), variables, and the command that is refused."""

    name: str
    wanted: Refusal
    settings: Rewrite = str
    files: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    words: tuple[str, ...] = ("deploy", "--yes")


ENVIRONMENT = "service.environment"
KEY = ("[service.secrets]", 'API_KEYS = "env:KEY"')
IN_FILE = "decodeat-ops.toml"


def env_file(text: str, mode: int = 0o600) -> dict[str, tuple[str, int]]:
    return {"decodeat-ops.env": (text, mode)}


SETTINGS = (
    Case("unknown key", Refusal(3, ("colour: unknown key",), "config show", IN_FILE), lambda t: f"colour = 1\n{t}"),
    Case(
        "misspelt key",
        Refusal(3, ("local.prot: unknown key; did you mean local.port?",), "Correct it", IN_FILE),
        changed("\nport =", "\nprot ="),
    ),
    Case(
        "several at once",
        Refusal(
            3,
            ("3 settings are wrong.",),
            "Correct it",
            IN_FILE,
            (
                "local.keep_releases: must be a whole number, without quotes",
                "service.sorce: unknown key; did you mean service.source?",
                "local.ready_timeout: must be greater than 0",
            ),
        ),
        lambda t: (
            t.replace("keep_releases = 5", 'keep_releases = "five"')
            .replace("source =", "sorce =")
            .replace("ready_timeout = 60.0", "ready_timeout = 0.0")
        ),
    ),
    Case(
        "no toml",
        Refusal(3, ("decodeat-ops.toml is not valid TOML", "line 1, column 8"), "Text needs quotes", IN_FILE),
        changed('name = "tested"', "name = tested"),
    ),
    Case(
        "not text",
        Refusal(3, ("decodeat-ops.toml:2: not UTF-8 text",), "UTF-8", IN_FILE),
        changed("[local]", "[local]\ud800"),
    ),
    Case(
        "unknown target",
        Refusal(3, ("target: must be 'local'",), "Correct it", IN_FILE),
        lambda t: f"target = 'moon'\n{t}",
    ),
    Case(
        "target flag",
        Refusal(2, ("There is no target 'lcoal'",), "Did you mean local?", "--target"),
        words=("deploy", "--yes", "--target", "lcoal"),
    ),
    Case(
        "unknown env",
        Refusal(3, ("no settings for the environment staging",), "Create decodeat-ops.staging.toml", "staging"),
        words=("deploy", "--yes", "--env", "staging"),
    ),
    Case(
        "env that is none",
        Refusal(3, ("may hold small letters",), "such as staging", "--env"),
        words=("deploy", "--yes", "--env", "Big One"),
    ),
    Case(
        "no settings file",
        Refusal(3, ("none.toml does not exist",), "decodeat-ops --config none.toml init", "none.toml"),
        words=("deploy", "--yes", "--config", "none.toml"),
    ),
    Case(
        "misspelt variable",
        Refusal(3, ("DECODEAT_OPS_LOCAL__PROT: there is no such setting", "DECODEAT_OPS_LOCAL__PORT?"), "Correct it"),
        env={"DECODEAT_OPS_LOCAL__PROT": "8000"},
    ),
    Case(
        "variable of a wrong kind",
        Refusal(3, ("DECODEAT_OPS_LOCAL__PORT: local.port: must be a whole number",), "Correct it"),
        env={"DECODEAT_OPS_LOCAL__PORT": "many"},
    ),
    Case("unknown command", Refusal(2, ("'depoly'", "Did you mean 'deploy'?"), "--help"), words=("depoly",)),
    Case(
        "unknown option",
        Refusal(2, ("--dry-rum", "Did you mean --dry-run?"), "`decodeat-ops deploy --help`"),
        words=("deploy", "--dry-rum"),
    ),
    Case(
        "option without its value",
        Refusal(2, ("'--env' requires an argument",), "`decodeat-ops deploy --help`"),
        words=("deploy", "--env"),
    ),
    Case(
        "option of a wrong kind",
        Refusal(2, ("'soon' is not a number",), "`decodeat-ops deploy --help`"),
        words=("deploy", "--yes", "--lock-wait", "soon"),
    ),
    Case(
        "too many words",
        Refusal(2, ("unexpected extra argument", "b"), "rollback --help"),
        words=("rollback", "a", "b"),
    ),
    Case("unknown check", Refusal(2, ("no check 'disk.spce'",), "disk.space"), words=("check", "disk.spce")),
    Case("unknown language", Refusal(2, ("no language 'de'",), "en, ko"), words=("status", "--lang", "de")),
    Case(
        "missing secret",
        Refusal(3, ("API_KEYS (env:KEY): KEY is neither",), "NAME=value", "service.secrets"),
        added(*KEY),
    ),
    Case(
        "empty secret",
        Refusal(3, ("API_KEYS (env:KEY): it is empty",), "NAME=value", "service.secrets"),
        added(*KEY),
        env_file("KEY=\n"),
    ),
    Case(
        "placeholder",
        Refusal(3, ("API_KEYS (env:KEY): it is still a placeholder",), "NAME=value", "service.secrets"),
        added(*KEY),
        env_file("KEY=changeme\n"),
    ),
    Case(
        "two bad secrets",
        Refusal(3, ("2 secrets can't be used.",), "mode 0600", "service.secrets", ("API_KEYS", "OTHER (file:/none)")),
        added(*KEY, 'OTHER = "file:/none"'),
    ),
    Case(
        "a value for a reference",
        Refusal(3, ("API_KEYS must be a reference such as env:API_KEYS",), "Correct it", IN_FILE),
        added("[service.secrets]", 'API_KEYS = "sk-a-value-that-must-not-show"'),
    ),
    Case(
        "env file for all to read",
        Refusal(3, ("others may read it (mode 0644)",), "chmod 600", "decodeat-ops.env"),
        added(*KEY),
        env_file("KEY=a-good-long-key\n", 0o644),
    ),
    Case(
        "bad line in the env file",
        Refusal(3, ("decodeat-ops.env:2: the value of KEY holds a space",), "single quotes", "decodeat-ops.env:2"),
        added(*KEY),
        env_file("# keys\nKEY=two words-that-must-not-show\n"),
    ),
    Case(
        "workers in words",
        Refusal(3, ("WORKERS must be a whole number",), "Leave it out", "service.environment.WORKERS"),
        changed("WORKERS = 1", 'WORKERS = "many"'),
    ),
    Case(
        "variables that the service doesn't know",
        Refusal(3, ("2 variables", "LOG_LEVLE, WORKRES"), "again", ENVIRONMENT, ("mean LOG_LEVEL", "mean WORKERS")),
        added('LOG_LEVLE = "INFO"', "WORKRES = 2"),
    ),
    Case(
        "a value that the service refuses",
        Refusal(3, ("REQUEST_TIMEOUT must be",), "five sixths", "service.environment.REQUEST_TIMEOUT"),
        added("REQUEST_TIMEOUT = 1"),
    ),
    Case(
        "a variable that is ours",
        Refusal(3, ("may not set RELEASE_ID",), "Remove RELEASE_ID", "service.environment.RELEASE_ID"),
        added('RELEASE_ID = "mine"'),
    ),
    Case(
        "no source",
        Refusal(3, ("no package decodeat/ in /none",), "Set service.source", "service.source"),
        lambda t: "\n".join('source = "/none"' if line.startswith("source") else line for line in t.splitlines()),
    ),
)


@pytest.mark.share(3)
@pytest.mark.parametrize("case", SETTINGS, ids=lambda case: case.name)
def test_settings_secrets_and_words(served: Deployment, case: Case) -> None:
    path = served.home / IN_FILE
    path.write_bytes(case.settings(path.read_text()).encode(errors="surrogatepass"))
    for name, (text, mode) in case.files.items():
        (served.home / name).write_text(text)
        (served.home / name).chmod(mode)
    refused(served, case.words, case.wanted, case.env)
    if "must-not-show" in path.read_text(errors="replace") + (served.home / "decodeat-ops.env").read_text():
        ran = served.run(*case.words, "--debug", env=case.env)
        assert "must-not-show" not in ran.stdout + ran.stderr


def test_a_traceback_is_for_who_asks(served: Deployment) -> None:
    words = ("restore", "--archive", "none.tar.zst", "--yes")
    assert "Traceback" not in served.run(*words).stderr
    assert "Traceback" in served.run(*words, "--debug").stderr


def test_source_without_a_lock_file(served: Deployment, tmp_path: Path) -> None:
    served.source = make_source(tmp_path / "unlocked")
    (served.source / "decodeat" / "requirements.txt").unlink()
    served.write()
    refused(served, ("deploy", "--yes"), Refusal(3, ("has no requirements.txt",), "hashed dependency lock", "unlocked"))


def test_the_ways_back_need_no_source(served: Deployment) -> None:
    served.source = Path("/none")
    served.write()
    for verb in ("restart", "stop"):
        assert served.run(verb, "--dry-run").status == 0
    nothing_older = Refusal(2, ("There is no older release",), "decodeat-ops releases")
    refused(served, ("rollback", "--yes"), nothing_older)


# --- which release, which archive, which deployment -------------------------------------------------------------


def test_rollback_to_what_is_not_there(served: Deployment) -> None:
    serving = served.store.active_id()
    unlike = serving[:-1] + ("0" if serving[-1] != "0" else "1")
    refused(served, ("rollback", "--yes"), Refusal(2, (f"no older release than {serving}",), "decodeat-ops releases"))
    refused(served, ("rollback", "--yes", unlike), Refusal(2, (f"no release {unlike}",), f"Did you mean {serving}?"))
    refused(served, ("rollback", "--yes", "nothing"), Refusal(2, ("no release nothing",), f"Kept are: {serving}"))
    refused(served, ("rollback", "--yes", serving), Refusal(2, ("is the one that serves",), "decodeat-ops releases"))


NO_TERMINAL = "there is no terminal to ask on"


@pytest.mark.share(3)
@pytest.mark.parametrize("verb", ["deploy", "rollback", "restart", "stop", "remove", "resume", "restore"])
def test_nobody_to_ask(served: Deployment, verb: str) -> None:
    flags = "--yes --name tested-production" if verb == "remove" else "--yes"
    refused(served, (verb,), Refusal(2, (NO_TERMINAL,), f"Give {flags} to carry it out, or --dry-run"))


def test_remove_wants_the_right_name(served: Deployment) -> None:
    wrong = Refusal(2, ("--name tested is not this deployment, which is tested-production",), "--env and --config")
    refused(served, ("remove", "--yes", "--name", "tested"), wrong)
    refused(served, ("remove", "--yes"), Refusal(2, ("--yes alone is not enough",), "--yes --name tested-production"))


@pytest.mark.share(3)
@pytest.mark.parametrize(
    ("verb", "hint"),
    [
        ("restart", "decodeat-ops deploy"),
        ("stop", "decodeat-ops deploy"),
        ("start", "decodeat-ops deploy"),
        ("backup", "decodeat-ops deploy"),
        ("rollback", "decodeat-ops deploy"),
        ("restore", "decodeat-ops backup"),
        ("logs", "decodeat-ops deploy"),
    ],
)
def test_nothing_is_deployed(empty: Deployment, verb: str, hint: str) -> None:
    words = (verb,) if verb in ("backup", "start", "logs") else (verb, "--yes")
    what = "There is no archive" if verb == "restore" else "no release" if verb == "logs" else "Nothing is deployed"
    refused(empty, words, Refusal(2, (what,), hint))
    assert not empty.state.exists()


def foreign(path: Path) -> Path:
    """A zstd tar that has nothing to do with us."""
    (path.parent / "note.txt").write_text("hello")
    with tarfile.open(path.with_suffix(".tar"), "w") as tar:
        tar.add(path.parent / "note.txt", "notes/note.txt")
    path.write_bytes(forge.compress(path.with_suffix(".tar").read_bytes()))
    return path


def gzipped(path: Path) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        tar.add(REPOSITORY / "README.md", "README.md")
    return path


def text_file(path: Path) -> Path:
    path.write_text("this is no archive\n")
    return path


def newer(path: Path) -> Path:
    members = [forge.plain("database/decodeat.sqlite3", b"")]
    path.write_bytes(forge.compress(forge.tar(members, forge.manifest(members, format=99))))
    return path


CANT = "can't be used"
OTHERS = "backup list"


@pytest.mark.share(3)
@pytest.mark.parametrize(
    ("make", "what", "hint"),
    [
        (foreign, (CANT, "'notes/note.txt'"), OTHERS),
        (gzipped, (CANT, "not compressed with zstd"), OTHERS),
        (text_file, (CANT, "not compressed with zstd"), OTHERS),
        (newer, ("is of a newer decodeat-ops (format 99",), "Use that version"),
        (lambda path: path, ("There is no archive",), OTHERS),
        (lambda path: path.parent, (CANT, "Is a directory"), OTHERS),
    ],
    ids=["foreign", "gzip", "text", "newer", "absent", "directory"],
)
def test_an_archive_of_somebody_else(
    served: Deployment, tmp_path: Path, make: Callable[[Path], Path], what: tuple[str, ...], hint: str
) -> None:
    path = make(tmp_path / "given.tar.zst")
    refused(served, ("restore", "--archive", str(path), "--yes"), Refusal(3, what, hint))


@pytest.mark.share(3)
@pytest.mark.parametrize(
    "spoil", [lambda d: d[: len(d) // 2], lambda d: d[:2000] + b"\xff" * 9 + d[2009:], lambda d: b""]
)
def test_a_damaged_archive(served: Deployment, tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    """Named by its id, it is refused as well by restore as by verify; "latest" finds no other."""
    (whole,) = served.layout.backups.glob("*.tar.zst")
    directory = tmp_path / "archives"
    directory.mkdir()
    (directory / whole.name).write_bytes(spoil(whole.read_bytes()))
    path = served.home / IN_FILE
    path.write_text(path.read_text() + f'[backup]\ndirectory = "{directory}"\n')
    snapshot = whole.name.removesuffix(".tar.zst")
    wanted = Refusal(3, (whole.name, CANT), OTHERS)
    refused(served, ("restore", snapshot, "--yes"), wanted)
    refused(served, ("backup", "verify", snapshot), wanted)
    nothing = Refusal(3, ("No archive in", "is a whole one of tested-production"), "--archive FILE", lines=(CANT,))
    refused(served, ("restore", "--yes"), nothing)


def test_a_snapshot_that_is_not_there(served: Deployment) -> None:
    (whole,) = served.layout.backups.glob("*.tar.zst")
    snapshot = whole.name.removesuffix(".tar.zst")
    unlike = snapshot[:-1] + ("0" if snapshot[-1] != "0" else "1")
    for words in (("restore", unlike, "--yes"), ("backup", "verify", unlike)):
        refused(served, words, Refusal(2, (f"no snapshot {unlike}",), f"Did you mean {snapshot}?"))
    part = Refusal(2, ("no part 'databse'",), "Did you mean database?")
    refused(served, ("restore", "--only", "databse", "--yes"), part)


# --- the state directory ----------------------------------------------------------------------------------------


@contextmanager
def instead(path: Path, content: bytes | None) -> Iterator[None]:
    """A file that holds something else for a while, or isn't there."""
    before = path.read_bytes() if path.exists() else None
    mode = path.stat().st_mode if path.exists() else 0o600
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    try:
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)
            path.chmod(mode)


def edited(**changes: Any) -> Callable[[bytes], bytes]:
    return lambda data: json.dumps({**json.loads(data), **changes}).encode()


NEWER = "was written by a newer version of decodeat-ops"


@pytest.mark.share(3)
@pytest.mark.parametrize(
    ("name", "edit", "what", "hint"),
    [
        ("format.json", edited(format=99), (NEWER, "format 99, this one knows 1"), "Use that version"),
        ("format.json", edited(format="new"), ("format.json is damaged", "not a number"), "Remove that file"),
        ("format.json", lambda data: data[:9], ("format.json is damaged",), "Remove that file"),
        ("release.json", edited(format=99), (NEWER, "format 99, this one knows 1"), "Use that version"),
        ("release.json", edited(port="web"), ("release.json is damaged: port",), "out of an archive"),
        ("release.json", edited(created_at="today"), ("release.json is damaged: created_at",), "out of an archive"),
        ("release.json", lambda data: data[:99], ("release.json is damaged",), "out of an archive"),
        ("release.json", lambda data: b"[]", ("release.json is damaged",), "out of an archive"),
        ("release.json", lambda data: None, ("is the one that serves", "release.json is missing"), "out of an archive"),
    ],
)
def test_state_that_is_newer_or_damaged(
    served: Deployment, name: str, edit: Callable[[bytes], bytes | None], what: tuple[str, ...], hint: str
) -> None:
    layout = served.layout
    path = layout.format_file if name == "format.json" else layout.manifest(served.store.active_id())
    with instead(path, edit(path.read_bytes())):
        for words in (("deploy", "--yes"), ("status",)):
            refused(served, words, Refusal(3, what, hint, name))


def test_the_hint_for_a_damaged_manifest_helps(served: Deployment) -> None:
    path = served.layout.manifest(served.store.active_id())
    good = path.read_bytes()
    with instead(path, b"{"):
        hint = served.run("status", "--json").json["error"]["hint"]
        (whole,) = served.layout.backups.glob("*.tar.zst")
        command = hint.split("`")[1].replace("ARCHIVE", str(whole))
        subprocess.run(["bash", "-c", command], check=True)
        assert json.loads(path.read_bytes()) == json.loads(good)
        assert served.run("status").status == 0


def test_data_that_a_removal_kept_goes_on_with_the_next_deploy(empty: Deployment) -> None:
    """ "What stays: data" has to stay true: the next deploy serves it and does not clear it away."""
    generation = empty.deploy()
    mark = empty.layout.generation(generation) / "mark"
    mark.write_text("kept")
    empty.ok("backup")
    empty.ok("remove", "--yes", "--name", "tested-production")
    over = empty.run("restore", "--yes", "--json")
    assert over.status == 2, str(over)
    assert "left its data here" in over.json["error"]["what"]
    plan = empty.ok("deploy", "--dry-run")["data"]["plan"]
    assert ["data", f"goes on with {generation}, which was left here"] in plan["facts"]
    release = empty.deploy()
    assert empty.layout.release_data(release).readlink().name == generation
    assert mark.read_text() == "kept"
    empty.ok("remove", "--yes", "--name", "tested-production", "--delete-data", "--delete-backups")
    assert not empty.state.exists()


def journal(served: Deployment) -> list[bytes]:
    (newest,) = sorted(served.layout.journals.glob("*-deploy.jsonl"))[:1]
    assert read(newest).ended
    return newest.read_bytes().splitlines(keepends=True)


@pytest.mark.share(3)
@pytest.mark.parametrize(
    ("edit", "what", "hint"),
    [
        (lambda lines: edited(format=99)(lines[0]) + b"\n", (NEWER, "format 99"), "Use that version"),
        (lambda lines: b"hello\n", ("is damaged: line 1 is no record of ours",), "settled"),
        (lambda lines: b"[1]\n", ("is damaged: line 1 is no record of ours",), "settled"),
        (lambda lines: lines[0] + b'{"record": "done"}\n', ("is damaged: line 2 is no record of ours",), "settled"),
        (lambda lines: lines[0] + b'{"record": "begun", "step": "x"}\n', ("is damaged: line 2",), "settled"),
        (lambda lines: lines[0][:99], ("is empty",), "Remove it"),
    ],
    ids=["newer", "text", "list", "no results", "no such step", "torn"],
)
def test_a_journal_that_is_newer_or_damaged(
    served: Deployment, edit: Callable[[list[bytes]], bytes], what: tuple[str, ...], hint: str
) -> None:
    path = served.layout.journals / "20990101T000000.000000Z-deploy.jsonl"
    with instead(path, edit(journal(served))):
        for words in (("resume", "--yes"), ("status",)):
            refused(served, words, Refusal(3, what, hint, path.name))


def test_what_was_interrupted_comes_first(served: Deployment) -> None:
    path = served.layout.journals / "20990101T000000.000000Z-deploy.jsonl"
    with instead(path, b"".join(journal(served)[:2])):
        for words in (("stop", "--yes"), ("backup",)):
            refused(served, words, Refusal(7, ("An interrupted deploy of",), "decodeat-ops resume"))


def test_a_state_directory_that_is_a_file(empty: Deployment, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    for place in (tmp_path / "taken", tmp_path / "taken" / "below"):
        made = replace(empty, state=place / STATE)
        made.write()
        for words in (("deploy", "--yes"), ("status",), ("lock", "status")):
            refused(made, words, Refusal(3, (f"{tmp_path / 'taken'} is not a directory",), "local.state_dir", "taken"))
    assert (tmp_path / "taken").read_text() == "mine"


def unprivileged() -> tuple[str, ...]:
    """How to run something that may not write everywhere: as it is, or as root without what makes root root."""
    if os.geteuid() != 0:
        return ()
    prefix = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all")
    if not shutil.which("setpriv") or subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("root needs setpriv, and the right to drop capabilities, to be refused anything")
    return prefix


def test_a_state_directory_that_may_not_be_written(empty: Deployment, tmp_path: Path) -> None:
    prefix = unprivileged()
    locked = tmp_path / "locked"
    locked.mkdir()
    made = replace(empty, state=locked / "state" / STATE)
    made.write()
    locked.chmod(0o555)
    try:
        for words, code in ((("deploy", "--yes"), 3), (("checklist", "pre-deploy", "--non-interactive"), 3)):
            done = subprocess.run(
                [*prefix, *made.argv(*words, "--json")], cwd=made.home, capture_output=True, text=True, check=False
            )
            assert done.returncode == code, done.stdout + done.stderr
            error = json.loads(done.stdout)["error"]
            assert f"The state directory {made.state} can't be written: Permission denied" in error["what"]
            assert "local.state_dir" in error["hint"]
            assert list(locked.iterdir()) == []
    finally:
        locked.chmod(0o755)


# --- the port, the templates ------------------------------------------------------------------------------------


@contextmanager
def somebody_listens() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


def taken(port: int) -> Refusal:
    what = (f"can't listen on 127.0.0.1:{port}", "in use")
    return Refusal(3, what, "set local.port to a free one", "local.port")


def test_a_first_deploy_to_a_port_that_is_taken(empty: Deployment) -> None:
    with somebody_listens() as port:
        empty.port = port
        empty.write()
        empty.run("checklist", "pre-deploy", "--non-interactive")  # makes the state directory's fixed parts
        refused(empty, ("deploy", "--yes"), taken(port))
    assert not empty.store.supervisor().alive
    assert pids_of(empty.state) == []
    assert empty.run("status").status == 8
    empty.deploy()


def test_a_change_to_a_port_that_is_taken(served: Deployment) -> None:
    before = served.serving()
    with somebody_listens() as port:
        there = replace(served, port=port)
        there.write()
        refused(there, ("deploy", "--yes"), taken(port))
    assert served.serving() == before
    wait_for(
        lambda: list(served.store.supervisor().releases) == [before],
        otherwise=lambda: served.store.supervisor().releases,
    )


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("workers = {{ wrokers }}\n", ("gunicorn.conf.py.j2, line 1: 'wrokers' is undefined",), "Did you mean workers"),
        ("# a\n{% if %}\n", ("gunicorn.conf.py.j2, line 2: Expected an expression",), "Correct the template"),
    ],
    ids=["variable", "syntax"],
)
def test_a_template_that_does_not_render(
    served: Deployment, tmp_path: Path, text: str, what: tuple[str, ...], hint: str
) -> None:
    tool = tmp_path / "tool"
    for name in ("decodeat_ops", "templates"):
        shutil.copytree(REPOSITORY / name, tool / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tool / "templates" / "local" / "gunicorn.conf.py.j2").write_text(text)
    env = {"PYTHONPATH": str(tool), "PYTHONDONTWRITEBYTECODE": "1"}
    for words in (("deploy", "--yes"), ("render",)):
        refused(served, words, Refusal(3, what, hint, "gunicorn.conf.py.j2"), env)
