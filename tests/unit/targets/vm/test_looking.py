"""The scripts that look at machines run there, with the machine's own shell and a strict Docker, and say the truth."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from decodeat_ops.core.errors import Unreachable
from decodeat_ops.targets.vm.asking import VmHttp, private
from decodeat_ops.targets.vm.observing import observe, seen
from decodeat_ops.targets.vm.scripts import logs, look, reading
from tests.servers.vm.container import Definition
from tests.support.local_remote import Cut
from tests.support.waiting import wait_for
from tests.unit.targets.vm.laid_out import API, NGINX, LaidOut, laid_out
from tests.unit.targets.vm.recorded import NAMES, ONE, TWO

SCRIPTS = {
    "look": look.script(NAMES),
    "files": reading.files(NAMES, ONE),
    "ground": reading.ground(),
    "clock": reading.clock(),
    "environment": reading.environment(["one", "two"]),
    "inside": reading.inside("one", ["--schema", "--json"]),
    "apart": reading.apart(NAMES, ONE, API.id, ["--schema"]),
    "asking": reading.asking("one"),
    "last": logs.last({"blue": "one", "nginx": "two"}, 20),
    "follow": logs.follow(NAMES, {"blue": "one", "green": "two"}, {"blue": "0", "green": "1.5"}),
    "holds": logs.holds("one", "a sign", 60),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_script_is_clean_by_shellcheck(name: str) -> None:
    done = subprocess.run(
        ("shellcheck", "-s", "sh", "-"), input=SCRIPTS[name], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("", 0)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[LaidOut]:
    with laid_out(tmp_path, ("a", "b")) as made:
        yield made


def test_what_runs_on_machines_is_seen_in_one_round_trip_each(two: LaidOut) -> None:
    for host in two.hosts:
        two.runs(host, "green", TWO)
        two.runs(host, "blue", ONE)
        two.runs(host, "nginx")
        two.switch(host, "green")
    found = observe(two.place)
    assert (found.active_id, found.mixed, found.draining) == (TWO, False, frozenset({ONE}))
    assert [one.id for one in found.releases] == [TWO, ONE]
    assert {one.source for one in found.instances} == {"a", "b"}
    one = found.hosts[0]
    assert API.id in one.images
    assert (one.engine, one.compose) == ("28.2.2", "2.36.2")
    assert one.free_bytes > 0 and one.boot and one.switched
    assert all(len(remote.scripts) == 1 for remote in two.remotes)
    assert not two.hosts[0].engine.changes  # of which a look makes none


@pytest.mark.parametrize("label", ['a"b', "two\nlines", 'x"} {"Ports"'])
def test_a_project_is_told_whatever_is_in_its_name(two: LaidOut, label: str) -> None:
    host = two.hosts[0]
    two.runs(host, "nginx")
    labels = {"com.docker.compose.project": label}
    host.engine.start(host.engine.make(Definition(name="other", image=NGINX.id, named="nginx:1", labels=labels)))
    found = seen(two.place)[0]
    assert found.projects == {label} and set(found.containers) == {"nginx"}


def test_a_bare_machine_and_an_engine_that_is_down(two: LaidOut) -> None:
    bare = seen(two.place)[0]
    assert (bare.there, bare.containers, bare.problem) == (False, {}, "")
    two.runs(two.hosts[1], "blue", ONE)
    two.switch(two.hosts[1], "blue")
    two.hosts[1].engine.down = True
    down = seen(two.place)[1]
    assert down.engine_problem.startswith("Docker says: Cannot connect to the Docker daemon")
    assert down.active_id == ONE


def test_a_connection_that_breaks_off_is_said_of_its_machine(two: LaidOut) -> None:
    two.remotes[1].cut_on("docker image ls", Cut.REFUSED)
    two.runs(two.hosts[0], "blue", ONE)
    two.switch(two.hosts[0], "blue")
    with pytest.raises(Unreachable, match=r"^b refuses the connection\.$") as caught:
        observe(two.place)
    assert caught.value.advice.lines == (f"a: release {ONE} serves.",)


def test_a_release_answers_on_its_private_socket_also_after_its_container_was_replaced(two: LaidOut) -> None:
    host = two.hosts[1]
    two.runs(host, "blue", ONE)
    http, endpoint = VmHttp(two.place), private(two.place, "b", "blue")

    def answers() -> str:
        try:
            return http.request(endpoint, "GET", "/health").headers.get("x-release-id", "")
        except Unreachable:
            return ""

    try:
        wait_for(lambda: answers() == ONE)
        two.runs(host, "blue", TWO)
        wait_for(lambda: answers() == TWO)
        host.container(NAMES.container("blue")).kill()
        with pytest.raises(Unreachable, match="blue on b did not answer"):
            http.request(endpoint, "GET", "/health")
    finally:
        http.close()


def test_where_a_release_is_not_no_other_files_are_read(tmp_path: Path) -> None:
    """Scripts begin in the home of whom ssh let in, who may have files by these names there."""
    (tmp_path / "service.env").write_text("API_RATE_LIMIT=1\n")
    script = reading.files(NAMES, ONE)
    done = subprocess.run(("sh", "-c", script), cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "= end\n"
