"""A role that a bootstrap made keeps up with the settings; one that others made is never touched."""

import json
from pathlib import Path

from decodeat_ops.targets.ecs import bootstrap
from tests.unit.targets.ecs.cloud import ACCOUNT, REGION, place
from tests.unit.targets.ecs.ground import Ground
from tests.unit.targets.ecs.test_bootstrap import NOTHING, SECRETS, SECTIONS, carry_out, planned, state, undo

__all__ = ["state"]  # a fixture that runs by itself


def test_a_role_of_ours_gets_todays_policy_and_its_old_one_back(tmp_path: Path) -> None:
    ground = Ground()
    where = place(ground, tmp_path, SECTIONS)
    carry_out(where, planned(where))
    role = ground.roles["decodeat-production-execution"]
    old = role["policies"]["decodeat-ops"]
    reference = f"aws-secretsmanager:arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:gemini-AbCdEf#key"
    more = {"service": {"secrets": {"API_KEYS": "env:KEYS", "GEMINI_API_KEY": reference}}}
    later = place(ground, tmp_path, more)
    plan = planned(later, "m2")
    assert [step.id for step in plan.steps] == ["execution-role-policy"]
    carry_out(later, plan)
    assert "gemini-AbCdEf" in json.dumps(role["policies"]["decodeat-ops"])
    undo(later, plan)
    assert role["policies"]["decodeat-ops"] == old
    role["policies"].clear()
    without = planned(later, "m3")
    carry_out(later, without)
    undo(later, without)
    assert role["policies"] == {}


def test_a_policy_that_somebody_wrote_since_is_not_taken_back(tmp_path: Path) -> None:
    ground = Ground()
    where = place(ground, tmp_path, SECTIONS)
    carry_out(where, planned(where))
    role = ground.roles["decodeat-production-execution"]
    role["policies"].clear()
    plan = planned(where, "m2")
    carry_out(where, plan)
    theirs = {"Version": "2012-10-17", "Statement": []}
    role["policies"]["decodeat-ops"] = theirs
    undo(where, plan)
    assert role["policies"]["decodeat-ops"] == theirs


def test_roles_that_others_bring_are_left_alone(tmp_path: Path) -> None:
    ground = Ground()
    where = place(ground, tmp_path, SECTIONS)
    carry_out(where, planned(where))
    for role in ground.roles.values():
        role["Tags"], role["policies"] = [{"Key": "terraform", "Value": "yes"}], {}
    assert bootstrap.plan(where, SECRETS, NOTHING, "m2") is None
