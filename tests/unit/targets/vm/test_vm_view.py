"""How a deployment on machines is looked at: which release serves, with which variables, files and keys."""

import json
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.abilities import Compares, Enters
from decodeat_ops.core.errors import Configuration, Usage
from decodeat_ops.core.secret import Secret
from decodeat_ops.targets.vm import documents
from decodeat_ops.targets.vm.release import VmRelease, from_record
from decodeat_ops.targets.vm.scripts import frame
from decodeat_ops.targets.vm.view import VmView
from tests.unit.targets.vm.recorded import ONE, TWO, container, record, said, serving
from tests.unit.targets.vm.told import APART, FILES, INSIDE, Told, place_of

BOTH = {ONE: json.dumps(record(ONE)), TWO: json.dumps(record(TWO))}
LAID_OUT = f'= file service.env\n API_RATE_LIMIT=7\n RELEASE_ID={ONE}\n= file compose.yaml\n {{"x": 1}}\n= end\n'
SECRETS = '[service.secrets]\nAPI_KEYS = "env:API_KEYS"\n'


def view_of(home: Path, machine: Told, more: str = "", **ports: Any) -> VmView:
    return VmView(place_of(home, machine, more=more, **ports), {"API_KEYS": Secret("key-of-a-client")})


def release(name: str = ONE, **more: Any) -> VmRelease:
    return from_record(json.dumps(record(name, **more)))


def test_what_serves_is_known_without_its_record(tmp_path: Path) -> None:
    view = view_of(tmp_path, Told("a", serving(records={})))
    assert view.current_id() == ONE
    with pytest.raises(Configuration, match=r"record of release .* is missing"):
        view.active()


def test_a_damaged_record_of_another_release_is_not_read(tmp_path: Path) -> None:
    view = view_of(tmp_path, Told("a", serving(TWO, records={ONE: "{", TWO: BOTH[TWO]})))
    active = view.active()
    assert active is not None and active.id == TWO
    with pytest.raises(Configuration, match="damaged"):
        view.release(ONE)
    assert view.release("unknown") is None


def test_the_stopped_release_is_the_current_one(tmp_path: Path) -> None:
    view = view_of(tmp_path, Told("a", said(links={"stopped": f"releases/{ONE}"}, records=BOTH)))
    assert (view.current_id(), view.active()) == (ONE, None)


def test_a_release_has_a_socket_where_it_runs(tmp_path: Path) -> None:
    both = serving(ONE, records=BOTH, beside=(container("green", TWO),))
    view = view_of(tmp_path, Told("a", both))
    for name, colour in ((ONE, "blue"), (TWO, "green")):
        endpoint = view.endpoint(release(name), "private")
        assert endpoint is not None and endpoint.unix is not None
        assert (endpoint.host, endpoint.unix.parent.name) == ("a", colour)
    assert view.endpoint(release("20260103T000000Z-ccccccc"), "private") is None


def test_a_restarted_release_is_asked_where_no_client_reaches_it_yet(tmp_path: Path) -> None:
    view = view_of(tmp_path, Told("a", serving(ONE, beside=(container("green", ONE),))))
    endpoint = view.endpoint(release(), "private")
    assert endpoint is not None and endpoint.unix is not None and endpoint.unix.parent.name == "green"


def test_variables_are_the_releases_own(tmp_path: Path) -> None:
    view = view_of(tmp_path, Told("a", serving(), {FILES: LAID_OUT}))
    assert view.variables(release())["API_RATE_LIMIT"] == "7"
    assert "SOCKET" in view.variables(None)  # those that a deploy would bring
    assert view.headers(release()) == {"X-API-Key": "key-of-a-client"}


def test_the_salt_is_the_machines_and_before_them_one_that_stays(tmp_path: Path) -> None:
    assert view_of(tmp_path, Told("a", serving(extra="= salt\n 0123"))).salt == "0123"
    bare = view_of(tmp_path, Told("a", said()))
    assert bare.salt == bare.salt != ""


def test_code_runs_beside_what_runs_else_in_a_container_of_its_own(tmp_path: Path) -> None:
    machine = Told("a", serving(records=BOTH), {INSIDE: "told\n", APART: (frame.MISSING, "")})
    view = view_of(tmp_path, machine, SECRETS)
    done = view.service(release(), "--schema", "--json")
    assert done is not None and (done.status, done.stdout) == (0, "told\n")
    assert machine.scripts[-1][0] == "docker exec -i demo-production-blue python -m decodeat --schema --json\n"
    assert view.service(release(TWO), "--schema") is None  # its image is not there
    script, given = machine.scripts[-1]
    assert "key-of-a-client" not in script
    assert given == "export API_KEYS=key-of-a-client\n"
    assert view.service(None, "--check-model") is None


def test_files_are_those_on_the_machine(tmp_path: Path) -> None:
    view = view_of(tmp_path, Told("a", serving(), {FILES: LAID_OUT}))
    assert set(view.files(ONE)) == {"service.env", "compose.yaml"}
    assert {"service.env", "compose.yaml", "edge/compose.yaml"} <= set(view.files(""))
    missing = view_of(tmp_path, Told("a", serving(), {FILES: "= missing\n= end\n"}))
    with pytest.raises(Usage, match="no release"):
        missing.files("unknown")


def test_a_deploy_that_changes_nothing_has_no_difference(tmp_path: Path) -> None:
    machine = Told("a", serving(), {FILES: ""})
    view = view_of(tmp_path, machine)
    ours = documents.files(view.place.loaded, ONE)
    machine.replies[FILES] = "".join(
        f"= file {name}\n" + "".join(f" {line}\n" for line in text.splitlines()) for name, text in ours.items()
    ) + "= end\n"  # fmt: skip
    assert isinstance(view, Compares)
    compared = view.compared({})
    assert (compared.against, compared.release) == (f"release {ONE}", ONE)
    assert {name for name, (before, now) in compared.texts.items() if before != now} == set()


def test_before_the_first_deploy_all_is_new(tmp_path: Path) -> None:
    compared = view_of(tmp_path, Told("a", said())).compared({})
    assert compared.against == "nothing: there is no release yet"
    assert all(before == "" and now for before, now in compared.texts.values())


def test_a_program_runs_in_what_clients_reach(tmp_path: Path) -> None:
    view = view_of(tmp_path, Told("a", serving(beside=(container("green", TWO, state="exited"),))))
    assert isinstance(view, Enters)
    attached = view.enter(("python", "-c", "print('x y')"), "")
    assert attached.argv[2] == """exec docker exec -it demo-production-blue python -c 'print('"'"'x y'"'"')'"""
    assert attached.says == f"blue on a, release {ONE}"
    assert view.enter((), "a").argv[2].endswith(" sh")
    with pytest.raises(Configuration, match="green does not run on a"):
        view.enter((), "a/green")
    for wrong in ("b", "a/purple"):
        with pytest.raises(Usage):
            view.enter((), wrong)


def test_nothing_to_enter_says_how_to_start(tmp_path: Path) -> None:
    with pytest.raises(Configuration, match=r"^Nothing runs on a\.$"):
        view_of(tmp_path, Told("a", said())).enter((), "")
