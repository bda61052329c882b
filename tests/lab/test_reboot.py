"""The reboot promise, on a machine with a running systemd: what was deployed answers again, and nobody does a thing."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.lab import machine as lab
from tests.lab.engine import Engine
from tests.lab.machine import Machine, Person

pytestmark = [pytest.mark.lab, pytest.mark.proof, pytest.mark.timeout(1800)]

Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def machine(docker: Engine, python_base: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    image = lab.build(docker, tmp_path_factory.mktemp("machine"))
    with lab.started(docker, image) as running:
        yield running


def person(machine: Machine, user: str, home: str, port: int) -> Person:
    made = Person(machine, user, home, port)
    made.ok("""printf 'name = "tested"\\n' >decodeat-ops.toml""")
    return made


@pytest.fixture(scope="module")
def root(machine: Machine) -> Person:
    """Root, who has deployed and was told nothing but good."""
    made = person(machine, "root", "/root", 8101)
    told = made.deploy(WORKERS=1)
    assert (told["exit_code"], told["warnings"], told["data"]["after_reboot"]) == (0, [], ""), told
    return made


@pytest.fixture(scope="module")
def keeps(machine: Machine) -> Person:
    """A user whom root has allowed to linger, who has deployed too."""
    assert machine.run("loginctl", "enable-linger", "keeps").returncode == 0
    made = person(machine, "keeps", "/home/keeps", 8102)
    told = made.deploy(WORKERS=1)
    assert (told["exit_code"], told["warnings"], told["data"]["after_reboot"]) == (0, [], ""), told
    return made


def well(made: Person, release: str) -> None:
    made.wait_serving(release)
    status = made.ops("status")
    assert (status["ok"], status["data"]["release"], status["data"]["problems"]) == (True, release, []), status
    assert status["data"]["open_journal"] is None


@pytest.mark.parametrize(
    "goes_down", [Machine.reboot, Machine.reboot, Machine.lose_power], ids=["first", "again", "cut"]
)
def test_it_answers_again(
    machine: Machine, root: Person, keeps: Person, goes_down: Callable[[Machine], None], record_property: Record
) -> None:
    """The first time it was the command that had started it, the second time systemd, whose unit stops it in order."""
    releases = {made.user: made.serving() for made in (root, keeps)}
    assert all(releases.values())
    goes_down(machine)
    began = time.monotonic()
    for made in (root, keeps):
        well(made, releases[made.user])
    record_property("measured", f"reboot: root's and a user's release answer {time.monotonic() - began:.0f} s later")


def test_it_answers_again_when_the_power_went_in_the_middle_of_a_deploy(machine: Machine, keeps: Person) -> None:
    release = keeps.serving()
    keeps.begin_deploy_and_stop_in_the_middle(WORKERS=1, MAX_REQUESTS=999)
    assert "deploy" in keeps.ops("status")["data"]["lock"]
    machine.lose_power()
    well(keeps, release)
    assert [found["id"] for found in keeps.ops("releases")["data"]["releases"]] == [release]


def test_without_lingering_it_runs_from_login_to_logout_and_that_is_told(machine: Machine) -> None:
    denied = person(machine, "denied", "/home/denied", 8103)
    told = denied.deploy(WORKERS=1)
    assert told["exit_code"] == 0, told
    (warning,) = told["warnings"]
    assert "runs only while denied is logged in" in warning and "loginctl enable-linger denied" in warning
    assert told["data"]["after_reboot"].startswith("@reboot ")
    release = denied.serving()
    machine.reboot()
    machine.wait_up()
    assert denied.serving() == ""
    machine.engine.ok("exec", "--detach", machine.id, "su", "--login", "denied", "--command", "exec sleep infinity")
    denied.wait_serving(release)
    assert machine.run("loginctl", "terminate-user", "denied").returncode == 0
    denied.wait_serving("")


def test_enabling_that_fails_is_told_each_time_until_it_is_mended(keeps: Person) -> None:
    place = "~/.config/systemd/user/default.target.wants"
    unit = "decodeat-ops-tested-production.service"
    keeps.ok(f"systemctl --user disable --quiet {unit}; rm -rf {place}; touch {place}")
    for changed in (1, 0):  # the second deploy finds nothing else to do
        told = keeps.deploy(WORKERS=1, MAX_REQUESTS=998)
        assert (told["exit_code"], told["changed"]) == (0, changed), told
        (warning,) = told["warnings"]
        assert "does not come back by itself" in warning and f"systemctl enable {unit}" in warning
    doctor = keeps.ops("doctor", **lab.service({"WORKERS": 1, "MAX_REQUESTS": 998}))
    (finding,) = [found for found in doctor["data"]["findings"] if found["check"] == "machine.schedule"]
    assert finding["status"] == "WARN" and f"{unit} is not enabled" in str(finding), finding
    keeps.ok(f"rm {place}")
    for changed in (1, 0):
        told = keeps.deploy(WORKERS=1, MAX_REQUESTS=998)
        assert (told["exit_code"], told["changed"], told["warnings"]) == (0, changed, []), told
    assert keeps.ok(f"systemctl --user is-enabled {unit}").strip() == "enabled"


def test_the_tool_alone_checks_the_services_variables(root: Person) -> None:
    """Nothing of what the service needs is installed beside it, as after any installation of the wheel."""
    for words in ("config show", "deploy --dry-run"):
        told = root.ops(words, **lab.service({"WORKRES": 1}))
        assert told["exit_code"] == 3, told
        assert "Did you mean WORKERS?" in str(told)
    assert root.ops("doctor", **lab.service({"WORKERS": 1}))["exit_code"] == 0
