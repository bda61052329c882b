"""The checklists on a real deployment: the real service, read by its own clients' way, through the command line."""

import json
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from decodeat_ops.deployment.source import tree_digest
from tests.support.deployments import Deployment, deployment
from tests.support.ports import free_port

KEY = "integration-key-4711-4712"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    extra = (
        '[service.secrets]\nAPI_KEYS = "env:API_KEYS"\n'
        f'[checks]\nlabel_url = "http://127.0.0.1:{free_port()}/known-label.png"\n'
        "soak_seconds = 1.0\nmax_p95_seconds = 60.0\n"
    )
    with deployment(tmp_path_factory.mktemp("checked"), extra=extra) as one:
        (one.home / "decodeat-ops.env").write_text(f"API_KEYS={KEY}\n")
        one.deploy()
        yield one


def _statuses(data: dict[str, object]) -> dict[str, str]:
    items = data["items"]
    assert isinstance(items, list)
    return {item["id"]: item["status"] for item in items}


def _results(made: Deployment, **changed: object) -> None:
    result = {"format": 1, "code": tree_digest(made.source / "decodeat"), "revision": "r", "at": "now"}
    result |= {"passed": 9, "failed": 0, "skipped": 0}
    (made.home / "test-results.json").write_text(json.dumps(result | changed))


def test_after_the_deploy(made: Deployment) -> None:
    outcome = made.ok("checklist", "post-deploy")
    assert _statuses(outcome["data"]) == {
        "post.health": "PASS",
        "post.api": "PASS",
        "post.time": "PASS",
        "post.errors": "PASS",
        "post.logs": "PASS",
        "post.metrics": "PASS",
        "post.alerts": "SKIP",
        "post.backup": "PASS",
    }
    assert made.ok("checklist", "verify", outcome["data"]["record"])["data"]["whole"]


def test_before_the_next_deploy(made: Deployment) -> None:
    """A person's two items stay open; everything that a probe can answer is answered."""
    made.ok("backup")
    _results(made)
    junit = made.home / "junit.xml"
    ran = made.run("checklist", "pre-deploy", "--non-interactive", "--json", "--junit", str(junit))
    assert ran.status == 9, str(ran)
    assert _statuses(ran.json["data"]) == {
        "pre.tests": "PASS",
        "pre.environment": "PASS",
        "pre.certificate": "SKIP",
        "pre.backups": "PASS",
        "pre.monitoring": "SKIP",
        "pre.logs": "SKIP",
        "pre.security": "MANUAL",
        "pre.performance": "PASS",
        "pre.rollback": "MANUAL",
    }
    assert ElementTree.parse(junit).getroot().get("failures") == "2"
    resumed = made.run("checklist", "pre-deploy", "--non-interactive", "--json", "--resume")
    assert resumed.json["data"]["record"] == ran.json["data"]["record"]


def test_other_code_was_tested(made: Deployment) -> None:
    _results(made, code="0" * 64)
    ran = made.run("checklist", "pre-deploy", "--non-interactive", "--json")
    assert ran.status == 4, str(ran)
    assert _statuses(ran.json["data"])["pre.tests"] == "FAIL"


@pytest.mark.share(3)
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_no_secret_is_said_or_kept(made: Deployment, lang: str) -> None:
    ran = made.run("checklist", "pre-deploy", "--non-interactive", "--lang", lang)
    looked = made.run("doctor", "--lang", lang)
    kept = "".join(path.read_text() for path in made.layout.records.glob("*") if path.is_file())
    logged = made.layout.log(made.serving()).read_text()
    for text in (str(ran), str(looked), kept, logged):
        assert text
        assert KEY not in text


@pytest.mark.share(3)
def test_a_release_that_cannot_read_the_label_never_gets_traffic(made: Deployment) -> None:
    before = made.serving()
    made.configure(MAX_IMAGE_SIZE=2000)  # bytes: the picture can't be fetched
    try:
        ran = made.run("deploy", "--yes", "--json")
    finally:
        made.variables.pop("MAX_IMAGE_SIZE")
        made.write()
    assert ran.status == 4, str(ran)
    assert "label" in ran.json["error"]["what"]
    assert made.serving() == before
    assert made.store.releases()[0].id == before, "what was refused is gone from the disk"


def test_a_changed_file_blocks_the_way_back(made: Deployment) -> None:
    path = made.layout.code(made.serving()) / "decodeat" / "__init__.py"
    whole = path.read_text()
    try:
        path.write_text(whole + "# changed by hand\n")
        ran = made.run("check", "rollback.previous", "--json")
    finally:
        path.write_text(whole)
    assert ran.status == 4, str(ran)
    assert ran.json["data"]["findings"][0]["says"] == "rollback.changed_files"
    assert made.run("check", "rollback.previous").status == 0


def test_the_doctor(made: Deployment) -> None:
    found = {f["check"]: f["status"] for f in made.run("doctor", "--json").json["data"]["findings"]}
    assert "FAIL" not in found.values(), found
    assert found["machine.port"] == found["machine.supervisor"] == found["machine.environment"] == "PASS"


def test_variables_that_the_service_refuses_stop_a_deploy_before_it_starts(made: Deployment) -> None:
    before = made.serving()
    made.configure(MAX_IMAGE_SIZE="many")
    try:
        ran = made.run("deploy", "--yes", "--json")
    finally:
        made.variables.pop("MAX_IMAGE_SIZE")
        made.write()
    assert ran.status == 3, str(ran)
    assert "MAX_IMAGE_SIZE" in ran.json["error"]["what"]
    assert made.serving() == before


def test_the_known_label_is_never_answered_from_memory(made: Deployment) -> None:
    """Check that address, picture and text are new in each run, so that it goes through reader and analyst."""
    for _ in range(2):
        assert made.ok("check", "api.label")["data"]["findings"][0]["status"] == "PASS"
    lines = [line for line in made.get("/metrics")[2].decode().splitlines() if "cache_lookups_total{" in line]
    assert not [line for line in lines if 'result="hit"' in line and not line.endswith(" 0.0")], lines
    for cache in ("url", "ocr", "analysis"):
        assert [line for line in lines if f'cache="{cache}"' in line and 'result="miss"' in line], lines
