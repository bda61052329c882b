"""Given ECS on an emulator with real containers, when something breaks at any place, then what should serve serves."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lab.containers import known_label
from tests.lab.ecs import DEPLOYMENT, Operator
from tests.servers.registry import Registry
from tests.support.deployments import REPOSITORY, make_source
from tests.unit.decodeat.web import Web

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800), pytest.mark.share(2, part=1)]

Record = Callable[[str, object], None]
Hire = Callable[..., Operator]
READS = 12  # the most that an unchanged deploy may ask of AWS


def service_of(made: Operator) -> dict[str, Any]:
    """Return the service as AWS tells it, past the product."""
    client = made.platform.client(made.account, "ecs")
    (found,) = client.describe_services(cluster=DEPLOYMENT, services=[DEPLOYMENT])["services"]
    return dict(found)


def definition_of(made: Operator) -> dict[str, Any]:
    """Return the task definition that the service has now."""
    client = made.platform.client(made.account, "ecs")
    found = client.describe_task_definition(taskDefinition=service_of(made)["taskDefinition"])
    return dict(found["taskDefinition"])


def revision_of(made: Operator) -> str:
    """Return the task definition that the service has now as family:revision, by which errors name it."""
    return str(service_of(made)["taskDefinition"]).rpartition("/")[2]


def variables_of(made: Operator) -> dict[str, str]:
    """Return the environment of a container that clients reach."""
    container = made.clients.targets()[0].id
    (found,) = json.loads(made.platform.engine.ok("inspect", container))
    return dict(line.split("=", 1) for line in found["Config"]["Env"])


@pytest.mark.parametrize("how", ["quick", pytest.param("whole", marks=pytest.mark.proof)])
def test_from_nothing_to_serving_and_back_to_nothing(
    hire: Hire, pictures: Web, record_property: Record, how: str
) -> None:
    """The whole of it is built by the project's own Dockerfile."""
    made = hire(desired=2) if how == "quick" else hire(REPOSITORY, desired=2)
    made.checks["label_url"] = known_label(pictures)
    made.configure(IMAGE_ALLOWED_ORIGINS=pictures.origin)
    missing = made.refused(3, "deploy", "--yes")
    assert "bootstrap" in json.dumps(missing) and len(missing["lines"]) > 1, "all that is missing, at once"
    assert made.clients.running() == ()

    assert made.ok("bootstrap", "--dry-run")["changed"] == 0
    assert made.ok("bootstrap", "--yes")["changed"] > 0
    assert made.ok("bootstrap", "--yes")["changed"] == 0

    release = made.deploy()  # its gate has a container read the known label
    assert made.serving() == release
    made.wait_alone(2)
    status = made.ok("status")["data"]
    assert (status["release"], status["problems"], status["open_journal"]) == (release, [], None)
    assert made.ok("doctor")["exit_code"] == 0

    code, told = made.drive("deploy")
    assert (code, told["changed"], told["writes"]) == (0, 0, {}), told
    assert 0 < sum(told["reads"].values()) <= READS, told["reads"]
    record_property("measured", f"ecs: an unchanged deploy asks {sum(told['reads'].values())} times, changes nothing")

    removed = made.ok("remove", "--yes", "--name", DEPLOYMENT)
    assert removed["changed"] == 1 and removed["data"]["stays"]
    made.wait(lambda: not made.clients.running(), "a container stayed")
    assert made.serving() == "" and service_of(made)["status"] == "INACTIVE"
    assert made.ok("remove", "--yes", "--name", DEPLOYMENT)["changed"] == 0

    assert made.deploy() == made.serving() != release
    made.ok("remove", "--yes", "--name", DEPLOYMENT, "--delete-data")
    logs, secrets = (made.platform.client(made.account, service) for service in ("logs", "secretsmanager"))
    assert logs.describe_log_groups()["logGroups"] == []
    assert secrets.list_secrets()["SecretList"] == []
    assert made.platform.client(made.account, "iam").list_roles()["Roles"] == []
    made.clients.end()  # otherwise it would look for containers beside all tests after this one


@pytest.mark.share(3)
def test_a_changed_setting_needs_no_new_image(well: Operator) -> None:
    before, image = well.serving(), definition_of(well)["containerDefinitions"][0]["image"]
    well.change_something()
    assert not {"image-build", "image-push"} & set(well.planned())
    release = well.deploy()
    assert well.serving() == release != before
    assert definition_of(well)["containerDefinitions"][0]["image"] == image
    assert variables_of(well)["MAX_REQUESTS_JITTER"] == str(well.variables["MAX_REQUESTS_JITTER"])


def test_changed_code_is_built_pushed_and_named_by_its_digest(well: Operator) -> None:
    image = definition_of(well)["containerDefinitions"][0]["image"]
    well.change_code()
    assert {"image-build", "image-push"} <= set(well.planned())
    assert well.deploy() == well.serving()
    now = definition_of(well)["containerDefinitions"][0]["image"]
    assert now != image and now.startswith(f"{well.repository}@sha256:")
    assert well.ok("deploy", "--yes")["changed"] == 0


@pytest.mark.share(3)
def test_a_rotated_secret_reaches_the_service_and_nothing_else_shows_it(well: Operator) -> None:
    old = well.key
    well.rotate_secret()
    well.deploy()
    assert variables_of(well)["API_KEYS"] == well.key
    definition = json.dumps(definition_of(well), default=str)
    assert well.key not in definition and old not in definition
    well.rotate_secret()
    well.ok("rollback", "--yes")
    assert variables_of(well)["API_KEYS"] == well.key, "a rollback never brings a rotated secret back"
    written = [path.read_text(errors="replace") for path in (well.home / "state").rglob("*") if path.is_file()]
    assert written and not any(secret in text for secret in (old, well.key) for text in written)


def test_back_to_the_release_before_and_to_a_chosen_one(well: Operator) -> None:
    well.change_something()
    older = well.deploy()
    well.change_something()
    newer = well.deploy()
    well.ok("rollback", "--yes")
    assert well.serving() == older
    well.ok("rollback", newer, "--yes")
    assert well.serving() == newer
    error = well.refused(2, "rollback", "20200101T000000Z-0000000", "--yes")
    assert "There is no release" in error["what"] and well.serving() == newer


@pytest.mark.share(3)
def test_what_served_serves_again_after_stop_and_start(well: Operator) -> None:
    release = well.serving()
    assert well.ok("stop", "--yes")["changed"] == 1
    well.wait(lambda: not well.clients.running(), "a container stayed")
    assert well.serving() == "" and service_of(well)["desiredCount"] == 0
    assert well.ok("stop", "--yes")["changed"] == 0
    assert well.ok("start", "--yes")["changed"] == 1
    assert well.serving() == release and service_of(well)["desiredCount"] == 1
    assert well.ok("start", "--yes")["changed"] == 0
    containers = {one.id for one in well.clients.running()}
    well.ok("restart", "--yes")
    assert well.serving() and not containers & {one.id for one in well.clients.targets()}


@pytest.mark.share(3)
def test_the_log_is_that_of_the_release_that_serves(well: Operator) -> None:
    release = well.serving()
    well.wait(lambda: release in well.run("logs").stdout, lambda: str(well.run("logs")))


@pytest.mark.share(3)
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("crash", "this release crashes at boot on purpose"),
        ("never-green", "answers 503 from release unknown"),
        ("wrong-id", "20000101T000000Z-0000000"),
    ],
)
def test_a_bad_release_is_told_and_what_served_serves_again(
    well: Operator, tmp_path: Path, fault: str, said: str
) -> None:
    """The emulator takes a running container for a completed deployment; the confirmation from outside does not."""
    before, kept, good = well.serving(), well.releases(), well.source
    well.source = make_source(tmp_path / "bad", fault)
    well.write()
    try:
        code, told = well.drive("deploy", "15", "hurry")
    finally:
        well.source = good
        well.write()
    assert code == 5, told
    assert said in told["what"] + "\n".join(told["lines"]) and "undone" in told["state"], told
    well.wait_serving(before)
    assert well.releases() == kept
    well.change_something()
    assert well.deploy() == well.serving()


@pytest.mark.share(3)
def test_an_image_that_no_registry_has_is_refused_before_anything_changes(well: Operator) -> None:
    before = well.serving()
    well.ecs["image"] = f"{well.repository}:never-pushed"
    well.write()
    try:
        error = well.refused(3, "deploy", "--yes")
    finally:
        well.ecs = {}
        well.write()
    assert "never-pushed" in json.dumps(error) and well.serving() == before


def without_image(made: Operator, image: str) -> None:
    """Take an image away from where containers are started, as if this were another machine."""
    engine = made.platform.engine
    engine.ok("rmi", "--force", engine.ok("inspect", "--format", "{{.Id}}", image))


@pytest.mark.share(3)
def test_an_image_that_is_gone_is_no_way_back(well: Operator, images: Registry) -> None:
    """Somebody tidied the registry: the release is still recorded, and can't run any more."""
    gone = definition_of(well)["containerDefinitions"][0]["image"]
    older = well.serving()
    well.change_code()
    newer = well.deploy()
    well.wait_alone()
    without_image(well, gone)
    digest = gone.rpartition("@sha256:")[2]
    manifests = images.directory / "data/docker/registry/v2/repositories/decodeat/_manifests/revisions/sha256"
    shutil.rmtree(manifests / digest)
    error = well.refused(3, "rollback", older, "--yes")
    assert digest in json.dumps(error), error
    assert well.serving() == newer


@pytest.mark.share(3)
def test_a_registry_that_dies_at_the_wrong_moment_leaves_what_serves(well: Operator, images: Registry) -> None:
    image = definition_of(well)["containerDefinitions"][0]["image"]
    older = well.serving()
    well.change_code()
    newer = well.deploy()
    serves = revision_of(well)
    well.wait_alone()
    going = well.driven("rollback", "update", "hold", older)
    assert going.stdout is not None and going.stdout.readline() == "held\n"
    without_image(well, image)
    images.kill()
    try:
        said, errors = going.communicate("\n", timeout=600)
    finally:
        images.start()
    assert going.returncode == 5, said + errors
    told = json.loads(said.splitlines()[-1])
    assert "CannotPullContainerError" in "\n".join(told["lines"]), told
    assert f"What runs now: {serves} with 1 task." in told["what"], told
    well.wait_serving(newer)


@pytest.mark.share(3)
def test_a_change_by_hand_is_seen_and_taken_over(well: Operator) -> None:
    older = definition_of(well)["taskDefinitionArn"]
    well.change_something()
    newer = well.deploy()
    client = well.platform.client(well.account, "ecs")
    client.update_service(cluster=DEPLOYMENT, service=DEPLOYMENT, taskDefinition=older)
    well.wait(lambda: well.serving() not in {"", newer}, "the change by hand did not come through")
    well.wait(lambda: not well.unsettled(), well.unsettled)
    assert well.ok("status")["data"]["release"] == well.serving()
    assert well.deploy() == well.serving() != newer


@pytest.mark.share(3)
def test_two_on_one_machine_exclude_each_other(well: Operator) -> None:
    well.change_something()
    first = well.driven("deploy", "update", "hold")
    assert first.stdout is not None and first.stdout.readline() == "held\n"
    for words in (("deploy", "--yes"), ("rollback", "--yes"), ("stop", "--yes")):
        assert f"process {first.pid}" in well.refused(7, *words)["what"]
    said, errors = first.communicate("\n", timeout=300)
    assert first.returncode == 0, said + errors
    assert json.loads(said.splitlines()[-1])["data"]["release"] == well.serving()


@pytest.mark.share(3)
@pytest.mark.parametrize("step", ["update", "follow"])
def test_of_two_machines_the_later_deploy_wins_and_the_other_says_so(well: Operator, tmp_path: Path, step: str) -> None:
    """Held before its update, the first finds that the service was changed; after it, that it was superseded."""
    well.change_something()
    first = well.driven("deploy", step, "hold")
    assert first.stdout is not None and first.stdout.readline() == "held\n"
    colleague = well.elsewhere(tmp_path / "colleague")
    colleague.change_something()
    release = colleague.deploy()
    said, errors = first.communicate("\n", timeout=300)
    assert first.returncode == 5, said + errors
    assert revision_of(well) in json.loads(said.splitlines()[-1])["what"], "it says what is there now"
    assert well.serving() == release
    well.variables = dict(colleague.variables)
    well.write()
    assert well.ok("deploy", "--yes")["changed"] == 0


@pytest.mark.share(3)
def test_a_machine_without_the_journal_sees_what_serves(well: Operator, tmp_path: Path) -> None:
    release = well.serving()
    stranger = well.elsewhere(tmp_path / "stranger")
    assert stranger.ok("status")["data"]["release"] == release
    assert stranger.releases() == well.releases()
    assert stranger.ok("deploy", "--yes")["changed"] == 0
    stranger.ok("rollback", "--yes")
    assert stranger.serving() == well.ok("status")["data"]["release"] != release
