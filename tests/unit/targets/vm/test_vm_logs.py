"""Logs of all machines are one: merged by time, followed across a switch, a new container, a connection that breaks."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from decodeat_ops.core.errors import Usage
from decodeat_ops.core.view import LogLine
from decodeat_ops.targets.vm import logs
from decodeat_ops.targets.vm.scripts import logs as scripts
from decodeat_ops.targets.vm.scripts import quoting
from tests.support.local_remote import Cut
from tests.support.own_machine import programs
from tests.support.waiting import wait_for
from tests.unit.targets.vm.laid_out import LaidOut, laid_out
from tests.unit.targets.vm.recorded import NAMES, ONE, TWO


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LaidOut]:
    monkeypatch.setattr(scripts, "BEAT", 1)
    monkeypatch.setattr(logs, "AGAIN", 0.1)
    with laid_out(tmp_path, ("a", "b")) as made:
        for host in made.hosts:
            made.runs(host, "blue", ONE).say(f"first at {host.name}")
            made.switch(host, "blue")
        yield made


def texts(lines: list[LogLine]) -> list[tuple[str, str, str]]:
    """Return what the tests let containers say; the service says something itself, as JSON."""
    return [(one.release, one.source, one.line) for one in lines if not one.line.startswith("{")]


def test_the_last_lines_of_all_machines_are_merged_by_time(two: LaidOut) -> None:
    a, b = (host.container("demo-production-blue") for host in two.hosts)
    b.say("second at b")
    a.say("third at a")
    found = logs.find(two.place, "", "").last(2)
    assert texts(found) == [(ONE, "b", "second at b"), (ONE, "a", "third at a")]
    assert logs.find(two.place, "", "").last(0) == []


def test_a_silent_machine_is_said_and_hides_no_other(two: LaidOut) -> None:
    two.remotes[1].cut_on("docker image ls", Cut.REFUSED)
    first, *rest = logs.find(two.place, "", "").last(5)
    assert first == LogLine("", "b is silent: b refuses the connection", "b")
    assert (ONE, "a", "first at a") in texts(rest)


def test_parts_have_their_own_logs(two: LaidOut) -> None:
    two.runs(two.hosts[0], "nginx").say("GET / at a")
    assert texts(logs.find(two.place, "", "nginx").last(1)) == [("", "a", "GET / at a")]
    with pytest.raises(Usage, match="no log of a part 'supervisor'"):
        logs.find(two.place, "", "supervisor")


def test_a_release_is_read_where_its_container_is(two: LaidOut) -> None:
    two.runs(two.hosts[0], "green", TWO).say("new at a")
    assert texts(logs.find(two.place, TWO, "").last(9)) == [(TWO, "a", "new at a")]
    for host in two.hosts:
        two.runs(host, "blue", TWO)
        two.runs(host, "green", TWO)
    with pytest.raises(Usage, match=f"The log of release {ONE} is gone"):
        logs.find(two.place, ONE, "")
    with pytest.raises(Usage, match="There is no release unknown"):
        logs.find(two.place, "unknown", "")


@pytest.fixture
def followed(two: LaidOut) -> Iterator[Callable[[], tuple[list[LogLine], list[str]]]]:
    lines: list[LogLine] = []
    switches: list[str] = []
    stop = threading.Event()

    def read() -> None:
        for line in logs.find(two.place, "", "").follow(5, switches.append):
            if stop.is_set():
                return
            lines.append(line)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    yield lambda: (lines, switches)
    stop.set()
    for host in two.hosts:
        host.container("demo-production-blue").say("the end at last")
    thread.join()


def test_following_goes_on_across_a_switch(
    two: LaidOut, followed: Callable[[], tuple[list[LogLine], list[str]]]
) -> None:
    lines, switches = followed()
    wait_for(lambda: len(texts(lines)) == 2)
    new = [two.runs(host, "green", TWO) for host in two.hosts]
    for host, container in zip(two.hosts, new, strict=True):
        container.say(f"candidate at {host.name}")
    wait_for(lambda: {(TWO, "a", "candidate at a"), (TWO, "b", "candidate at b")} <= set(texts(lines)))
    assert switches == []
    for host in two.hosts:
        two.switch(host, "green")
    wait_for(lambda: switches)
    two.hosts[0].container("demo-production-blue").say("draining at a")
    wait_for(lambda: (ONE, "a", "draining at a") in texts(lines))
    assert switches == [TWO]  # once, though two machines switched
    assert len(set(texts(lines))) == len(texts(lines))


def test_a_connection_that_breaks_off_costs_no_line_and_repeats_none(
    two: LaidOut, followed: Callable[[], tuple[list[LogLine], list[str]]]
) -> None:
    lines, _ = followed()
    wait_for(lambda: len(texts(lines)) == 2)
    blue = two.hosts[0].container("demo-production-blue")
    blue.say("before at a")
    wait_for(lambda: (ONE, "a", "before at a") in texts(lines))
    two.remotes[0].break_off()
    blue.say("meanwhile at a")
    wait_for(lambda: (ONE, "a", "meanwhile at a") in texts(lines))
    assert len(set(texts(lines))) == len(texts(lines))


def test_a_deployment_without_a_release_has_no_log(tmp_path: Path) -> None:
    with laid_out(tmp_path) as bare, pytest.raises(Usage, match="has no release"):
        logs.find(bare.place, "", "").last(5)


@pytest.mark.parametrize("label", [f"/;1e echo {ONE} >owned #", f"x\ne echo {ONE} >owned", "$(echo >owned)"])
def test_a_label_of_an_image_is_no_command(tmp_path: Path, label: str) -> None:
    """nginx's and Redis' images may bring any label with them, and root reads it."""
    programs(
        tmp_path / "bin", docker=f"case $1 in inspect) printf '%s' {quoting.word(label)};; *) echo served;; esac\n"
    )
    script = scripts.follow(NAMES, {"nginx": "n"}, {"nginx": "0"})
    with subprocess.Popen(
        ("sh", "-c", script), stdout=subprocess.PIPE, text=True, cwd=tmp_path, start_new_session=True,
        env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin"},
    ) as reader:  # fmt: skip
        assert reader.stdout is not None
        shown = next(line for line in reader.stdout if not line.startswith("= "))
        os.killpg(reader.pid, signal.SIGKILL)
    assert shown == "nginx - served\n"
    assert not (tmp_path / "owned").exists()
