"""Secrets lie in Secrets Manager, and releases refer to them by version."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.errors import Configuration, StepFailed
from decodeat_ops.core.secret import Secret
from decodeat_ops.targets.ecs import secrets
from decodeat_ops.targets.ecs.place import Place
from tests.support.aws import SETTINGS, Recorded, placed, refused

NAME = "demo-production"
ARN = f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:{NAME}-AbCdEf"
FILES = '[service.secrets]\nAPI_KEYS = "env:KEYS"\nPEPPER = "file:pepper"\n'
KEYS = {"API_KEYS": Secret("key-one"), "PEPPER": Secret("salt-and")}
ROTATED = {**KEYS, "API_KEYS": Secret("key-two")}


@dataclass
class Vault:
    """Keep one secret as Secrets Manager does: versions with stages, and the same token never for other content."""

    versions: dict[str, str] = field(default_factory=dict)
    stages: dict[str, str] = field(default_factory=dict)
    there: bool = False

    def answers(self) -> dict[str, Any]:
        names = ("GetSecretValue", "DescribeSecret", "CreateSecret", "PutSecretValue", "UpdateSecretVersionStage")
        return {f"secretsmanager:{name}": getattr(self, name) for name in (*names, "DeleteSecret")}

    def GetSecretValue(self, params: Mapping[str, Any]) -> dict[str, Any]:
        stage = params.get("VersionStage", "AWSCURRENT")
        version = self.stages.get(stage, "") if self._known(params) else ""
        if not version:
            raise refused("secretsmanager:GetSecretValue", "ResourceNotFoundException")
        return {"ARN": ARN, "VersionId": version, "SecretString": self.versions[version]}

    def DescribeSecret(self, params: Mapping[str, Any]) -> dict[str, Any]:
        if not self._known(params):
            raise refused("secretsmanager:DescribeSecret", "ResourceNotFoundException")
        found: dict[str, list[str]] = {}
        for stage, version in self.stages.items():
            found.setdefault(version, []).append(stage)
        return {"ARN": ARN, "VersionIdsToStages": found}

    def CreateSecret(self, params: Mapping[str, Any]) -> dict[str, Any]:
        if self.there:
            raise refused("secretsmanager:CreateSecret", "ResourceExistsException")
        assert {"Key": "decodeat-ops:deployment", "Value": NAME} in params["Tags"]
        self.there = True
        self._put(params)
        return {"ARN": ARN}

    def PutSecretValue(self, params: Mapping[str, Any]) -> dict[str, Any]:
        assert self._known(params)
        self._put(params)
        stages = [stage for stage, version in self.stages.items() if version == params["ClientRequestToken"]]
        return {"ARN": ARN, "VersionStages": stages}

    def UpdateSecretVersionStage(self, params: Mapping[str, Any]) -> dict[str, Any]:
        assert self.stages["AWSCURRENT"] == params["RemoveFromVersionId"]
        assert params["MoveToVersionId"] in self.versions
        self._current(params["MoveToVersionId"])
        return {}

    def DeleteSecret(self, params: Mapping[str, Any]) -> dict[str, Any]:
        assert params == {"SecretId": NAME, "ForceDeleteWithoutRecovery": True}
        self.versions, self.stages, self.there = {}, {}, False
        return {}

    def _known(self, params: Mapping[str, Any]) -> bool:
        assert params["SecretId"] == NAME
        return self.there

    def _put(self, params: Mapping[str, Any]) -> None:
        token = params["ClientRequestToken"]
        assert 32 <= len(token) <= 64
        if token in self.versions:
            assert self.versions[token] == params["SecretString"], "the same token with other content"
            return
        self.versions[token] = params["SecretString"]
        self._current(token)

    def _current(self, version: str) -> None:
        if "AWSCURRENT" in self.stages:
            self.stages["AWSPREVIOUS"] = self.stages["AWSCURRENT"]
        self.stages["AWSCURRENT"] = version


def vaulted(home: Path, vault: Vault, more: str = FILES) -> Place:
    return placed(home, Recorded(vault.answers()), SETTINGS + more)


def writes(place: Place) -> list[str]:
    assert isinstance(place.aws, Recorded)
    return [name for name, _ in place.aws.calls if not name.endswith(("GetSecretValue", "DescribeSecret"))]


def test_the_first_write_makes_the_secret_and_a_second_one_nothing(tmp_path: Path) -> None:
    vault = Vault()
    place = vaulted(tmp_path, vault)
    assert secrets.differs(place, KEYS)
    wanted = secrets.version(place, KEYS)
    assert secrets.write(place, KEYS) == {"version": wanted, "written": True, "created": True}
    assert not secrets.differs(place, KEYS)
    assert secrets.write(place, KEYS) == {"version": wanted, "written": False, "created": False}
    assert secrets.version(place, KEYS) == ""
    assert writes(place) == ["secretsmanager:CreateSecret"]
    stored = json.loads(vault.versions[wanted])
    assert {name: stored[name] for name in KEYS} == {"API_KEYS": "key-one", "PEPPER": "salt-and"}


def test_the_digest_is_the_same_before_the_secret_is_made_and_on_every_machine(tmp_path: Path) -> None:
    vault = Vault()
    here, there = vaulted(tmp_path / "here", vault), vaulted(tmp_path / "there", vault)
    before = secrets.digest(here, KEYS)
    secrets.write(here, KEYS)
    assert before == secrets.digest(here, KEYS) == secrets.digest(there, KEYS)
    assert secrets.digest(there, ROTATED) != before
    assert not secrets.differs(there, KEYS)
    assert secrets.version(there, ROTATED) == secrets.version(here, ROTATED) != ""


def test_a_digest_can_not_be_tried_out_without_the_salt(tmp_path: Path) -> None:
    first, second = Vault(), Vault()
    digests = {secrets.digest(vaulted(tmp_path / name, vault), KEYS) for name, vault in (("a", first), ("b", second))}
    assert len(digests) == 2


def test_a_rotated_value_is_a_new_version_and_an_undo_brings_the_old_one_back(tmp_path: Path) -> None:
    vault = Vault()
    place = vaulted(tmp_path, vault)
    old = secrets.write(place, KEYS)["version"]
    wanted = secrets.version(place, ROTATED)
    new = secrets.write(place, ROTATED)
    assert new == {"version": wanted, "written": True, "created": False}
    assert vault.stages == {"AWSCURRENT": new["version"], "AWSPREVIOUS": old}
    for _ in range(2):
        secrets.unwrite(place, new["version"])
        assert vault.stages["AWSCURRENT"] == old
    assert not secrets.differs(place, KEYS)


def test_values_that_were_current_before_a_change_stay_when_it_is_undone(tmp_path: Path) -> None:
    vault = Vault()
    place = vaulted(tmp_path, vault)
    secrets.write(place, ROTATED)
    now = secrets.write(place, KEYS)["version"]
    planned = secrets.version(place, KEYS)
    assert secrets.write(place, KEYS)["written"] is False
    secrets.unwrite(place, planned)
    assert vault.stages["AWSCURRENT"] == now


def test_a_value_that_was_there_before_becomes_current_again(tmp_path: Path) -> None:
    vault = Vault()
    place = vaulted(tmp_path, vault)
    old = secrets.write(place, KEYS)["version"]
    secrets.write(place, ROTATED)
    assert secrets.write(place, KEYS)["version"] == old
    assert vault.stages["AWSCURRENT"] == old
    assert secrets.references(place, KEYS)["PEPPER"] == f"{ARN}:PEPPER::{old}"


def test_an_undo_deletes_only_what_it_made_and_never_what_somebody_wrote_since(tmp_path: Path) -> None:
    vault = Vault()
    place = vaulted(tmp_path, vault)
    secrets.unwrite(place, "never-written", created=True)
    made = secrets.write(place, KEYS)["version"]
    secrets.unwrite(place, made)
    assert vault.there
    later = secrets.write(place, ROTATED)["version"]
    secrets.unwrite(place, made, created=True)
    assert (vault.there, vault.stages["AWSCURRENT"]) == (True, later)
    alone = Vault()
    place = vaulted(tmp_path, alone)
    made = secrets.write(place, KEYS)["version"]
    secrets.unwrite(place, made, created=True)
    assert not alone.there


def test_a_secret_without_a_value_or_without_a_salt_gets_one(tmp_path: Path) -> None:
    empty = Vault(there=True)
    place = vaulted(tmp_path, empty)
    assert secrets.write(place, KEYS)["created"] is False
    assert not secrets.differs(place, KEYS)
    by_hand = Vault(versions={"x": json.dumps({"API_KEYS": "key-one", "PEPPER": "salt-and"})}, there=True)
    by_hand.stages = {"AWSCURRENT": "x"}
    place = vaulted(tmp_path, by_hand)
    assert secrets.differs(place, KEYS)
    secrets.write(place, KEYS)
    assert not secrets.differs(place, KEYS)


def test_references_name_the_version_and_refuse_other_values(tmp_path: Path) -> None:
    vault = Vault()
    place = vaulted(tmp_path, vault)
    version = secrets.write(place, KEYS)["version"]
    assert secrets.references(place, KEYS) == {
        "API_KEYS": f"{ARN}:API_KEYS::{version}",
        "PEPPER": f"{ARN}:PEPPER::{version}",
    }
    with pytest.raises(StepFailed, match="does not hold the values"):
        secrets.references(place, ROTATED)


DESCRIBED = {"ARN": f"{ARN}x", "VersionIdsToStages": {"old": ["AWSPREVIOUS"], "v7": ["AWSCURRENT"]}}
ELSEWHERE = (
    '[service.secrets]\nGEMINI_API_KEY = "aws-secretsmanager:shared#gemini"\nTOKEN = "aws-secretsmanager:shared"\n'
)


def test_what_lies_in_aws_is_referred_to_by_version_and_never_read(tmp_path: Path) -> None:
    aws = Recorded({"secretsmanager:DescribeSecret": DESCRIBED})
    place = placed(tmp_path, aws, SETTINGS + ELSEWHERE)
    assert secrets.references(place, {}) == {"GEMINI_API_KEY": f"{ARN}x:gemini::v7", "TOKEN": f"{ARN}x:::v7"}
    assert aws.made("secretsmanager:DescribeSecret") == [{"SecretId": "shared"}]
    before = secrets.digest(place, {})
    rotated = {**DESCRIBED, "VersionIdsToStages": {"v8": ["AWSCURRENT"]}}
    assert (
        secrets.digest(placed(tmp_path, Recorded({"secretsmanager:DescribeSecret": rotated}), SETTINGS + ELSEWHERE), {})
        != before
    )
    assert not secrets.differs(place, {})


def test_a_deployment_without_secrets_asks_for_none(tmp_path: Path) -> None:
    place = placed(tmp_path, Recorded({}))
    assert secrets.references(place, {}) == {}
    assert not secrets.differs(place, {})
    assert len(secrets.digest(place, {})) == 64


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"DescribeSecret": refused("x", "ResourceNotFoundException")}, "There is no secret shared"),
        ({"DescribeSecret": {"ARN": ARN, "VersionIdsToStages": {}}}, "holds no value yet"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(tmp_path: Path, answers: dict[str, Any], words: str) -> None:
    aws = Recorded({f"secretsmanager:{name}": answer for name, answer in answers.items()})
    with pytest.raises(Configuration, match=words):
        secrets.references(placed(tmp_path, aws, SETTINGS + ELSEWHERE), {})


@pytest.mark.parametrize(
    "answer",
    [refused("x", "ResourceNotFoundException"), refused("x", "AccessDeniedException"), {"ARN": ARN}],
    ids=["missing", "denied", "empty"],
)
def test_a_digest_leaves_a_secret_that_leads_nowhere_to_the_verification(tmp_path: Path, answer: Any) -> None:
    """It must not end a deploy at the first of several; no release ever has such a digest."""
    there = secrets.digest(placed(tmp_path, Recorded({"secretsmanager:DescribeSecret": DESCRIBED}), _BOTH), {})
    found = secrets.digest(placed(tmp_path, Recorded({"secretsmanager:DescribeSecret": answer}), _BOTH), {})
    assert len(found) == 64 and found != there


_BOTH = f'{SETTINGS}[service.secrets]\nONE = "aws-secretsmanager:one#k"\nTWO = "aws-secretsmanager:two#k"\n'


@pytest.mark.parametrize(
    ("answer", "there"),
    [
        (DESCRIBED, True),
        (refused("x", "AccessDeniedException"), True),
        (refused("x", "ResourceNotFoundException"), False),
    ],
)
def test_whether_the_deployments_own_secret_is_there(tmp_path: Path, answer: Any, there: bool) -> None:
    place = placed(tmp_path, Recorded({"secretsmanager:DescribeSecret": answer}), SETTINGS + FILES)
    assert secrets.exists(place) is there


@pytest.mark.parametrize("text", ["not json and-secret", '["and-secret"]', '{"API_KEYS": {"and-secret": 1}}', ""])
def test_a_secret_of_another_kind_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    answer = {"ARN": ARN, "VersionId": "x", "SecretString": text}
    with pytest.raises(Configuration, match="does not hold a JSON object") as raised:
        secrets.digest(placed(tmp_path, Recorded({"secretsmanager:GetSecretValue": answer}), SETTINGS + FILES), KEYS)
    assert "and-secret" not in f"{raised.value}{raised.value.advice}{raised.value.__cause__}"


def test_a_secret_that_is_being_deleted_is_told_and_a_denied_look_is_not_hidden(tmp_path: Path) -> None:
    for error, kind in (("InvalidRequestException", Configuration), ("AccessDeniedException", AwsRefused)):
        answers = {"secretsmanager:GetSecretValue": refused("secretsmanager:GetSecretValue", error)}
        aws = Recorded({**answers, "secretsmanager:DescribeSecret": {"ARN": ARN}})
        with pytest.raises(kind):
            secrets.digest(placed(tmp_path, aws, SETTINGS + FILES), KEYS)


def test_a_secret_that_is_not_there_may_be_refused_as_a_lack_of_rights(tmp_path: Path) -> None:
    """IAM decides before the secret is looked for, and the name that was asked for fits no ARN of a policy."""
    denied = refused("secretsmanager:GetSecretValue", "AccessDeniedException")
    vault = Vault()
    answers = {**vault.answers(), "secretsmanager:GetSecretValue": denied}
    place = placed(tmp_path, Recorded(answers), SETTINGS + FILES)
    assert secrets.stored(place) is None
    assert secrets.write(place, KEYS)["created"]
    with pytest.raises(AwsRefused, match="GetSecretValue"):
        secrets.stored(place)  # it is there by now, so that a right is missing indeed
    hidden = {**answers, "secretsmanager:DescribeSecret": refused("secretsmanager:DescribeSecret", "AccessDenied")}
    with pytest.raises(AwsRefused, match="GetSecretValue"):
        secrets.stored(placed(tmp_path, Recorded(hidden), SETTINGS + FILES))


def test_a_rotation_and_its_undo_need_no_description(tmp_path: Path) -> None:
    vault = Vault()
    old = secrets.write(vaulted(tmp_path, vault), KEYS)["version"]
    place = vaulted(tmp_path, vault)
    place.aws.answers["secretsmanager:DescribeSecret"] = refused("secretsmanager:DescribeSecret", "AccessDenied")  # type: ignore[attr-defined]
    new = secrets.write(place, ROTATED)["version"]
    assert vault.stages == {"AWSCURRENT": new, "AWSPREVIOUS": old}
    secrets.unwrite(place, new)
    assert vault.stages["AWSCURRENT"] == old
