"""The reboot promise: what was deployed to a machine with a running systemd answers again, and nobody does a thing."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.lab.conftest import Engage, serving_twice
from tests.lab.vm_operator import Operator
from tests.lab.vms import SYSTEMD, Vm

pytestmark = [pytest.mark.lab, pytest.mark.proof, pytest.mark.timeout(3000)]

Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def real(engage: Engage) -> Operator:
    return serving_twice(engage("systemd", machine=SYSTEMD, name="real"))


@pytest.fixture
def well(real: Operator) -> Iterator[Operator]:
    yield real
    assert real.unsettled() == ""


@pytest.mark.parametrize("goes_down", [Vm.reboot, Vm.lose_power, Vm.restart_docker])
def test_it_answers_again(well: Operator, goes_down: Callable[[Vm], None], record_property: Record) -> None:
    release = well.serving()
    goes_down(well.first)
    began = time.monotonic()
    well.wait_serving(release)
    record_property("measured", f"vm: the release answers {time.monotonic() - began:.0f} s after {goes_down.__name__}")
    well.wait_alone()
    assert well.ok("deploy", "--yes")["changed"] == 0


@pytest.mark.parametrize("step", ["start", "admit", "retire"])
def test_it_answers_again_when_the_power_went_in_the_middle_of_a_deploy(well: Operator, step: str) -> None:
    before = well.serving()
    well.change_something()
    with well.held("deploy", step) as going:
        going.die()
        well.first.lose_power()
    well.wait_serving(well.releases()[0] if step == "retire" else before)
    well.ok("start", "--yes", "--lock-wait", "120")
    assert well.serving() and well.unsettled() == ""
    well.wait_alone()
    assert well.deploy() == well.serving() != before
