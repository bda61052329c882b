"""Given somebody else who works on the same service, when both change it, then none undoes the other's work."""

import json
from collections.abc import Callable

import pytest

from decodeat_ops.application import verbs
from decodeat_ops.application.workflow import Change
from decodeat_ops.core import events
from decodeat_ops.core.errors import Locked
from tests.integration.ecs_place import EcsPlace, furnished_place, serving_place
from tests.integration.ecs_settings import DEPLOYMENT
from tests.servers.aws.calls import Call
from tests.servers.aws.clients import client
from tests.servers.aws.furnished import definition
from tests.support.deployments import service_source

__all__ = ["furnished_place", "service_source", "serving_place"]


def stranger_deploys(place: EcsPlace) -> str:
    """Let somebody else register a copy of what runs under a release of their own, and deploy it; return its ARN."""
    ecs = client(place.fake, "ecs")
    document = json.loads(json.dumps(place.definition.document))
    document["containerDefinitions"][0]["environment"] = [{"name": "RELEASE_ID", "value": "of-somebody-else"}]
    made = str(ecs.register_task_definition(**document)["taskDefinition"]["taskDefinitionArn"])
    ecs.update_service(cluster=DEPLOYMENT, service=DEPLOYMENT, taskDefinition=made)
    return made


def once(place: EcsPlace, act: Callable[[], object], *, when: Callable[[Call], bool]) -> None:
    """Act once, before the first call for which the condition holds."""
    done: list[bool] = []

    def hook(call: Call) -> None:
        if not done and when(call):
            done.append(True)
            act()

    place.fake.switches.hooks.append(hook)


def updated(place: EcsPlace) -> Callable[[Call], bool]:
    """Return what tells that ours is under way and is looked at."""
    return lambda call: call.name == "ecs:DescribeServices" and bool(place.fake.calls.of("ecs:UpdateService"))


def test_a_deployment_superseded_by_another_is_a_failure_that_leaves_it(well: EcsPlace) -> None:
    once(well, lambda: stranger_deploys(well), when=updated(well))
    told = well.ends()
    assert told.code == 5 and told.hint, told.text
    assert "nother deployment took its place" in told.what, told.what
    well.settle()
    assert well.seen() == {"of-somebody-else"}, "their deployment is left alone"
    assert "left as it is" in told.state, told.state


def test_a_deployment_that_came_between_plan_and_update_is_refused(well: EcsPlace) -> None:
    approved: list[str] = []

    def approve(plan: object) -> bool:
        approved.append(stranger_deploys(well))
        return True

    told = well.ends(change=Change(approve=approve))
    assert told.code == 5 and approved, told.text
    assert "was not there then" in told.what, told.what
    well.settle()
    assert well.seen() == {"of-somebody-else"}


@pytest.mark.share(3)
def test_a_deployment_under_way_is_waited_for(well: EcsPlace) -> None:
    stranger_deploys(well)
    plan = verbs.deploy(well.desk(), Change(dry_run=True)).data["plan"]
    assert "settle" in [step["id"] for step in plan["steps"]]
    assert well.deploy() == well.serving()


@pytest.mark.share(3)
def test_what_somebody_else_deployed_is_no_release_of_ours(well: EcsPlace) -> None:
    stranger_deploys(well)
    well.settle()
    observed = well.desk().target.observe()
    assert not observed.serving
    assert well.deploy() == well.serving(), "and our own takes its place"


@pytest.mark.share(3)
@pytest.mark.parametrize("count", [0, 5])
def test_somebody_changes_the_count_in_the_middle(well: EcsPlace, count: int) -> None:
    """Autoscaling and people do; only a count of 0 keeps a release from serving."""
    ecs = client(well.fake, "ecs")
    change = {"cluster": DEPLOYMENT, "service": DEPLOYMENT, "desiredCount": count}
    once(well, lambda: ecs.update_service(**change), when=updated(well))
    told = well.ends()
    if count:
        assert told.code == 0 and well.service.desired == count
        assert len(well.fake.ecs.tasks_of(well.service.deployments[0].id, "RUNNING")) == count
    else:
        assert told.code == 5 and "desired count to 0" in told.text, told.text


@pytest.mark.share(3)
def test_somebody_deletes_the_service_in_the_middle(well: EcsPlace) -> None:
    ecs = client(well.fake, "ecs")
    gone = {"cluster": DEPLOYMENT, "service": DEPLOYMENT, "force": True}
    once(well, lambda: ecs.delete_service(**gone), when=updated(well))
    told = well.ends()
    assert told.code == 5 and "delete" in told.what, told.text
    well.settle()
    assert well.serving() == ""
    assert well.deploy() == well.serving() != ""


def test_a_service_that_others_made_is_taken_over_and_never_removed(place: EcsPlace) -> None:
    ecs = client(place.fake, "ecs")
    place.deploy()
    place.service.tags.clear()
    place.change()
    plan = verbs.deploy(place.desk(), Change(dry_run=True)).data["plan"]
    assert "takes over" in dict(plan["facts"])
    assert place.deploy() == place.serving()
    told = place.ends(verbs.remove)
    assert told.code == 2 and "not made by decodeat-ops" in told.what
    assert ecs.describe_services(cluster=DEPLOYMENT, services=[DEPLOYMENT])["services"][0]["status"] == "ACTIVE"


def others_serve(place: EcsPlace) -> None:
    """Let somebody else make the service behind the load balancer, as Terraform would, with alarms of their own."""
    ecs, network = client(place.fake, "ecs"), place.network
    document = {**definition(place.fake, DEPLOYMENT, place.image), "family": "theirs"}
    made = ecs.register_task_definition(**document)["taskDefinition"]["taskDefinitionArn"]
    balanced = {"targetGroupArn": network.blue.arn, "containerName": "decodeat", "containerPort": 8000}
    vpc = {"subnets": network.subnets, "securityGroups": network.groups, "assignPublicIp": "DISABLED"}
    ecs.create_service(
        cluster=DEPLOYMENT, serviceName=DEPLOYMENT, taskDefinition=made, desiredCount=2, launchType="FARGATE",
        loadBalancers=[balanced], networkConfiguration={"awsvpcConfiguration": vpc},
    )  # fmt: skip
    place.settle()
    assert place.seen() == {"r1"}
    place.fake.calls.forget()


@pytest.mark.share(3)
def test_a_service_of_others_never_loses_the_load_balancer_that_the_settings_do_not_name(place: EcsPlace) -> None:
    others_serve(place)
    place.ecs["target_group"] = ""
    told = place.ends()
    assert told.code == 3 and "ecs.target_group" in told.text and place.fake.calls.writes == [], told.text
    assert place.seen() == {"r1"}
    del place.ecs["target_group"]
    facts = dict(verbs.deploy(place.desk(), Change(dry_run=True)).data["plan"]["facts"])
    assert "takes over" in facts and "loadBalancers" not in facts["the service changes"]
    assert "deploymentConfiguration.deploymentCircuitBreaker.enable: false -> true" in facts["the service changes"]
    assert place.deploy() == place.serving()
    (balanced,) = place.service.document["loadBalancers"]
    assert balanced["targetGroupArn"] == place.network.blue.arn


@pytest.mark.share(3)
def test_what_our_own_service_loses_is_told_though_what_runs_is_no_release(well: EcsPlace) -> None:
    stranger_deploys(well)
    well.settle()
    well.ecs["target_group"] = ""
    facts = dict(verbs.deploy(well.desk(), Change(dry_run=True)).data["plan"]["facts"])
    assert f"loadBalancers.0.targetGroupArn: {well.network.blue.arn} goes" in facts["the service changes"]


@pytest.mark.share(3)
def test_two_operators_of_one_machine_exclude_each_other(well: EcsPlace) -> None:
    met: list[str] = []

    def second(event: events.Event) -> None:
        if isinstance(event, events.StepStarted) and event.step.id == "gate-pre":
            with pytest.raises(Locked) as caught:
                verbs.rollback(well.desk(), Change())
            met.append(caught.value.advice.what)

    verbs.deploy(well.desk(), Change(emit=second))
    assert len(met) == 1 and "deploy" in met[0]


@pytest.mark.share(3)
def test_of_two_operators_on_two_machines_one_is_refused(well: EcsPlace) -> None:
    """They share no lock; the deployments that the plan was made from are what tells."""
    inner: list[str] = []

    def second(event: events.Event) -> None:
        if isinstance(event, events.StepStarted) and event.step.id == "update" and not inner:
            inner.append("begun")
            inner[0] = well.deploy("colleague")

    told = well.ends(change=Change(emit=second))
    assert told.code == 5 and well.serving() == inner[0], told.text
    assert well.ends(machine="colleague").code == 0


@pytest.mark.share(3)
def test_another_account_is_refused_before_anything_is_asked(well: EcsPlace) -> None:
    well.ecs["account"] = "999999999999"
    told = well.ends()
    assert told.code == 3 and "999999999999" in told.text and well.fake.account.id in told.text
    assert well.fake.calls.writes == []
    assert {call.name for call in well.fake.calls.made} == {"sts:GetCallerIdentity"}


def test_a_place_that_is_missing_is_named_with_everything_else(place: EcsPlace) -> None:
    place.ecs |= {
        "subnets": ["subnet-0aa"],
        "security_groups": ["sg-0bb"],
        "alarms": ["none"],
        "execution_role": "absent",
    }
    place.fake.logs.groups.clear()
    place.change()
    told = place.ends()
    assert told.code == 3 and place.fake.calls.writes == []
    for part in ("subnet-0aa", "sg-0bb", "none", "absent", f"/ecs/{DEPLOYMENT}"):
        assert any(part in line for line in told.lines), (part, told.lines)
