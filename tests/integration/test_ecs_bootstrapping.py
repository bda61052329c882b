"""Given an account with a network alone, when it is bootstrapped and a deployment removed, then all comes and goes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from decodeat_ops.application import verbs
from decodeat_ops.application.bootstrap import bootstrap
from decodeat_ops.application.workflow import Change
from decodeat_ops.core import events
from decodeat_ops.core.errors import StepFailed
from tests.integration.ecs_place import EcsPlace, ecs_place
from tests.integration.ecs_settings import DEPLOYMENT, NAME
from tests.servers.aws.policy import trusts
from tests.support.deployments import service_source

__all__ = ["service_source"]
TAG = {"decodeat-ops:deployment": DEPLOYMENT}


@pytest.fixture(name="bare")
def bare_place(tmp_path: Path, source: Path) -> Iterator[EcsPlace]:
    """Return a place with a network and a load balancer, and nothing else."""
    with ecs_place(tmp_path / "ecs", source, pinned=False, bare=True) as made:
        yield made


def made(place: EcsPlace) -> tuple[list[str], ...]:
    """Return the names of all that a bootstrap makes."""
    fake = place.fake
    active = [name for name, one in fake.ecs.clusters.items() if one.status == "ACTIVE"]
    secrets = [name for name, one in fake.secrets.held.items() if one.deleted is None]
    kinds = (active, fake.logs.groups, fake.registry.repositories, secrets, fake.identity.roles)
    return tuple(sorted(kind) for kind in kinds)


def test_a_deploy_without_it_names_all_that_is_missing(bare: EcsPlace) -> None:
    told = bare.ends()
    assert told.code == 3 and "bootstrap" in told.text and bare.fake.calls.writes == []
    for part in (f"{DEPLOYMENT}-execution", f"{DEPLOYMENT}-task", f"/ecs/{DEPLOYMENT}", NAME):
        assert any(part in line for line in told.lines), (part, told.lines)


def test_it_makes_what_is_missing_and_a_deploy_works(bare: EcsPlace) -> None:
    assert bare.ends(bootstrap, change=Change(dry_run=True)).code == 0 and bare.fake.calls.writes == []
    assert bare.ends(bootstrap).code == 0
    fake = bare.fake
    assert fake.registry.repositories[NAME].immutable and fake.registry.repositories[NAME].scans
    assert fake.logs.groups[f"/ecs/{DEPLOYMENT}"].retention == 30
    roles = fake.identity.roles
    where = {"aws:SourceAccount": [fake.account.id]}
    for kind in ("execution", "task"):
        assert trusts(roles[f"{DEPLOYMENT}-{kind}"].trust, "ecs-tasks.amazonaws.com", where)
    for tagged in (
        fake.ecs.clusters[DEPLOYMENT],
        fake.logs.groups[f"/ecs/{DEPLOYMENT}"],
        fake.secrets.held[DEPLOYMENT],
    ):
        assert TAG.items() <= tagged.tags.items()
    again = bare.ends(bootstrap)
    assert again.outcome is not None and again.outcome.changed == 0
    release = bare.deploy()
    assert bare.serving() == release, "its least privilege is enough for the tasks to start"


def test_what_is_there_already_is_left_alone(bare: EcsPlace) -> None:
    bare.fake.logs.group(f"/ecs/{DEPLOYMENT}").retention = 7
    bare.fake.registry.repository(NAME)
    assert bare.ends(bootstrap).code == 0
    assert bare.fake.logs.groups[f"/ecs/{DEPLOYMENT}"].retention == 7
    assert not bare.fake.registry.repositories[NAME].immutable


def test_what_fails_is_taken_back_and_nothing_else(bare: EcsPlace) -> None:
    bare.fake.logs.group("/of/others")
    before = made(bare)
    plan = bootstrap(bare.desk(), Change(dry_run=True)).data["plan"]
    for step in [one["id"] for one in plan["steps"]]:

        def broken(event: events.Event, step: str = step) -> None:
            if isinstance(event, events.StepFinished) and event.step.id == step and not event.undoing:
                raise StepFailed("broken on purpose")

        told = bare.ends(bootstrap, change=Change(emit=broken))
        assert told.code == 5 and made(bare) == before, (step, made(bare))
    assert bare.ends(bootstrap).code == 0


def test_lost_answers_make_nothing_twice(bare: EcsPlace) -> None:
    plan = bare.ends(bootstrap, change=Change(dry_run=True))
    assert plan.code == 0
    for operation in ("ecs:CreateCluster", "logs:CreateLogGroup", "ecr:CreateRepository", "iam:CreateRole"):
        bare.fake.switches.cut_after(operation)
        told = bare.ends(bootstrap) if bare.desk().ledger.unfinished() == "" else bare.ends(verbs.resume)
        assert told.code == 8, (operation, told.text)
        bare.fake.switches.mend()
    assert bare.ends(verbs.resume).code == 0
    assert bare.deploy() == bare.serving()


def test_a_removal_leaves_what_holds_data_and_says_so(bare: EcsPlace) -> None:
    bare.ends(bootstrap)
    bare.deploy()
    told = bare.ends(verbs.remove)
    assert told.code == 0 and told.outcome is not None, told.text
    stays = str(told.outcome.data["stays"])
    assert bare.serving() == "" and bare.service.status == "INACTIVE" and bare.revisions() == []
    assert f"/ecs/{DEPLOYMENT}" in stays and made(bare)[1] == [f"/ecs/{DEPLOYMENT}"]
    again = bare.ends(verbs.remove)
    assert again.outcome is not None and again.outcome.changed == 0
    assert bare.deploy() == bare.serving() != "", "it can come back"


def test_a_removal_with_its_data_deletes_what_the_bootstrap_made(bare: EcsPlace) -> None:
    bare.fake.logs.group("/of/others")
    bare.ends(bootstrap)
    bare.deploy()
    assert bare.ends(verbs.remove, delete_data=True).code == 0
    _, groups, repositories, secrets, roles = made(bare)
    assert (groups, repositories, secrets, roles) == (["/of/others"], [], [], [])
    assert bare.fake.secrets.held[DEPLOYMENT].deleted is not None, "it can be restored for a while"


def test_what_others_made_is_never_deleted(bare: EcsPlace) -> None:
    bare.fake.registry.repository(NAME)
    bare.fake.logs.group(f"/ecs/{DEPLOYMENT}")
    bare.ends(bootstrap)
    bare.deploy()
    assert bare.ends(verbs.remove, delete_data=True).code == 0
    _, groups, repositories, _, roles = made(bare)
    assert (groups, repositories, roles) == ([f"/ecs/{DEPLOYMENT}"], [NAME], [])
