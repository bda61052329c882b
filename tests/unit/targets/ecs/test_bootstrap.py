"""A bootstrap makes what is missing and nothing else, says so before, and takes back what it made alone."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.errors import Configuration, Lost
from decodeat_ops.core.plan import Action, Plan
from decodeat_ops.core.secret import Secret
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.ecs import bootstrap
from decodeat_ops.targets.ecs.bootstrap.marks import MARK
from decodeat_ops.targets.ecs.names import DEPLOYMENT
from decodeat_ops.targets.ecs.observed import EcsObserved
from decodeat_ops.targets.ecs.place import Place
from tests.unit.targets.ecs.cloud import ACCOUNT, REGION, place
from tests.unit.targets.ecs.ground import Ground

NOTHING = EcsObserved(None, None, (), frozenset())
VALUE = "a-key-of-a-client"
SECTIONS: dict[str, dict[str, Any]] = {"service": {"secrets": {"API_KEYS": "env:KEYS"}}}
SECRETS = {"API_KEYS": Secret(VALUE)}
OWNED = [{"Key": DEPLOYMENT, "Value": "decodeat-production"}]
TEXT = f"""\
bootstrap decodeat-production/decodeat-production in {REGION}, account {ACCOUNT} (decodeat-production)
  account: {ACCOUNT}
  region: {REGION}
  caller: user/ann
  not made: the network and the load balancer, which the settings name: subnet-a1, subnet-b2, sg-a1
  comes later: the service, with the first deploy
 1. Make the cluster  [cluster]
      CreateCluster decodeat-production
      undo: unmake-cluster
 2. Make the log group  [log-group]
      CreateLogGroup /ecs/decodeat-production, lines are kept for 30 days
      undo: unmake-log-group
 3. Make the image repository  [repository]
      CreateRepository decodeat: images are scanned when they come, and tags never move
      undo: unmake-repository
 4. Make the secret of the service  [secret]
      CreateSecret decodeat-production with API_KEYS
      undo: unmake-secret
 5. Make the role that starts tasks  [execution-role]
      CreateRole decodeat-production-execution, taken on by ecs-tasks.amazonaws.com
      logs:CreateLogStream, logs:PutLogEvents on \
arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/ecs/decodeat-production:*
      ecr:GetAuthorizationToken on *
      ecr:BatchCheckLayerAvailability, ecr:BatchGetImage, ecr:GetDownloadUrlForLayer on \
arn:aws:ecr:{REGION}:{ACCOUNT}:repository/decodeat
      secretsmanager:GetSecretValue on arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:decodeat-production-??????
      undo: unmake-role
 6. Make the role of the service itself  [task-role]
      CreateRole decodeat-production-task, taken on by ecs-tasks.amazonaws.com
      undo: unmake-role"""


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the state of this machine, where the salt of secrets is, in the test's own directory."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def planned(where: Place, mark: str = "m1") -> Plan:
    plan = bootstrap.plan(where, SECRETS, NOTHING, mark)
    assert plan is not None
    return plan


def act(where: Place, action: Action) -> dict[str, Any]:
    return partial(bootstrap.ACTIONS[action.name], where)(Context(SECRETS), action.params) or {}


def carry_out(where: Place, plan: Plan) -> None:
    for step in plan.steps:
        act(where, step.do)


def undo(where: Place, plan: Plan) -> list[str]:
    warnings: list[str] = []
    for step in reversed(plan.steps):
        assert step.undo is not None
        warnings += act(where, step.undo).get("warnings", [])
    return warnings


def test_the_plan_says_what_is_made_and_no_secret(tmp_path: Path) -> None:
    ground = Ground()
    plan = planned(place(ground, tmp_path, SECTIONS))
    assert plan.text() == TEXT
    assert VALUE not in json.dumps(plan.as_json())
    assert ground.writes == []


def test_it_is_made_once(tmp_path: Path) -> None:
    ground = Ground()
    where = place(ground, tmp_path, SECTIONS)
    carry_out(where, planned(where))
    made = len(ground.writes)
    assert made == 8  # the retention and a role's policy are calls of their own
    assert bootstrap.plan(where, SECRETS, NOTHING, "m2") is None
    assert len(ground.writes) == made


def test_what_is_made_is_as_the_guide_lacks_it(tmp_path: Path) -> None:
    ground = Ground()
    where = place(ground, tmp_path, SECTIONS)
    carry_out(where, planned(where))
    repository = ground.repositories["decodeat"]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert ground.groups["/ecs/decodeat-production"]["days"] == 30
    assert json.loads(ground.secrets["decodeat-production"]["SecretString"])["API_KEYS"] == VALUE
    assert ground.roles["decodeat-production-task"]["policies"] == {}
    trust = ground.roles["decodeat-production-task"]["trust"]["Statement"][0]
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert [*ground.roles["decodeat-production-execution"]["policies"]] == ["decodeat-ops"]
    for kept in (ground.roles, ground.repositories):
        for one in kept.values():
            assert {"Key": MARK, "Value": "m1"} in [*one.get("Tags", ()), *one.get("tags", ())]


def test_each_step_alone_is_made_where_only_that_is_missing(tmp_path: Path) -> None:
    for missing in range(6):
        ground = Ground()
        where = place(ground, tmp_path, SECTIONS)
        whole = planned(where)
        carry_out(where, whole)
        step = whole.steps[missing]
        assert step.undo is not None
        act(where, step.undo)
        assert [one.id for one in planned(where).steps] == [step.id]


def test_everything_made_is_undone(tmp_path: Path) -> None:
    ground = Ground()
    where = place(ground, tmp_path, SECTIONS)
    plan = planned(where)
    carry_out(where, plan)
    assert all(ground.everything)
    assert undo(where, plan) == []
    assert not any(ground.everything)
    assert undo(where, plan) == []  # once more, for an undo that was interrupted


def test_an_undo_after_nothing_was_done_does_nothing(tmp_path: Path) -> None:
    ground = Ground()
    where = place(ground, tmp_path, SECTIONS)
    assert undo(where, planned(where)) == []
    assert ground.writes == []


def test_steps_may_be_repeated(tmp_path: Path) -> None:
    ground = Ground()
    where = place(ground, tmp_path, SECTIONS)
    plan = planned(where)
    carry_out(where, plan)
    before = json.dumps(ground.everything)
    carry_out(where, plan)
    assert json.dumps(ground.everything) == before


WRITES = (
    "CreateCluster", "CreateLogGroup", "PutRetentionPolicy", "CreateRepository", "CreateSecret", "CreateRole",
    "PutRolePolicy",
)  # fmt: skip


@pytest.mark.parametrize("operation", WRITES)
def test_a_step_whose_answer_was_lost_goes_on_or_is_undone(tmp_path: Path, operation: str) -> None:
    for goes_on in (True, False):
        ground = Ground(silent={operation: Lost("no answer")})
        where = place(ground, tmp_path, SECTIONS)
        plan = planned(where)
        with pytest.raises(Lost):
            carry_out(where, plan)
        if goes_on:
            carry_out(where, plan)
            assert all(ground.everything)
            assert ground.groups["/ecs/decodeat-production"]["days"] == 30
        else:
            undo(where, plan)
            assert not any(ground.everything)


def test_what_others_made_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    ground = Ground()
    where = place(ground, tmp_path, SECTIONS)
    plan = planned(where)
    carry_out(where, planned(where, mark="another-operator"))
    ground.groups["/ecs/decodeat-production"]["days"] = 7
    ground.secrets["decodeat-production"]["VersionIdsToStages"] = {"theirs": ["AWSCURRENT"]}
    ground.roles["decodeat-production-execution"]["policies"] = {}
    before = json.dumps(ground.everything)
    for step in plan.steps:
        if step.id != "secret":
            act(where, step.do)
    assert json.dumps(ground.everything) == before
    assert undo(where, plan) == []
    assert json.dumps(ground.everything) == before


def test_what_is_used_by_now_stays_and_is_told(tmp_path: Path) -> None:
    ground = Ground()
    where = place(ground, tmp_path, SECTIONS)
    plan = planned(where)
    carry_out(where, plan)
    ground.repositories["decodeat"]["images"] = ["one"]
    ground.refusing["DeleteCluster"] = "ClusterContainsServicesException"
    warnings = undo(where, plan)
    assert [("images" in text, "runs in it" in text) for text in warnings] == [(True, False), (False, True)]
    assert ground.repositories and ground.clusters and not ground.roles


def test_what_the_settings_ask_for_beyond_that(tmp_path: Path) -> None:
    arn = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}"
    shift = {
        "strategy": "blue-green", "target_group": f"{arn}:targetgroup/blue/0a", "infrastructure_role": "shifter",
        "green_target_group": f"{arn}:targetgroup/green/0a", "listener_rule": f"{arn}:listener-rule/app/a/0a/1b/2c",
        "execution_role": f"arn:aws:iam::{ACCOUNT}:role/team/starter", "exec": True,
    }  # fmt: skip
    image = {"repository": "registry.example.com/decodeat", "user": "me", "password": "env:REGISTRY_PASSWORD"}
    ground = Ground()
    where = place(ground, tmp_path, {"ecs": shift, "image": image})
    (tmp_path / "decodeat-ops.env").write_text(f"REGISTRY_PASSWORD={VALUE}\n")
    (tmp_path / "decodeat-ops.env").chmod(0o600)
    plan = planned(where)
    assert VALUE not in json.dumps(plan.as_json())
    carry_out(where, plan)
    ids = ["cluster", "log-group", "pull-secret", "execution-role", "task-role", "infrastructure-role"]
    assert [step.id for step in plan.steps] == ids
    login = json.loads(ground.secrets["decodeat-production-registry"]["SecretString"])
    assert login == {"username": "me", "password": VALUE}
    assert ground.roles["starter"]["Path"] == "/team/"
    assert ground.roles["decodeat-production-task"]["Path"] == "/"
    assert "ssmmessages:OpenDataChannel" in json.dumps(ground.roles["decodeat-production-task"]["policies"])
    assert "elasticloadbalancing:ModifyRule" in json.dumps(ground.roles["shifter"]["policies"])
    undo(where, plan)
    assert not any(ground.everything)


def test_a_secret_that_is_being_deleted_keeps_its_name(tmp_path: Path) -> None:
    ground = Ground()
    where = place(ground, tmp_path, SECTIONS)
    carry_out(where, planned(where))
    ground.secrets["decodeat-production"]["DeletedDate"] = "2026-11-01"
    with pytest.raises(Configuration, match="marked for deletion") as caught:
        planned(where)
    assert "restore-secret" in caught.value.advice.hint


def test_another_accounts_role_is_refused(tmp_path: Path) -> None:
    role = "arn:aws:iam::999999999999:role/starter"
    with pytest.raises(Configuration, match="another account"):
        planned(place(Ground(), tmp_path, {"ecs": {"execution_role": role}}))


@pytest.mark.parametrize(
    "operation", ["DescribeClusters", "DescribeLogGroups", "DescribeRepositories", "DescribeSecret", "GetRole"]
)
def test_a_look_that_is_denied_is_no_reason_to_make_something(tmp_path: Path, operation: str) -> None:
    ground = Ground(refusing={operation: "AccessDeniedException"})
    with pytest.raises(AwsRefused, match=operation):
        planned(place(ground, tmp_path, SECTIONS))
    assert ground.writes == []
