"""Given an operator who lacks one permission, when a change needs it, then it is named and nothing is half done."""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.application import checks, state, verbs
from decodeat_ops.application.bootstrap import bootstrap
from decodeat_ops.application.logs import log
from decodeat_ops.application.scaling import scale
from decodeat_ops.checks.lists import CHECKLISTS
from decodeat_ops.checks.walk import Walk
from decodeat_ops.settings.schema import Loaded
from tests.integration.ecs_place import EcsPlace, Verb, ecs_place, furnished_place, serving_place
from tests.integration.ecs_settings import DEPLOYMENT, NAME
from tests.integration.test_ecs_migrating import URL, Database, errands
from tests.integration.test_ecs_shifts import STRATEGIES, interrupted
from tests.servers.aws.ecs.behaviour import Ended
from tests.servers.aws.furnished import allowing, role, trusting
from tests.servers.aws.permissions import PREFIXES
from tests.support.deployments import REPOSITORY, service_source

__all__ = ["furnished_place", "service_source", "serving_place"]
Share = Callable[[Sequence[Any], int], Sequence[Any]]


def actions(place: EcsPlace) -> list[str]:
    """Return the IAM actions of the calls made so far, in order, without those that nobody can be denied."""
    found = []
    for call in place.fake.calls.made:
        service, _, operation = call.name.partition(":")
        if call.name != "sts:GetCallerIdentity":
            found.append(f"{PREFIXES.get(service, service)}:{operation}")
    return list(dict.fromkeys([*found, "iam:PassRole", "ecs:TagResource"]))


@pytest.mark.parametrize("explicit", [True, False], ids=["denied", "not-allowed"])
def test_permissions_missing_one_by_one(well: EcsPlace, explicit: bool, share: Share) -> None:
    """Whatever is missing: it is named, or it is told as not certain; the old release serves, or the new one whole."""
    well.deploy()
    well.change()
    well.rotate_secret()
    well.fake.calls.forget()
    well.deploy()
    needed = actions(well)
    assert {"ecs:UpdateService", "ecs:RegisterTaskDefinition", "secretsmanager:PutSecretValue"} <= set(needed)
    whole = dict(well.fake.identity.operator.policies)
    for action in share(needed, 12):
        before = well.serving()
        well.change()
        well.rotate_secret()
        well.fake.identity.deny(action, only=not explicit)
        told = well.ends()
        well.fake.identity.operator.policies = dict(whole)
        assert told.code in {0, 3, 5, 10}, (action, told.text)
        if told.code == 0:
            assert well.serving() not in {"", before}, action
        else:
            assert action.partition(":")[2] in told.text, (action, told.text)
            assert told.hint, action
        if told.code in {3, 5}:
            assert well.seen() == {before} and well.desk().ledger.unfinished() == "", action
        again = well.ends()
        assert again.code == 0 and well.desk().target.observe().serving, (action, again.text)


def test_what_is_surely_denied_is_refused_before_anything_changes(well: EcsPlace) -> None:
    well.fake.identity.deny("ecs:UpdateService", "ecs:RegisterTaskDefinition", "iam:PassRole")
    told = well.ends()
    assert told.code == 3 and well.fake.calls.writes == []
    for action in ("ecs:UpdateService", "ecs:RegisterTaskDefinition", "iam:PassRole"):
        assert any(action in line for line in told.lines), (action, told.lines)


def test_a_role_that_can_start_no_task_is_refused_before_anything_changes(well: EcsPlace) -> None:
    starts = well.fake.identity.roles[f"{DEPLOYMENT}-execution"]
    whole = starts.policies
    starts.policies = {"all but the log": allowing("ecr:*", "secretsmanager:GetSecretValue")}
    told = well.ends()
    assert told.code == 3 and well.fake.calls.writes == []
    assert any(f"{DEPLOYMENT}-execution may not logs:PutLogEvents" in line for line in told.lines), told.lines
    starts.policies = {"all but secrets": allowing("ecr:*", "logs:*")}
    plan = json.dumps(well.ok("deploy", "--dry-run")["data"]["plan"]["facts"])
    assert "not certain" in plan and f"{DEPLOYMENT}-execution allows secretsmanager:GetSecretValue" in plan
    starts.policies = whole
    assert well.deploy() == well.serving()


def test_what_is_not_certain_is_told_and_tried(well: EcsPlace) -> None:
    """The simulation itself is denied: what is missing shows in the middle, and is undone."""
    before, kept = well.serving(), well.revisions()
    well.fake.identity.deny("iam:SimulatePrincipalPolicy", "ecs:UpdateService")
    told = well.ends()
    assert told.code == 5 and "ecs:UpdateService" in told.text, told.text
    assert well.seen() == {before} and well.revisions() == kept
    well.fake.identity.deny("iam:SimulatePrincipalPolicy")
    plan = json.dumps(well.ok("deploy", "--dry-run")["data"]["plan"]["facts"])
    assert "not certain" in plan and "SimulatePrincipalPolicy" in plan


# A tag decides over nothing

CREATES = {"StringEquals": {"ecs:CreateAction": ["RegisterTaskDefinition", "CreateService"]}}
TAGS_WHAT_IT_MAKES = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "NotAction": "ecs:TagResource", "Resource": "*"},
        {"Effect": "Allow", "Action": "ecs:TagResource", "Resource": "*", "Condition": CREATES},
    ],
}


def test_whoever_may_tag_only_what_he_makes_deploys_all_the_same(well: EcsPlace) -> None:
    """AWS itself advises that condition. What is refused is the note that a release has served."""
    well.fake.identity.allow_only(TAGS_WHAT_IT_MAKES)
    plan = json.dumps(well.ok("deploy", "--dry-run")["data"]["plan"]["facts"])
    assert "depends on ecs:CreateAction" in plan
    ran = well.run("deploy", "--yes")
    first = well.serving()
    words = "could not be noted as one that has served (AccessDeniedException)"
    assert ran.status == 0 and ran.stderr.replace("\n", " ").count(words) == 1, str(ran)
    well.change()
    told = well.ends()
    assert told.code == 0 and told.outcome is not None, told.text
    unnoted = [text.partition(f" {words}")[0] for text in told.outcome.warnings if words in text]
    assert unnoted == [f"Release {first}", f"Release {well.serving()}"], "that of before, and its own"
    assert well.ends(verbs.rollback, first).code == 0 and well.serving() == first, "it can be named"


def test_a_rollback_between_releases_that_have_served_needs_no_tag(well: EcsPlace) -> None:
    before = well.serving()
    well.fake.identity.deny("ecs:TagResource")
    told = well.ends(verbs.rollback)
    assert told.code == 0 and well.serving() not in {"", before}, told.text
    assert told.outcome is not None and told.outcome.warnings == ()
    assert well.writes() == ["ecs:UpdateService"]


# What ran before has its own roles and log


def test_what_is_not_made_yet_keeps_no_release_from_coming_back(well: EcsPlace) -> None:
    """The settings name roles and a log group that the next bootstrap makes; a kept revision names its own."""
    own = {name: well.definition.document[name] for name in ("executionRoleArn", "taskRoleArn")}
    well.ecs |= {"execution_role": "later", "task_role": "later", "log_group": "/later"}
    refused = well.ends()
    assert refused.code == 3 and "there is no role later" in refused.text, refused.text
    for verb in (verbs.stop, verbs.start, verbs.restart, verbs.rollback):
        told = well.ends(verb)
        assert told.code == 0, (verb, told.text)
        assert {name: well.definition.document[name] for name in own} == own


@pytest.mark.share
@pytest.mark.parametrize("verb", [verbs.start, verbs.restart, verbs.rollback])
def test_a_role_of_then_that_was_deleted_is_named_before_anything_changes(well: EcsPlace, verb: Verb) -> None:
    well.ecs |= {"execution_role": "others", "task_role": "others"}
    role(well.fake, "others", trusting("ecs-tasks.amazonaws.com"), allowing("*"))
    if verb is verbs.start:
        assert well.ends(verbs.stop).code == 0
    before = well.seen()
    gone = well.fake.identity.roles.pop(f"{DEPLOYMENT}-task")
    well.fake.calls.forget()
    told = well.ends(verb)
    assert told.code == 3 and f"there is no role {gone.name}; that revision names it" in told.text, told.text
    assert well.fake.calls.writes == [] and well.seen() == before
    assert well.deploy() == well.serving() != "", "a deploy takes what the settings name"


def test_a_role_is_assumed_and_its_policies_count(well: EcsPlace) -> None:
    held = role(well.fake, "deployer", trusting(well.fake.identity.operator.arn), allowing("*"))
    well.ecs["role"] = held.arn
    well.fake.identity.allow_only(allowing("sts:AssumeRole", resource=held.arn))
    assert well.deploy() == well.serving()
    assert {call.caller.split(":")[5].split("/")[0] for call in well.fake.calls.writes} == {"assumed-role"}
    held.policies["policy0"] = allowing("sts:*", "ecs:Describe*", "ecs:List*", "iam:*", "secretsmanager:*")
    well.change()
    told = well.ends()
    assert told.code == 3 and "ecs:UpdateService" in told.text


def test_a_role_that_can_not_be_assumed_is_named(well: EcsPlace) -> None:
    held = role(well.fake, "deployer", trusting("ecs-tasks.amazonaws.com"), allowing("*"))
    well.ecs["role"] = held.arn
    told = well.ends()
    assert told.code == 3 and held.arn in told.text and well.fake.calls.writes == []


def documented(name: str, place: EcsPlace) -> dict[str, Any]:
    """Return a policy of the documentation with the names of this account and deployment."""
    names = {
        "111122223333": place.fake.account.id, "eu-central-1": place.fake.account.region,
        "decodeat-production": DEPLOYMENT, "repository/decodeat": f"repository/{NAME}",
    }  # fmt: skip
    text = (REPOSITORY / "docs/policies" / f"{name}.json").read_text()
    for old, new in names.items():
        assert old in text or name == "operator-read-only", (name, old)
        text = text.replace(old, new)
    found: dict[str, Any] = json.loads(text)
    return found


def permit(place: EcsPlace, *names: str) -> None:
    """Give the operator these documented policies alone."""
    place.fake.identity.allow_only(*(documented(name, place) for name in names))
    place.fake.calls.forget()


def denied(place: EcsPlace) -> set[str]:
    """Return the calls that were denied since."""
    return {call.name for call in place.fake.calls.made if call.error.startswith(("AccessDenied", "Unauthorized"))}


@pytest.fixture(name="bare")
def place_with_a_network_alone(tmp_path: Path, source: Path) -> Iterator[EcsPlace]:
    with ecs_place(tmp_path / "ecs", source, bare=True) as made:
        yield made


def test_the_documented_policies_are_enough(tmp_path: Path, source: Path) -> None:
    """Each file is what its commands need: with it they work, from nothing to nothing."""
    with ecs_place(tmp_path / "ecs", source, pinned=False, bare=True) as place:
        permit(place, "operator-bootstrap")
        made = place.ends(bootstrap)
        assert made.code == 0, made.text
        permit(place, "operator-deploy")
        for verb in (verbs.deploy, verbs.restart, verbs.deploy, verbs.rollback, verbs.stop, verbs.start):
            told = place.ends(verb)
            assert told.code == 0, (verb, told.text)
            place.change()
        scaled = place.ends(scale, 3)
        assert scaled.code == 0 and place.service.desired == 3, scaled.text
        permit(place, "operator-read-only")
        looked = place.run("status", "--json")
        assert looked.status == 0, str(looked)
        assert denied(place) == set() and place.fake.calls.writes == []
        permit(place, "operator-deploy")
        gone = place.ends(verbs.remove)
        assert gone.code == 0, gone.text
        permit(place, "operator-deploy", "operator-bootstrap")
        gone = place.ends(verbs.remove, delete_data=True)
        assert gone.code == 0 and denied(place) == set(), gone.text
        left = (place.fake.registry.repositories, place.fake.logs.groups, place.fake.identity.roles)
        assert left == ({}, {}, {})


# What whoever only looks is refused: reads that give away what is secret.
CLOSED: dict[str, set[str]] = {
    "operator-read-only": {"secretsmanager:GetSecretValue", "ecr:GetAuthorizationToken"},
    "operator-deploy": set(),
}
LOOKS: dict[str, Callable[[Loaded], object]] = {
    "status": state.status,
    "releases": state.releases,
    "logs": lambda loaded: list(log(loaded, None, supervisor=False).last(5)),
    "doctor": checks.doctor,
    **{f"checklist {name}": partial(checks.checklist, name=name, how=Walk()) for name in CHECKLISTS},
}


@pytest.mark.parametrize("policy", CLOSED)
@pytest.mark.parametrize(
    "command", [pytest.param(one, marks=pytest.mark.share if one.startswith("checklist") else ()) for one in LOOKS]
)
def test_who_looks_needs_no_more_than_the_documented_policies(well: EcsPlace, command: str, policy: str) -> None:
    permit(well, policy)
    assert LOOKS[command](well.loaded())
    assert well.fake.calls.made != [] and well.fake.calls.writes == []
    assert denied(well) <= CLOSED[policy]


def test_a_migration_needs_no_more_than_the_documented_policies(bare: EcsPlace) -> None:
    bare.secrets["DATABASE_URL"] = URL
    database = Database(bare)
    permit(bare, "operator-bootstrap")
    assert bare.ends(bootstrap).code == 0
    permit(bare, "operator-deploy")
    assert bare.deploy() == bare.serving() != "" and database.at == "0002"
    bare.change()
    database.breaks = Ended(None)
    bare.fake.calls.forget()
    told = bare.ends()
    assert told.code == 5 and "limit ecs.deploy_minutes" in told.text, told.text
    assert errands(bare)[-1].stop_code == "UserInitiated" and denied(bare) == set()


def test_a_shift_needs_no_more_than_the_documented_policies(bare: EcsPlace) -> None:
    """Also to be taken back in its middle, by StopServiceDeployment."""
    role_of_shifts = f"{DEPLOYMENT}-infrastructure"
    bare.shifting("linear", infrastructure_role=role_of_shifts, bake_minutes=1, **STRATEGIES["linear"])
    permit(bare, "operator-bootstrap")
    assert bare.ends(bootstrap).code == 0 and role_of_shifts in bare.fake.identity.roles
    permit(bare, "operator-deploy")
    old = bare.deploy()
    bare.change()
    bare.fake.calls.forget()
    interrupted(bare, "production traffic")
    assert bare.ends(verbs.resume, undo=True).code == 0 and bare.seen() == {old}
    assert bare.fake.calls.of("ecs:StopServiceDeployment") and denied(bare) == set()
    assert bare.deploy() == bare.serving() != old
    told = bare.ends(verbs.rollback)
    assert told.code == 0 and bare.serving() == old and denied(bare) == set(), told.text
