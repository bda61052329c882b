"""Given a service with a number of tasks, when it is deployed, stopped or started, then nobody's count is lost."""

from decodeat_ops.application import verbs
from tests.integration.ecs_place import EcsPlace, furnished_place, serving_place
from tests.integration.ecs_settings import DEPLOYMENT
from tests.servers.aws.calls import Call
from tests.servers.aws.clients import client
from tests.support.deployments import service_source

__all__ = ["furnished_place", "service_source", "serving_place"]
RESOURCE = f"service/{DEPLOYMENT}/{DEPLOYMENT}"


def scaled(place: EcsPlace, count: int) -> None:
    """Ask for a number of tasks past the product, as autoscaling does."""
    client(place.fake, "ecs").update_service(cluster=DEPLOYMENT, service=DEPLOYMENT, desiredCount=count)
    place.settle()


def test_a_count_that_autoscaling_chose_stays(well: EcsPlace) -> None:
    well.fake.scaling.targets[RESOURCE] = (2, 6)
    scaled(well, 5)
    well.fake.calls.forget()
    release = well.deploy()
    assert well.serving() == release and well.service.desired == 5
    assert all("desiredCount" not in call.params for call in well.fake.calls.of("ecs:UpdateService"))


def test_autoscaling_raises_the_count_in_the_middle(well: EcsPlace) -> None:
    well.fake.scaling.targets[RESOURCE] = (2, 6)
    raised: list[int] = []

    def hook(call: Call) -> None:
        if call.name == "ecs:DescribeServices" and len(well.service.deployments) > 1 and not raised:
            raised.append(4)
            with well.fake.lock:
                well.service.desired = 4
                for one in well.service.deployments[:1]:
                    one.desired = 4

    well.fake.switches.hooks.append(hook)
    assert well.deploy() == well.serving()
    assert raised and well.service.desired == 4 == len(well.network.blue.health)


def test_stop_and_start_bring_back_as_many_tasks(well: EcsPlace) -> None:
    release = well.serving()
    scaled(well, 3)
    assert well.ends(verbs.stop).code == 0
    assert well.serving() == "" and well.service.desired == 0
    stopped = well.ends(verbs.stop)
    assert stopped.outcome is not None and stopped.outcome.changed == 0
    assert well.ends(verbs.start).code == 0
    assert well.serving() == release and well.service.desired == 3
    started = well.ends(verbs.start)
    assert started.outcome is not None and started.outcome.changed == 0


def test_a_stopped_service_is_started_by_a_deploy(well: EcsPlace) -> None:
    before = well.serving()
    well.ends(verbs.stop)
    release = well.deploy()
    assert well.serving() == release != before and well.service.desired == 2


def test_autoscaling_would_start_it_again_so_that_stop_refuses(well: EcsPlace) -> None:
    well.fake.scaling.targets[RESOURCE] = (1, 6)
    before = well.serving()
    told = well.ends(verbs.stop)
    assert told.code in {2, 5} and "register-scalable-target" in told.text
    assert well.seen() == {before} and well.service.desired == 2


def test_a_restart_replaces_every_task_and_keeps_the_version(well: EcsPlace) -> None:
    before, tasks = well.serving(), set(well.network.blue.health)
    image = well.definition.document["containerDefinitions"][0]["image"]
    assert well.ends(verbs.restart).code == 0
    assert well.serving() not in {"", before} and not tasks & set(well.network.blue.health)
    assert well.definition.document["containerDefinitions"][0]["image"] == image


def test_a_stop_that_fails_is_undone(well: EcsPlace) -> None:
    before = well.serving()
    well.fake.identity.deny("ecs:UpdateService")
    told = well.ends(verbs.stop)
    assert told.code == 5 and "ecs:UpdateService" in told.text
    assert well.seen() == {before}
