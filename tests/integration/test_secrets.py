"""A secret is planted, everything is run, and everything that was printed, written or visible is searched for it."""

import contextlib
import json
import os
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deployments import Deployment, Ran, deployment, make_source, pids_of
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.share(3)

# Long, and like nothing else: a hit is a leak. The second one takes its place as after a rotation.
OLD = "Zq7-planted-secret-4fK9-old-one-xW2m"
NEW = "Zq7-planted-secret-4fK9-new-one-yV3n"


class CommandLines(threading.Thread):
    """Reads every process's command line, over and over, while the commands run.

    A new process is read at each of its first looks, when it may still be a copy of its parent, and then at every
    twentieth, as all are: a machine has hundreds that have long been what they are.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.leaks: list[str] = []
        self.looks = 0
        self._read: Counter[str] = Counter()
        self._ending = threading.Event()

    def run(self) -> None:
        while not self._ending.wait(0.005):
            self.looks += 1
            for process in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208  paths would take most of the time
                if int(process) == os.getpid() or (self._read[process] >= 20 and self.looks % 20):
                    continue
                self._read[process] += 1
                try:
                    line = Path("/proc", process, "cmdline").read_bytes()
                except OSError:
                    continue
                if OLD.encode() in line or NEW.encode() in line:
                    self.leaks.append(line.decode(errors="replace"))

    def finish(self) -> None:
        self._ending.set()
        self.join()


@pytest.fixture
def guarded(tmp_path: Path, source: Path) -> Iterator[Deployment]:
    """A service that demands an API key, which is in the env file and nowhere else."""
    extra = '[service.secrets]\nAPI_KEYS = "env:API_KEYS"\n[checks]\nlabel_url = "http://127.0.0.1:{port}/label.png"\n'
    with deployment(tmp_path, source=source) as made:
        made.extra = extra.format(port=free_port())
        made.write()
        plant(made, OLD)
        yield made


def plant(made: Deployment, secret: str) -> None:
    path = made.home / "decodeat-ops.env"
    path.write_text(f"API_KEYS={secret}\n")
    path.chmod(0o600)


def analyze(made: Deployment, key: str) -> int:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", made.port, timeout=PATIENCE)
    headers = {"Content-Type": "application/json", "X-API-Key": key}
    connection.request("POST", "/api/v1/analyze", body=json.dumps({"image_urls": []}), headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_planted_secret_shows_nowhere(guarded: Deployment, source: Path, tmp_path: Path) -> None:
    watching = CommandLines()
    watching.start()
    said: list[Ran] = []
    for words in (
        ("config", "show", "--origin"),
        ("deploy", "--dry-run"),
        ("deploy", "--yes", "--json"),
        ("deploy", "--yes"),
        ("status", "--json"),
        ("releases", "--json"),
        ("render",),
        ("render", "--diff"),
        ("doctor", "--json"),
        ("checklist", "pre-deploy", "--non-interactive", "--json"),
        ("checklist", "post-deploy", "--non-interactive"),
        ("restart", "--yes"),
        ("backup", "--json"),
        ("restore", "--dry-run"),
        ("restore", "--yes"),
        ("logs", "-n", "500"),
        ("logs", "--supervisor"),
    ):
        said.append(guarded.run(*words))
        assert "Traceback" not in said[-1].stderr, (words, said[-1])
    assert analyze(guarded, OLD) == 422, "the key opens the door"
    assert analyze(guarded, "wrong-key-of-sufficient-length") == 401

    broken = make_source(tmp_path / "bad", "crash")
    main = broken / "decodeat" / "main.py"
    main.write_text('import os\nprint("boot with", os.environ["API_KEYS"], flush=True)\n' + main.read_text())
    guarded.source = broken
    guarded.write()
    crashed = guarded.run("deploy", "--yes", "--json", "--debug")
    assert crashed.status == 5, str(crashed)
    said.append(crashed)
    guarded.source = source
    guarded.write()

    plant(guarded, NEW)
    said.append(guarded.run("deploy", "--yes", "--json"))
    assert said[-1].status == 0, str(said[-1])
    assert analyze(guarded, NEW) == 422
    watching.finish()

    for ran in said:
        assert OLD not in ran.stdout + ran.stderr, ran
        assert NEW not in ran.stdout + ran.stderr, ran
    assert watching.looks > 100
    assert not watching.leaks
    assert_only_private_files_hold(guarded, OLD, NEW)


def assert_only_private_files_hold(made: Deployment, *secrets: str) -> None:
    """Plain text of a secret: only in the env file and in running releases' 0600 files, never in logs and journals.

    The crashing release printed its own environment into its own log; that one log is the release's doing.
    """
    running = set(made.store.supervisor().releases)
    for path in [p for root in (made.home, made.state) for p in root.rglob("*") if p.is_file()]:
        content = path.read_bytes()
        if not any(secret.encode() in content for secret in secrets):
            continue
        assert path.stat().st_mode & 0o077 == 0, f"{path} may be read by others"
        private = path.name == "decodeat-ops.env" or (path.name == "secrets.env" and path.parent.name in running)
        own_log = path.suffix == ".log" and b"boot with" in content
        assert private or own_log, f"{path} holds a secret"
    modes = modes_of_environments(made)
    assert modes
    assert not [mode for mode in modes if mode & 0o077]


def modes_of_environments(made: Deployment) -> list[int]:
    """Return the modes of the running processes' environments; one that has ended since it was listed has none."""
    modes = []
    for pid in pids_of(made.state):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            modes.append(Path(f"/proc/{pid}/environ").stat().st_mode)
    return modes


def test_a_rollback_brings_back_settings_but_never_an_old_key(guarded: Deployment) -> None:
    first = guarded.deploy()
    guarded.configure(MAX_REQUESTS=777)
    plant(guarded, NEW)
    guarded.deploy()
    guarded.ok("rollback", "--yes")
    assert guarded.serving() == first
    assert analyze(guarded, NEW) == 422
    assert analyze(guarded, OLD) == 401


def test_secrets_of_a_stopped_release_are_gone_from_disk(guarded: Deployment) -> None:
    first = guarded.deploy()
    assert guarded.layout.secrets(first).stat().st_mode & 0o777 == 0o600
    guarded.configure(MAX_REQUESTS=778)
    guarded.deploy()
    wait_for(
        lambda: not guarded.layout.secrets(first).exists(), otherwise="the drained release's secrets are still there"
    )


def test_the_archive_is_private_and_says_what_it_holds(guarded: Deployment) -> None:
    guarded.deploy()
    ran = guarded.run("backup")
    assert "holds secrets" in ran.stdout + ran.stderr
    (path,) = guarded.layout.backups.glob("*.tar.zst")
    assert path.stat().st_mode & 0o777 == 0o600
    listing = subprocess.run(["tar", "--zstd", "-tf", str(path)], capture_output=True, text=True, check=True).stdout
    assert "secrets.env" not in listing
    assert listing.splitlines()[-1] == "manifest.json"
