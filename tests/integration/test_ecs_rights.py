"""Given an operator who lacks one permission, when a change needs it, then it is named and nothing is half done."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.application import verbs
from decodeat_ops.application.bootstrap import bootstrap
from tests.integration.ecs_place import EcsPlace, Verb, ecs_place, furnished_place, serving_place
from tests.integration.ecs_settings import DEPLOYMENT, NAME
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
    for action in share(needed, 6):
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
    words = "could not be noted as one that has served (AccessDeniedException): name it to go back to it."
    assert ran.status == 0 and ran.stderr.replace("\n", " ").count(words) == 1, str(ran)
    revision = well.definition.arn.rpartition("/")[2]
    well.change()
    told = well.ends()
    assert told.code == 0 and told.outcome is not None, told.text
    assert [text for text in told.outcome.warnings if words in text] == [
        f"{revision} {words}",
        f"{well.definition.arn.rpartition('/')[2]} {words}",
    ], "that of before, and its own"
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


def test_the_documented_policies_are_enough(tmp_path: Path, source: Path) -> None:
    """Each file is what its commands need: with it they work, from nothing to nothing."""
    with ecs_place(tmp_path / "ecs", source, pinned=False, bare=True) as place:
        identity = place.fake.identity
        identity.allow_only(documented("operator-bootstrap", place))
        made = place.ends(bootstrap)
        assert made.code == 0, made.text
        identity.allow_only(documented("operator-deploy", place))
        for verb in (verbs.deploy, verbs.restart, verbs.deploy, verbs.rollback, verbs.stop, verbs.start):
            told = place.ends(verb)
            assert told.code == 0, (verb, told.text)
            place.change()
        identity.allow_only(documented("operator-read-only", place))
        place.fake.calls.forget()
        looked = place.run("status", "--json")
        assert looked.status == 0, str(looked)
        denied = [call.name for call in place.fake.calls.made if call.error.startswith("AccessDenied")]
        assert denied == [] and place.fake.calls.writes == []
        identity.allow_only(documented("operator-deploy", place))
        gone = place.ends(verbs.remove)
        assert gone.code == 0, gone.text
