"""Given a machine with Docker alone, when its operator works there as every day, clients get each release."""

from collections.abc import Callable

import httpx
import pytest

from tests.lab.conftest import Engage
from tests.lab.containers import known_label
from tests.lab.vm_operator import Operator
from tests.lab.vms import SUDO
from tests.support.terminal import terminal
from tests.support.waiting import wait_for
from tests.unit.decodeat.web import Web

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3000)]

Record = Callable[[str, object], None]
CHAT = 500_000  # bytes that a change may say to a machine beside its image: scripts, files, and what the checks ask
MOST = 1.1  # bytes that travel after a change, to those of the layers that it changed
DAILY = pytest.mark.share(3)  # not the main way; each commit runs a third of these


def test_from_nothing_to_https_and_away_again(engage: Engage, pictures: Web, record_property: Record) -> None:
    made = engage("vm1", name="first", ports=(8080, 8443), quickly=False)
    vm, (plain, secure) = made.first, made.ports
    made.checks["label_url"] = known_label(pictures)
    made.configure(IMAGE_ALLOWED_ORIGINS=pictures.origin)
    assert made.ok("deploy", "--dry-run")["changed"] == 0
    assert vm.run(f"test -e {made.root}").returncode == 1 and not vm.containers(), "a look changes nothing"

    told = made.ok("deploy", "--yes")  # its gate has the release read the known label
    release = told["data"]["release"]
    assert made.serving() == release
    record_property("measured", f"vm: the first deploy sent {vm.received / 1e6:.0f} MB")
    moved = vm.get("/api/v1/analyze?x=1", plain, tls=False)
    assert (moved.status_code, moved.headers["location"]) == (
        308,
        f"https://api.example.test:{secure}/api/v1/analyze?x=1",
    )
    with pytest.raises(httpx.TransportError):
        vm.get("/health", secure, name="other.example.test")
    status = made.ok("status")["data"]
    assert (status["release"], status["problems"], status["open_journal"]) == (release, [], None)
    assert made.ok("doctor")["exit_code"] == 0

    before = vm.running()
    assert made.ok("deploy", "--yes")["changed"] == 0 and vm.running() == before

    removed = made.ok("remove", "--yes", "--name", made.deployment)
    assert removed["changed"] == 1 and removed["data"]["stays"]
    assert made.serving() == "" and not [name for name in vm.containers() if name.startswith("first-")]
    assert made.ok("remove", "--yes", "--name", made.deployment)["changed"] == 0
    assert made.deploy() == made.serving() != release
    made.ok("remove", "--yes", "--name", made.deployment, "--delete-data")
    assert vm.run(f"test -e {made.root}").returncode == 1
    assert "first-production" not in vm.docker("image", "ls") + vm.docker("network", "ls") + vm.docker("volume", "ls")


@DAILY
def test_a_changed_setting_needs_no_new_image(steady: Operator) -> None:
    before, received = steady.serving(), steady.first.received
    steady.change_something()
    assert "image-build" not in steady.planned()
    release = steady.deploy()
    assert steady.serving() == release != before
    assert steady.first.received - received < CHAT


def test_of_changed_code_the_changed_layers_travel(steady: Operator, record_property: Record) -> None:
    received, kept = steady.first.received, steady.first.running()
    steady.change_code()
    assert "image-build" in steady.planned()
    told = steady.ok("deploy", "--yes")["data"]
    assert told["release"] == steady.serving()
    sent, came, layers = told["steps"]["image"]["bytes"], steady.first.received - received, steady.changed_layers()
    shown = ", ".join(f"{count / 1e6:.2f} MB {what}" for count, what in ((sent, "sent of them"), (came, "came in all")))
    record_property("measured", f"vm: changed layers of {layers / 1e6:.2f} MB, {shown}")
    assert 0 < sent <= MOST * layers
    assert sent < came < sent + CHAT, "nothing is sent twice"
    now = steady.first.running()
    assert {name for name in now if now[name] == kept.get(name)} == {
        f"{steady.deployment}-{x}" for x in ("nginx", "redis")
    }
    assert steady.ok("deploy", "--yes")["changed"] == 0


def test_back_to_the_release_before_and_to_a_chosen_one(steady: Operator) -> None:
    steady.change_code()
    older = steady.deploy()
    steady.change_code()
    newer = steady.deploy()
    received = steady.first.received
    steady.ok("rollback", "--yes")
    assert steady.serving() == older
    steady.ok("rollback", newer, "--yes")
    assert steady.serving() == newer
    assert steady.first.received - received < 2 * CHAT, "no byte of an image"
    error = steady.refused(2, "rollback", "20200101T000000Z-0000000", "--yes")
    assert "There is no release" in error["what"] and steady.serving() == newer


def test_a_rotated_secret_reaches_the_service_and_no_rollback_brings_it_back(steady: Operator) -> None:
    old = steady.key
    steady.rotate_secret()
    steady.deploy()
    steady.rotate_secret()
    steady.ok("rollback", "--yes")
    colour = steady.first.containers()[f"{steady.deployment}-{steady.colour()}"]
    assert f"API_KEYS={steady.key}" in colour["Config"]["Env"]
    assert old not in steady.first.ok(f"grep -r API_KEYS {steady.root} || :")


@DAILY
def test_what_served_serves_again_after_stop_and_start(steady: Operator) -> None:
    release = steady.serving()
    assert steady.ok("stop", "--yes")["changed"] == 1
    assert steady.serving() == "" and steady.first.get("/api/v1/analyze").status_code == 503
    assert steady.ok("stop", "--yes")["changed"] == 0
    assert steady.ok("start", "--yes")["changed"] == 1
    assert steady.serving() == release
    assert steady.ok("start", "--yes")["changed"] == 0
    before = steady.first.running()
    again = steady.ok("restart", "--yes")["data"]["subject"]
    assert steady.serving() == again != release
    assert set(steady.first.running().values()) - set(before.values())


@DAILY
def test_maintenance_answers_503_and_the_release_goes_on(steady: Operator) -> None:
    release, before = steady.serving(), steady.first.running()
    assert steady.ok("maintenance", "on", "--yes")["changed"] == 1
    closed = steady.first.get("/api/v1/analyze")
    assert closed.status_code == 503 and int(closed.headers["retry-after"]) > 0
    assert steady.serving() == release, "whoever watches may ask"
    assert steady.ok("maintenance", "on", "--yes")["changed"] == 0
    assert steady.ok("maintenance", "off", "--yes")["changed"] == 1
    assert steady.first.get("/api/v1/analyze").status_code != 503 and steady.first.running() == before


@DAILY
def test_what_is_beyond_retention_goes_with_its_image(steady: Operator) -> None:
    steady.vm["keep_releases"] = 2
    steady.write()
    try:
        for _ in range(2):
            steady.wait_alone()  # what still finishes its requests stays
            steady.change_code()
            steady.deploy()
    finally:
        del steady.vm["keep_releases"]
        steady.write()
    kept = steady.releases()
    assert len(kept) == 2 and set(steady.first.ok(f"ls {steady.root}/releases").split()) == set(kept)
    ours = f"localhost/decodeat-ops/{steady.deployment}"
    assert len(steady.first.docker("image", "ls", "--quiet", ours).split()) == 2


@DAILY
def test_its_log_and_a_program_inside(steady: Operator) -> None:
    release = steady.serving()
    wait_for(lambda: release in steady.run("logs").stdout, otherwise=lambda: str(steady.run("logs")))
    with terminal(steady.home, "exec", "--", "python", "-c", "import os; print('id', os.environ['RELEASE_ID'])",
                  env=steady.environment) as shown:  # fmt: skip
        assert shown.end() == 0, shown.shown
    assert f"id {release}" in shown.shown


@DAILY
def test_a_sudo_user_does_all_that_root_does(steady: Operator) -> None:
    steady.vm["user"] = SUDO
    steady.write()
    try:
        assert steady.ok("status")["data"]["release"] == steady.serving()
        steady.change_something()
        assert steady.deploy() == steady.serving()
        assert steady.ok("lock", "status")["data"] == {"locked": False, "owner": None}
    finally:
        del steady.vm["user"]
        steady.write()
