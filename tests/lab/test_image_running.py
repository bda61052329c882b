"""The service in a container that may do nothing: it boots, reads, is seen to be well, and leaves in good order."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from decodeat_ops.checks import label
from tests.lab.containers import Container, Process, known_label, read, started, strict
from tests.lab.engine import Engine
from tests.support.waiting import PATIENCE, wait_for
from tests.unit.decodeat.conftest import encoded
from tests.unit.decodeat.hostile_images import HEAVY
from tests.unit.decodeat.web import Web

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800), pytest.mark.share(2, part=0)]

PORT = 9123
GRACE = 300  # seconds that a stop waits
UNHURRIED = 900  # seconds for requests of which only the outcome counts
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def served(docker: Engine, image: str, pictures: Web) -> Iterator[Container]:
    """Nothing to write to, not even /tmp; no right at all; a user and a port that the image has never heard of."""
    variables: dict[str, Any] = {"PORT": PORT, "IMAGE_ALLOWED_ORIGINS": pictures.origin, "WORKERS": 2}
    with started(docker, image, *strict(), port=PORT, **variables) as container:
        yield container


def test_it_boots_and_docker_sees_that_it_is_well(served: Container, record_property: Record) -> None:
    served.wait_ready()
    ready = time.time()
    wait_for(lambda: served.state["Health"]["Status"] != "starting", otherwise="docker never looked")
    state = served.state
    assert state["Health"]["Status"] == "healthy", state["Health"]
    start, seen = (
        datetime.fromisoformat(at).timestamp() for at in (state["StartedAt"], state["Health"]["Log"][0]["End"])
    )
    told = f"ready {ready - start:.1f} s after its start, healthy for docker after {seen - start:.1f} s"
    record_property("measured", f"container: {told} (it looks every 10 s)")


def test_it_has_no_right_and_can_get_none(served: Container) -> None:
    """With no_new_privs no setuid program of the base helps anybody."""
    about = dict(line.split(":\t", 1) for line in served.execute("cat", "/proc/1/status").splitlines())
    assert [int(about[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")] == [0] * 5
    assert about["NoNewPrivs"] == "1" and min(map(int, about["Uid"].split())) >= 20_000
    assert served.engine.run("exec", served.id, "touch", "/tmp/anything").returncode == 1


def test_it_reads_the_known_label(served: Container, pictures: Web) -> None:
    read(served.wait_ready(), known_label(pictures))


_SANDBOX = "-m decodeat.images.sandbox"


def _service(container: Container) -> tuple[Process, list[Process], list[Process]]:
    """The gunicorn master, its workers, and the sandboxes that these keep for pictures: nothing else, nothing dead."""
    first, *others = sorted(container.processes(), key=lambda one: one.pid)
    assert first.command.startswith("tini "), first
    (master,) = [one for one in others if one.parent == 1]
    workers = [one for one in others if one.parent == master.pid]
    sandboxes = [one for one in others if _SANDBOX in one.command and one.parent in {worker.pid for worker in workers}]
    assert sorted([master, *workers, *sandboxes], key=lambda one: one.pid) == others
    assert all("-m gunicorn" in one.command for one in (master, *workers)), others
    assert all(one.state != "Z" for one in others), others
    return master, workers, sandboxes


def _is_whole(container: Container) -> bool:
    """Whether there is what there should be, and nothing else."""
    try:
        _, workers, _ = _service(container)
    except (AssertionError, ValueError):
        return False
    return len(workers) == 2


def _memory(container: Container, process: Process) -> str:
    """MiB, the proportional size first: what two processes share is counted half in each."""
    lines = container.execute("cat", f"/proc/{process.pid}/smaps_rollup").splitlines()[1:]
    sizes = {name: int(rest.split()[0]) / 1024 for name, rest in (line.split(":", 1) for line in lines)}
    assert sizes["Pss"] < 400
    return f"{sizes['Pss']:.0f} (resident {sizes['Rss']:.0f})"


def _labels(host: Web, count: int) -> list[str]:
    """Addresses of files that differ and show the same: none of them is read already when another was."""
    made = []
    for number in range(count):
        note = PngInfo()
        note.add_text("copy", str(number))
        with Image.open(label.PICTURE) as picture:
            made.append(host.serve(f"/copy/{number}.png", encoded(picture, pnginfo=note)))
    return made


@pytest.mark.proof
def test_the_documented_memory_is_enough_for_eight_labels_at_once(
    docker: Engine, image: str, pictures: Web, record_property: Record
) -> None:
    """And what takes more than there is costs no more than its own answer: the sandbox is what the kernel ends."""
    limited = ("--memory", "512m", "--memory-swap", "512m")
    # Memory is the subject: how long eight labels take depends on what else the machine does.
    origin = pictures.origin
    with started(
        docker, image, *strict(), *limited, IMAGE_ALLOWED_ORIGINS=origin, WORKERS=2, REQUEST_TIMEOUT=UNHURRIED
    ) as container:
        url = container.wait_ready()
        with ThreadPoolExecutor() as pool:
            for reading in [pool.submit(read, url, copy, UNHURRIED) for copy in _labels(pictures, 8)]:
                reading.result()
        master, workers, sandboxes = _service(container)
        told = [f"master {_memory(container, master)}", *(f"worker {_memory(container, one)}" for one in workers)]
        told += [f"sandbox {_memory(container, one)}" for one in sandboxes]
        files = "/sys/fs/cgroup/memory.peak", "/sys/fs/cgroup/memory/memory.max_usage_in_bytes"
        peak = int(container.execute("sh", "-c", f"cat {' '.join(files)} 2>/dev/null || true"))
        for name in ("webp of 40 million pixels", "jpeg in print colours"):  # more than is left
            body = {"image_urls": [pictures.serve("/heavy", HEAVY[name]())]}
            answer = httpx.post(f"{url}/api/v1/analyze", json=body, timeout=UNHURRIED, trust_env=False).json()
            assert answer["decodeStatus"] in {"FAILED", "CANCELLED"}, answer
        read(url, known_label(pictures))
        again, same, _ = _service(container)
        assert (again.pid, [one.pid for one in same]) == (master.pid, [one.pid for one in workers]), "none of them died"
    told.append(f"most of the whole container while eight labels were read {peak / 2**20:.0f} of 512")
    record_property("measured", f"container, MiB: {', '.join(told)}")


def _reading(container: Container) -> list[int]:
    """The workers that have a reader running."""
    return [one.parent for one in container.processes() if one.command.startswith("tesseract") and one.parent != 1]


def test_a_worker_that_dies_leaves_nothing_behind(served: Container, pictures: Web) -> None:
    """Its reader ends by itself, as a child of the container's first process, which has to take note of it.

    What ends it is its limit of processor time, which takes several times as long on a busy machine.
    """
    url = served.wait_ready()
    picture = pictures.serve("/noise", encoded(Image.effect_noise((1500, 1500), 120)))
    with ThreadPoolExecutor() as pool:
        lost = pool.submit(
            httpx.post, f"{url}/api/v1/analyze", json={"image_urls": [picture]}, timeout=120, trust_env=False
        )
        wait_for(lambda: _reading(served), otherwise="nothing was read", every=0.2)
        (worker,) = _reading(served)
        served.execute("python", "-c", f"import os; os.kill({worker}, 9)")
        assert isinstance(lost.exception(), httpx.TransportError)
    wait_for(lambda: _is_whole(served), UNHURRIED, "a reader, a sandbox or a zombie stayed", every=1.0)
    read(url, known_label(pictures))
    assert _is_whole(served)


def _has_begun(container: Container) -> bool:
    """Return whether tini has started the service, which it does when it takes signals itself."""
    return container.engine.run("exec", container.id, "grep", "-q", ".", "/proc/1/task/1/children").returncode == 0


def test_a_stop_at_once_is_heard(docker: Engine, image: str) -> None:
    """Before the service has begun to listen for it, and after the container's first process has.

    Before that the kernel drops the signal, since a first process gets only those that it has asked for: a machine that
    is busy enough stops between the two.
    """
    with started(docker, image, *strict()) as container:
        wait_for(lambda: _has_begun(container), otherwise="tini never began", every=0.05)
        docker.ok("stop", "--time", str(GRACE), container.id)
        assert container.state["ExitCode"] in {0, 128 + signal.SIGTERM}


class Held:
    """Hand out a picture drop by drop, the last of it only when the test lets it go."""

    def __init__(self, picture: bytes) -> None:
        self._picture = picture
        self.begun, self.let_go = threading.Event(), threading.Event()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(self._picture)))
        handler.end_headers()
        self.begun.set()
        at = 0
        while at < len(self._picture) - 1 and not self.let_go.wait(0.2):
            handler.wfile.write(self._picture[at : at + 1])
            at += 1
        handler.wfile.write(self._picture[at:])


def _leaving(client: httpx.Client) -> bool:
    """Whether a request is refused, or answered with the wish never to be asked again over this connection."""
    try:
        answer = client.get("/health")
    except httpx.TransportError:
        return True
    return bool(answer.headers.get("connection") == "close")


def test_a_stop_finishes_what_runs(docker: Engine, image: str, pictures: Web, record_property: Record) -> None:
    held = Held(label.PICTURE.read_bytes())
    pictures.routes["/held"] = held
    variables: dict[str, Any] = {"IMAGE_ALLOWED_ORIGINS": pictures.origin}
    with contextlib.ExitStack() as stack:
        container = stack.enter_context(started(docker, image, *strict(), **variables))
        url = container.wait_ready()
        kept = stack.enter_context(httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False))
        assert kept.get("/health").status_code == 200
        pool = stack.enter_context(ThreadPoolExecutor())
        stack.callback(held.let_go.set)
        running: Future[None] = pool.submit(read, url, f"{pictures.origin}/held")
        assert held.begun.wait(PATIENCE)
        wait_for(lambda: _connects(url), otherwise="new connections are not taken")
        stopping = pool.submit(docker.ok, "stop", "--time", str(GRACE), container.id)
        wait_for(lambda: not _connects(url), otherwise="new connections are still taken")
        assert _leaving(kept)
        assert not _connects(url)
        assert not running.done() and not stopping.done(), "it waits for what runs"
        held.let_go.set()
        began = time.monotonic()
        running.result()
        stopping.result()
        stopped = time.monotonic() - began
        state = container.state
    told = f"a stop waited for the request that ran; its container was gone {stopped:.0f} s after the last picture came"
    record_property("measured", told)
    # What is killed at the end of the grace exits with 128 + SIGKILL.
    assert (state["Status"], state["ExitCode"], state["OOMKilled"]) == ("exited", 0, False)


def _connects(url: str) -> bool:
    """Return whether a new connection is served; where it waits for ever, an answer never comes."""
    with httpx.Client(base_url=url, timeout=3, trust_env=False) as client:  # never comes
        return not _leaving(client)


def test_a_wrong_environment_is_told_whole_and_ends_it(docker: Engine, image: str) -> None:
    wrong: dict[str, Any] = {"PORT": "eighty", "LOG_LEVLE": "INFO", "REDIS_URL": "cache"}
    with started(docker, image, *strict(), "--restart", "on-failure:2", **wrong) as container:
        wait_for(
            lambda: container.inspect()["RestartCount"] == 2 and not container.state["Running"],
            otherwise="it did not give up",
        )
        wait_for(lambda: container.state["Status"] == "exited", otherwise="it did not stay down")
        logs = container.logs()
        assert container.state["ExitCode"] == 3
    assert "Traceback" not in logs and "cache" not in logs.replace("environment", "")
    assert all(logs.count(f"  {name} ") == 3 for name in wrong), "once for each start"


def test_two_run_side_by_side(docker: Engine, image: str, pictures: Web) -> None:
    with contextlib.ExitStack() as stack:
        variables: dict[str, Any] = {"IMAGE_ALLOWED_ORIGINS": pictures.origin}
        both = {
            release: stack.enter_context(started(docker, image, *strict(), RELEASE_ID=release, **variables))
            for release in ("one", "two")
        }
        pool = stack.enter_context(ThreadPoolExecutor())
        urls = {release: container.wait_ready() for release, container in both.items()}
        for reading in [pool.submit(read, url, known_label(pictures)) for url in urls.values()]:
            reading.result()
        told = {
            release: httpx.get(f"{url}/health", timeout=PATIENCE, trust_env=False).json()["release"]
            for release, url in urls.items()
        }
    assert told == {"one": "one", "two": "two"}


_ROWS = """
import sqlite3
print(*sqlite3.connect("/data/decodeat.sqlite3").execute("SELECT decode_status FROM analysis_results"))
"""


@pytest.mark.parametrize("user", ["10001:10001", "1000650000:0"], ids=["its own", "any of group 0"])
def test_results_outlive_it_in_a_volume(docker: Engine, image: str, pictures: Web, user: str) -> None:
    """As documented; the second user is what platforms give that choose one themselves."""
    volume = docker.ok("volume", "create")
    options = ("--read-only", "--user", user, "--volume", f"{volume}:/data")
    database: dict[str, Any] = {
        "DATABASE_URL": "sqlite:////data/decodeat.sqlite3",
        "IMAGE_ALLOWED_ORIGINS": pictures.origin,
    }
    with started(docker, image, *options, **database) as container:
        read(container.wait_ready(), known_label(pictures))
        docker.ok("stop", "--time", str(GRACE), container.id)
    with started(docker, image, *options, **database) as container:
        container.wait_ready()
        rows = container.execute("python", "-c", _ROWS)
    assert rows == "('COMPLETED',)"
    docker.ok("volume", "rm", volume)
