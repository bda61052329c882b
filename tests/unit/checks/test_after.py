"""The post-deploy probes, asked of a real server that behaves and of one that doesn't."""

import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.checks import baseline, label
from decodeat_ops.checks.load import Soak, percentile
from decodeat_ops.checks.monitoring import total
from decodeat_ops.checks.run import run
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Finding, Status
from decodeat_ops.targets.local.checks.logs import Tail
from tests.support.ports import free_port
from tests.unit.checks.stage import NEW, OLD, Stage, serving

TRUTH = {
    "decodeStatus": "COMPLETED",
    "product_name": "귀리칩",
    "nutrition_info": {"sodium": "79", "fat": "3.5", "trans_fat": "0"},
    "ingredients": ["귀리", "소금"],
}


def ask(check: str, subject: Subject) -> Finding:
    (finding,) = run((check,), subject)
    return finding


@pytest.mark.parametrize(
    "check",
    ["health.edge", "api.label", "response.time", "response.errors", "logs.marker", "monitoring.counters"],
)
def test_nothing_serves(stage: Stage, check: str) -> None:
    found = ask(check, stage.subject())
    assert (found.status, found.says) == (Status.FAIL, "release.none")


class TestHealth:
    def test_every_answer_is_the_releases_own(self, stage: Stage) -> None:
        with serving(stage) as (service, subject):
            found = ask("health.edge", subject)
        assert (found.status, found.evidence["times"]) == (Status.PASS, 11)
        assert service.requests == 11

    @pytest.mark.parametrize(
        ("how", "says", "seen"),
        [
            ({"reports": OLD}, "health.other_release", OLD),
            ({"status": 503}, "health.status", "503"),
            ({"fail_every": 7}, "health.status", "500"),
        ],
    )
    def test_wrong_answers(self, stage: Stage, how: dict[str, Any], says: str, seen: str) -> None:
        with serving(stage, **how) as (_, subject):
            found = ask("health.edge", subject)
        assert (found.status, found.says, found.evidence["seen"]) == (Status.FAIL, says, seen)

    def test_another_release_in_the_header(self, stage: Stage) -> None:
        with serving(stage, OLD) as (_, subject):
            assert subject.endpoint is not None
            expected = stage.release(NEW, port=subject.endpoint.port)
            found = ask("health.edge", stage.subject(expected))
        assert (found.says, found.evidence["seen"]) == ("health.other_release", OLD)

    def test_the_private_socket_counts_too(self, stage: Stage) -> None:
        with serving(stage) as (_, subject):
            stage.layout.socket(NEW).unlink()
            found = ask("health.edge", subject)
        assert (found.says, found.evidence["number"]) == ("health.unreachable", 11)

    def test_nobody_there(self, stage: Stage) -> None:
        release = stage.release(NEW, port=free_port())
        assert ask("health.edge", stage.subject(release)).says == "health.unreachable"


@pytest.fixture
def label_stage(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Serve the known label, with less to compare, where the settings say."""
    path = stage.home / "TRUTH"
    path.write_text(json.dumps(TRUTH))
    monkeypatch.setattr(label, "TRUTH", path)
    monkeypatch.setattr(label, "PATIENCE", 0.3)
    stage.settings = {"checks": {"label_url": f"http://127.0.0.1:{free_port()}/known-label.png"}}
    return stage


class TestLabel:
    def test_every_field_is_right(self, label_stage: Stage) -> None:
        with serving(label_stage, answer=TRUTH | {"message": "ok"}) as (service, subject):
            found = ask("api.label", subject)
        assert (found.status, found.evidence["compared"]) == (Status.PASS, 6)
        assert service.keys == [""]

    def test_the_first_key_is_used(self, label_stage: Stage) -> None:
        label_stage.secrets = {"API_KEYS": "key-number-one-1234, key-number-two-5678"}
        with serving(label_stage, answer=TRUTH) as (service, subject):
            found = ask("api.label", subject)
        assert found.status is Status.PASS
        assert service.keys == ["key-number-one-1234"]

    def test_a_wrong_number_is_named(self, label_stage: Stage) -> None:
        wrong = TRUTH | {"nutrition_info": {"sodium": "799", "fat": "3.5", "trans_fat": "0"}}
        with serving(label_stage, answer=wrong) as (_, subject):
            found = ask("api.label", subject)
        assert (found.status, found.evidence["wrong"]) == (Status.FAIL, ['sodium: "79" ≠ "799"'])

    @pytest.mark.parametrize(
        ("answer", "count"), [({}, 6), ({"nutrition_info": None}, 6), (TRUTH | {"ingredients": []}, 1)]
    )
    def test_missing_fields(self, label_stage: Stage, answer: dict[str, Any], count: int) -> None:
        with serving(label_stage, answer=answer) as (_, subject):
            found = ask("api.label", subject)
        assert (found.says, found.evidence["count"]) == ("api.differs", count)

    def test_an_error_answer(self, label_stage: Stage) -> None:
        with serving(label_stage, status=401) as (_, subject):
            found = ask("api.label", subject)
        assert (found.says, found.evidence["code"]) == ("api.status", 401)

    def test_a_label_that_was_never_fetched(self, label_stage: Stage) -> None:
        with serving(label_stage, fetches=False, answer={"message": "not allowed"}) as (_, subject):
            found = ask("api.label", subject)
        assert (found.status, found.says, found.evidence["got"]) == (Status.FAIL, "api.not_fetched", "not allowed")

    def test_the_port_is_taken(self, label_stage: Stage) -> None:
        port = label.is_ours(label_stage.loaded.settings.checks.label_url)
        assert port is not None
        with serving(label_stage, answer=TRUTH) as (service, subject), socket.socket() as other:
            other.bind(("127.0.0.1", port.port or 0))
            other.listen()
            found = ask("api.label", subject)
        assert (found.status, found.says, found.evidence["port"]) == (Status.WARN, "api.port_taken", port.port)
        assert service.keys == []

    def test_the_port_is_free_again_afterwards(self, label_stage: Stage) -> None:
        with serving(label_stage, answer=TRUTH) as (_, subject):
            assert [ask("api.label", subject).status for _ in range(3)] == [Status.PASS] * 3

    def test_no_label_is_set(self, stage: Stage) -> None:
        with serving(stage) as (_, subject):
            assert ask("api.label", subject).status is Status.SKIP

    @pytest.mark.parametrize(
        ("answer", "status"),
        [
            ({"decodeStatus": "COMPLETED", "nutrition_info": {}}, Status.PASS),
            ({"decodeStatus": "COMPLETED", "nutrition_info": None}, Status.FAIL),
            ({"decodeStatus": "CANCELLED", "nutrition_info": None}, Status.FAIL),
        ],
    )
    def test_a_label_elsewhere_must_be_read(self, stage: Stage, answer: dict[str, Any], status: Status) -> None:
        stage.settings = {"checks": {"label_url": "https://labels.example/one.png"}}
        with serving(stage, fetches=False, answer=answer) as (_, subject):
            assert ask("api.label", subject).status is status


SOAK = {"soak_seconds": 0.4, "soak_rate": 50.0, "max_p95_seconds": 60.0}


def _earlier(stage: Stage, p95_ms: float) -> None:
    stage.release(OLD, "a = 0\n")
    baseline.write(stage.layout.records, OLD, Soak(10, 0, 1.0, p95_ms, p95_ms, 10.0, 1.0))


class TestResponse:
    def test_one_soak_answers_both_questions(self, stage: Stage) -> None:
        stage.settings = {"checks": SOAK}
        with serving(stage) as (service, subject):
            found = run(("response.time", "response.errors"), subject)
        assert [f.status for f in found] == [Status.PASS, Status.PASS]
        assert service.requests == 20

    def test_too_slow(self, stage: Stage) -> None:
        stage.settings = {"checks": SOAK | {"max_p95_seconds": 0.02}}
        with serving(stage, delay=0.06) as (_, subject):
            assert ask("response.time", subject).says == "response.slow"

    def test_slower_than_the_release_before(self, stage: Stage) -> None:
        stage.settings = {"checks": SOAK}
        _earlier(stage, 5.0)
        with serving(stage, delay=0.06) as (_, subject):
            found = ask("response.time", subject)
        assert (found.status, found.says, found.evidence["before"]) == (Status.WARN, "response.slower", 5)

    def test_as_fast_as_before(self, stage: Stage) -> None:
        stage.settings = {"checks": SOAK}
        _earlier(stage, 60_000.0)
        with serving(stage) as (_, subject):
            assert ask("response.time", subject).says == "response.as_before"

    def test_errors(self, stage: Stage) -> None:
        stage.settings = {"checks": SOAK}
        with serving(stage, fail_every=10) as (_, subject):
            found = ask("response.errors", subject)
        assert (found.status, found.evidence["errors"], found.evidence["requests"]) == (Status.FAIL, 2, 20)

    def test_a_rare_error_is_a_warning(self, stage: Stage) -> None:
        stage.settings = {"checks": {"soak_seconds": 0.5, "soak_rate": 200.0}}
        with serving(stage, fail_every=100) as (_, subject):
            assert ask("response.errors", subject).status is Status.WARN

    def test_silence(self, stage: Stage) -> None:
        stage.settings = {"checks": SOAK}
        release = stage.release(NEW, port=free_port())
        found = run(("response.time", "response.errors"), stage.subject(release))
        assert [f.says for f in found] == ["response.silent", "response.errors_seen"]

    def test_waiting_for_a_free_connection_is_waiting(self, stage: Stage) -> None:
        """A server that takes 0.3 s a request can't hide behind a client that asks less often."""
        stage.settings = {"checks": {"soak_seconds": 0.3, "soak_rate": 200.0}}
        with serving(stage, delay=0.3) as (_, subject):
            found = ask("response.time", subject)
        assert found.evidence["seen"]["requests"] == 60
        assert found.evidence["seen"]["p95_ms"] > 600

    def test_percentiles(self) -> None:
        hundred = [float(n) for n in range(1, 101)]
        assert [percentile(hundred, p) for p in (50, 95, 99)] == [50.0, 95.0, 99.0]
        assert [percentile([7.0], 99), percentile([], 50)] == [7.0, 0.0]


class TestLogs:
    def test_the_marker_arrives(self, stage: Stage) -> None:
        with serving(stage) as (_, subject):
            found = ask("logs.marker", subject)
        assert (found.status, found.evidence["log"]) == (Status.PASS, f"{NEW}.log")

    def test_the_marker_is_lost(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("decodeat_ops.targets.local.checks.logs.PATIENCE", 0.2)
        with serving(stage, logs=False) as (_, subject):
            found = ask("logs.marker", subject)
        assert (found.status, found.says) == (Status.FAIL, "logs.lost")

    def test_a_full_disk_does_not_stand_in_the_way(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("decodeat_ops.targets.local.checks.logs.PATIENCE", 0.2)
        monkeypatch.setattr("decodeat_ops.deployment.space.free", lambda path: 4096)
        with serving(stage, logs=False) as (_, subject):
            found = ask("logs.marker", subject)
        assert (found.status, found.says, found.evidence["kib"]) == (Status.WARN, "logs.no_room", 4)

    def test_a_rotation_in_between_loses_nothing(self, tmp_path: Path) -> None:
        log = tmp_path / "a.log"
        log.write_text("marker-old\n")
        tail = Tail(log)
        with log.open("a") as stream:
            stream.write("marker-1\n")
        log.rename(tmp_path / "a.log.1")
        log.write_text("marker-2\n")
        assert [tail.shows(f"marker-{what}") for what in ("1", "2", "old", "3")] == [True, True, False, False]


class TestMetrics:
    def test_counters_move(self, stage: Stage) -> None:
        with serving(stage) as (_, subject):
            found = ask("monitoring.counters", subject)
        assert (found.status, found.evidence) == (Status.PASS, {"sent": 10, "counted": 10, "timed": 10})

    def test_counters_stand_still(self, stage: Stage) -> None:
        with serving(stage, counts=False) as (_, subject):
            found = ask("monitoring.counters", subject)
        assert (found.status, found.evidence["counted"]) == (Status.FAIL, 0)

    def test_another_releases_metrics(self, stage: Stage) -> None:
        with serving(stage, OLD) as (_, subject):
            assert subject.endpoint is not None
            expected = replace(subject, release=stage.release(NEW))
            assert ask("monitoring.counters", expected).says == "metrics.other_release"

    def test_sums_over_labels(self) -> None:
        text = 'a_total{x="}"} 2.0\na_total{x="b"} 3\na_total_created 9\na_total 1e1 1700000000\n# a_total 7\n'
        assert total(text, "a_total") == 15.0


def test_the_known_label_that_travels_with_the_tool() -> None:
    truth = label.expected()
    assert label.PICTURE.read_bytes().startswith(b"\x89PNG\r\n")
    assert truth["decodeStatus"] == "COMPLETED"
    assert label.differences(truth, truth)[1] == []
    assert label.differences(truth, {})[0] >= 12
