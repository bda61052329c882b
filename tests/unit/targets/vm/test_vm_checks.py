"""What only the machines can tell: each probe can fail, and says which machine it is."""

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.checks import words
from decodeat_ops.checks.lists import CHECKLISTS
from decodeat_ops.checks.registry import checks_of
from decodeat_ops.checks.run import run
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Finding, Status
from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.ports import Endpoint
from decodeat_ops.core.secret import Secret
from decodeat_ops.targets.vm import checks
from decodeat_ops.targets.vm.observing import observe
from decodeat_ops.targets.vm.view import VmView
from tests.support.certificates import der, pem
from tests.unit.targets.vm.recorded import ONE, TWO, container, said, serving
from tests.unit.targets.vm.test_vm_view import BOTH, release
from tests.unit.targets.vm.told import CLOCK, GROUND, HOLDS, NAMES_OF, Shown, Told, Web, place_of

OFF = Unreachable("b did not answer: timed out.")
INFO = '= info 0\n {{"Driver":"{}","DriverStatus":{}}}\n= end\n'
FREE = INFO.format("overlay2", '[["Backing Filesystem","extfs"]]')
SECRETS = '[service.secrets]\nAPI_KEYS = "env:API_KEYS"\n'
VALUES = {"API_KEYS": Secret("key-of-a-client")}


def asked(home: Path, name: str, *machines: Told, serves: str = ONE, more: str = "", **ports: Any) -> Finding:
    """Run one check on a release at clients' address."""
    place = place_of(home, *(machines or (Told("a", serving()),)), more=more, **ports)
    view = VmView(place, VALUES)
    known = release(serves) if serves else None
    subject = Subject(place.loaded, view, lambda: observe(place), home, VALUES, known, Endpoint("192.0.2.1", 443))
    (finding,) = run((name,), subject)
    assert words.sentence(finding) and words.sentence(finding, "ko")
    return finding


def outcome(finding: Finding) -> tuple[Status, str]:
    return finding.status, finding.says


BARE = "= clock 1.0\n= user 0\n= nodocker\n= end\n"
OLD = serving().replace("24.0.7", "19.03.1").replace("2.21.0", "v1.29.2")
UNTOLD = serving().replace("10485760 50%", "- -")
PASS, WARN, FAIL = Status.PASS, Status.WARN, Status.FAIL


@pytest.mark.parametrize(
    ("name", "machines", "wanted"),
    [
        ("vm.reached", [Told("a", serving()), Told("b", serving())], (PASS, "vm.all_answer")),
        ("vm.reached", [Told("a", serving()), Told("b", OFF)], (FAIL, "vm.unreached")),
        ("vm.reached", [Told("a", serving(extra="= locked"))], (FAIL, "vm.unreached")),
        ("vm.reached", [Told("a", BARE)], (WARN, "vm.bare")),
        ("vm.docker", [Told("a", serving())], (PASS, "vm.docker_ok")),
        ("vm.docker", [Told("a", serving()), Told("b", BARE)], (FAIL, "vm.docker_lacks")),
        ("vm.docker", [Told("a", OLD)], (FAIL, "vm.docker_lacks")),
        ("vm.store", [Told("a", serving(), {GROUND: FREE})], (PASS, "vm.store_ok")),
        (
            "vm.store",
            [Told("a", serving(), {
                GROUND: INFO.format("overlayfs", '[["driver-type","io.containerd.snapshotter.v1"]]')})],
            (WARN, "vm.store_whole"),
        ),
        ("disk.space", [Told("a", serving())], (PASS, "vm.disk_room")),
        (
            "disk.space",
            [Told("a", serving(extra="= inodes 0\n /dev/sda1 100 95 5 95% /"))],
            (WARN, "vm.disk_low"),
        ),
        (
            "disk.space",
            [Told("a", serving().replace("10485760 50%", "1024 99%"))],
            (FAIL, "vm.disk_full"),
        ),
        ("disk.space", [Told("a", serving()), Told("b", UNTOLD)], (WARN, "vm.disk_unknown")),
        ("disk.space", [Told("a", UNTOLD)], (WARN, "vm.disk_unknown")),
        (
            "disk.space",
            [Told("a", serving().replace("10485760 50%", "1024 99%")), Told("b", UNTOLD)],
            (FAIL, "vm.disk_full"),
        ),
        ("vm.records", [Told("a", serving())], (PASS, "vm.records_whole")),
        ("vm.records", [Told("a", serving(TWO, records={**BOTH, ONE: "{"}))], (WARN, "vm.records_damaged")),
        ("vm.same", [Told("a", serving()), Told("b", serving())], (PASS, "vm.same_release")),
        ("vm.same", [Told("a", serving()), Told("b", serving(TWO))], (FAIL, "vm.mixed")),
        ("vm.same", [Told("a", serving()), Told("b", OFF)], (FAIL, "vm.same_unknown")),
        ("vm.edge", [Told("a", serving()), Told("b", serving())], (PASS, "vm.edge_whole")),
        ("vm.edge", [Told("a", said(containers=(container("nginx"),)))], (FAIL, "vm.edge_sick")),
        ("vm.edge", [Told("a", serving(extra="= maintenance"))], (FAIL, "vm.maintenance")),
        (
            "vm.edge",
            [Told("a", serving()), Told("b", serving().replace("0123456789ab", "ffffffffffff"))],
            (WARN, "vm.edge_mixed"),
        ),
        ("security.user", [Told("a", serving())], (PASS, "vm.hardened")),
        ("security.user", [Told("a", said())], (Status.SKIP, "vm.nothing_runs")),
        ("vm.published", [Told("a", serving())], (PASS, "vm.published_nginx")),
        ("certificate.valid", [Told("a", said())], (Status.SKIP, "vm.certificate_none")),
        ("certificate.valid", [Told("a", serving())], (FAIL, "vm.certificate_unseen")),
        ("security.address", [Told("a", serving())], (WARN, "vm.self_signed")),
        ("rollback.previous", [Told("a", said())], (Status.SKIP, "rollback.first")),
        ("rollback.previous", [Told("a", serving(TWO, records=BOTH))], (PASS, "vm.way_back")),
    ],
)  # fmt: skip
def test_what_each_check_finds(tmp_path: Path, name: str, machines: list[Told], wanted: tuple[Status, str]) -> None:
    assert outcome(asked(tmp_path, name, *machines)) == wanted


def test_a_container_that_does_not_run_well_is_named(tmp_path: Path) -> None:
    for state, restarts, wanted in (
        ({"Status": "running", "Health": {"Status": "unhealthy"}}, 0, (FAIL, "vm.sick")),
        ({"Status": "exited"}, 0, (FAIL, "vm.sick")),
        ({"Status": "running"}, 3, (WARN, "vm.restarted")),
    ):
        blue = container("blue", ONE, State=state, RestartCount=restarts)
        text = said(links={"active": "blue", "blue": f"../releases/{ONE}"}, records=BOTH, containers=(blue,))
        assert outcome(asked(tmp_path, "vm.same", Told("a", text))) == wanted


@pytest.mark.parametrize(("ahead", "wanted"), [(0, PASS), (10, WARN), (-45, FAIL)])
def test_a_clock_is_judged_beyond_the_round_trip(tmp_path: Path, ahead: float, wanted: Status) -> None:
    text = serving()
    finding = asked(tmp_path, "vm.clock", Told("a", text), Told("b", text, {CLOCK: f"{time.time() + ahead}\n"}))
    assert finding.status == wanted
    assert finding.evidence["host"] == "b" or ahead == 0


SOCKETS = "= sockets\n   0: 00000000:{:04X} 00000000:0000 {} 00000000:00000000 00:00000000 00000000     0 0 1\n= end\n"


@pytest.mark.parametrize(
    ("look", "ground", "status"),
    [
        (said(), SOCKETS.format(443, "0A"), FAIL),
        (said(), SOCKETS.format(443, "01"), PASS),  # a connection from here to elsewhere
        (said(), SOCKETS.format(8443, "0A"), PASS),
        (serving(), SOCKETS.format(443, "0A"), PASS),  # our nginx has it
        (said().replace("= listed 0", '= listed 0\n {"Names":"web","Ports":"0.0.0.0:80->80/tcp"}'), "= end\n", FAIL),
    ],
)
def test_ports_that_others_have_are_found(tmp_path: Path, look: str, ground: str, status: Status) -> None:
    assert asked(tmp_path, "vm.ports", Told("a", look, {GROUND: ground})).status == status


@pytest.mark.parametrize(
    ("more", "flaw"),
    [
        ({"User": ""}, "runs as root"),
        ({"User": "0:10010"}, "runs as root"),
        ({"ReadonlyRootfs": False}, "can write its root file system"),
        ({"CapDrop": None}, "keeps capabilities"),
        ({"SecurityOpt": []}, "may gain privileges"),
        ({"PidsLimit": -1}, "has no limit of memory or processes"),
        ({"Memory": 0}, "has no limit of memory or processes"),
        ({"Privileged": True}, "is privileged"),
        ({"NetworkMode": "host"}, "shares the machine's network"),
    ],
)
def test_each_loose_end_of_a_container_is_found(tmp_path: Path, more: dict[str, Any], flaw: str) -> None:
    loose = container("redis")
    for name, value in more.items():
        (loose if name == "User" else loose["HostConfig"])[name] = value
    finding = asked(tmp_path, "security.user", Told("a", said(containers=(loose,))))
    assert outcome(finding) == (FAIL, "vm.loose")
    assert finding.evidence["flaws"] == [f"redis on a {flaw}"]


def test_a_port_that_is_not_nginxs_is_found(tmp_path: Path) -> None:
    redis = container("redis")
    redis["HostConfig"]["PortBindings"] = {"6379/tcp": [{"HostPort": "6379"}]}
    finding = asked(tmp_path, "vm.published", Told("a", said(containers=(redis,))))
    assert finding.evidence["published"] == ["redis on a 6379/tcp"]


def test_secrets_are_in_the_services_containers_alone(tmp_path: Path) -> None:
    names = "= environment demo-production-{}\n API_KEYS\n PATH\n= end\n"
    well = Told("a", serving(), {NAMES_OF: names.format("blue")})
    assert outcome(asked(tmp_path, "vm.secrets", well, more=SECRETS)) == (PASS, "vm.secrets_apart")
    inside = Told("a", serving(), {NAMES_OF: names.format("redis")})
    assert asked(tmp_path, "vm.secrets", inside, more=SECRETS).evidence["wrong"] == ["redis on a: API_KEYS"]
    command = said(containers=(container("redis", Cmd=["redis-server", "--requirepass", "key-of-a-client"]),))
    finding = asked(tmp_path, "vm.secrets", Told("a", command, {NAMES_OF: "= end\n"}), more=SECRETS)
    assert finding.evidence["wrong"] == ["redis on a: its command line"]
    assert "key-of-a-client" not in str(finding.evidence)


def test_a_release_to_go_back_to_needs_its_image_everywhere(tmp_path: Path) -> None:
    lacking = serving(TWO, records=BOTH).replace('"ID": "sha256:1', '"ID": "sha256:9')
    finding = asked(tmp_path, "rollback.previous", Told("a", serving(TWO, records=BOTH)), Told("b", lacking))
    assert outcome(finding) == (FAIL, "vm.no_way_back")
    assert f"the image of {ONE} is not on b" in finding.evidence["problems"]


def test_a_marked_request_shows_in_a_machines_log(tmp_path: Path) -> None:
    one, two = Told("a", serving(), {HOLDS: (1, "")}), Told("b", serving(), {HOLDS: (0, "")})
    finding = asked(tmp_path, "logs.marker", one, two)
    assert (outcome(finding), finding.evidence["host"]) == ((PASS, "vm.log_arrived"), "b")
    assert finding.evidence["marker"] in two.scripts[-1][0]
    assert outcome(asked(tmp_path, "logs.marker", Told("a", serving(), {HOLDS: (1, "")}))) == (FAIL, "vm.log_lost")


DOMAINS = 'domains = ["api.example.com"]\ncertificate = "own"'


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        (der("api.example.com", issuer="CA"), (PASS, "vm.certificate_ok")),
        (der("*.example.com", issuer="CA"), (PASS, "vm.certificate_ok")),
        (der("www.example.com", issuer="CA"), (FAIL, "vm.certificate_names")),
        (der("api.example.com", issuer="CA", days=15), (WARN, "vm.certificate_soon")),
        (der("api.example.com", issuer="CA", days=2), (FAIL, "vm.certificate_ends")),
        (der("api.example.com", issuer="CA", begins=1), (FAIL, "vm.certificate_ends")),
        (der("api.example.com"), (WARN, "vm.certificate_own")),
        (b"no certificate", (FAIL, "vm.certificate_unseen")),
    ],
)
def test_the_certificate_is_the_one_that_is_served(tmp_path: Path, shown: bytes, wanted: tuple[Status, str]) -> None:
    finding = asked(tmp_path, "certificate.valid", more=DOMAINS, tls=Shown({"192.0.2.1": shown}))
    assert outcome(finding) == wanted


def test_a_certificate_that_is_not_the_one_on_disk_was_not_loaded(tmp_path: Path) -> None:
    on_disk = "\n".join(f" {line}" for line in pem("api.example.com", issuer="CA").splitlines())
    machine = Told("a", serving(extra=f"= certificate\n{on_disk}"))
    served = Shown({"192.0.2.1": der("api.example.com", issuer="CA")})
    finding = asked(tmp_path, "certificate.valid", machine, more=DOMAINS, tls=served)
    assert outcome(finding) == (FAIL, "vm.certificate_stale")


def test_each_machine_is_asked_as_clients_do(tmp_path: Path) -> None:
    def found(web: Web) -> Finding:
        two = Told("a", serving()), Told("b", serving(), address="192.0.2.2")
        return asked(tmp_path, "vm.answers", *two, http=web)

    assert outcome(found(Web(headers={"x-release-id": ONE}))) == (PASS, "vm.answers_all")
    silent = Web(headers={"x-release-id": ONE})
    silent.silent = {"192.0.2.2"}
    finding = found(silent)
    assert (outcome(finding), finding.evidence["hosts"]) == ((FAIL, "vm.answers_not"), ["b"])
    assert found(Web(headers={"x-release-id": TWO})).evidence["why"] == [f"{host}: 200 from {TWO}" for host in "ab"]


def test_counters_are_read_where_no_client_can(tmp_path: Path) -> None:
    machine = Told("a", serving())
    machine.holding = [Counting(ONE)]
    assert outcome(asked(tmp_path, "monitoring.counters", machine)) == (PASS, "metrics.move")


class Counting:
    """A service that counts each request to /health, and is asked in its container."""

    def __init__(self, release: str) -> None:
        self.release, self.count = release, 0

    def ask(self, line: str, timeout: float = 30.0) -> str:
        self.count += json.loads(line)["path"] == "/health"
        text = f"""api_requests_total{{release="{self.release}"}} {self.count}
api_request_duration_seconds_count{{release="{self.release}"}} {self.count}
"""
        return json.dumps({"status": 200, "headers": {}, "body": base64.b64encode(text.encode()).decode()})


def test_a_label_on_this_machine_is_out_of_reach(tmp_path: Path) -> None:
    more = '[checks]\nlabel_url = "http://127.0.0.1:8999/label.png"\n'
    assert outcome(asked(tmp_path, "api.label", more=more)) == (Status.SKIP, "vm.label_here")
    assert asked(tmp_path, "machine.label_port", more=more).status == Status.SKIP


def test_every_check_of_lists_and_doctor_is_there(tmp_path: Path) -> None:
    known = checks_of(VmView(place_of(tmp_path, Told("a", serving())), {}))
    assert set(checks.DOCTOR) <= set(known)
    assert {name for names in checks.PROVES.values() for name in names} <= set(known)
    items = {item.id for one in CHECKLISTS.values() for item in one.items}
    assert set(checks.PROVES) <= items
