"""Answer Secrets Manager: secrets, their versions, and the stages that point to versions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.servers.aws.account import Account
from tests.servers.aws.errors import Answer, Params, Refused, invalid
from tests.servers.aws.paging import UPPER, page

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"


@dataclass
class Version:
    """Hold one value of a secret; a version without a stage is deprecated and may vanish any time."""

    id: str
    value: str | bytes
    created: datetime
    stages: set[str] = field(default_factory=set)


@dataclass
class Secret:
    """Hold a secret; `deleted` is when it will be gone for good."""

    name: str
    arn: str
    created: datetime
    versions: dict[str, Version] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    description: str = ""
    deleted: datetime | None = None

    def at(self, stage: str) -> Version | None:
        return next((one for one in self.versions.values() if stage in one.stages), None)

    def move(self, stage: str, to: Version) -> None:
        """Let a stage point to a version; the version that was current becomes the previous one."""
        before = self.at(stage)
        if before is to:
            return
        if before is not None:
            before.stages.discard(stage)
            if stage == CURRENT:
                for one in self.versions.values():
                    one.stages.discard(PREVIOUS)
                before.stages.add(PREVIOUS)
        to.stages.add(stage)


@dataclass
class Secrets:
    """Hold the secrets of an account by name."""

    account: Account
    held: dict[str, Secret] = field(default_factory=dict)

    def find(self, named: str) -> Secret | None:
        """Return a secret by name, ARN, or ARN without the six characters at its end."""
        for secret in self.held.values():
            if named in {secret.name, secret.arn, secret.arn[:-7]}:
                return secret
        return None

    def put(self, name: str, value: str) -> Secret:
        """Keep a secret with one version, or give it another current one, as somebody else does."""
        secret = self.held.get(name) or self.make(name)
        version = Version(self.account.unique(36), value, self.account.now())
        secret.versions[version.id] = version
        secret.move(CURRENT, version)
        return secret

    def make(self, name: str) -> Secret:
        arn = self.account.arn("secretsmanager", f"secret:{name}-{self.account.unique(6)}")
        self.held[name] = Secret(name, arn, self.account.now())
        return self.held[name]


def _secret(aws: "Aws", params: Params, *, deleted: bool = False) -> Secret:
    secret = aws.secrets.find(params["SecretId"])
    if secret is None:
        raise Refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    if secret.deleted is not None and not deleted:
        message = "You can't perform this operation on the secret because it was marked for deletion."
        raise Refused("InvalidRequestException", message)
    return secret


def _value(params: Params) -> str | bytes | None:
    if "SecretString" in params and "SecretBinary" in params:
        raise invalid("You can't specify both a binary secret value and a string secret value in the same request.")
    found: str | bytes | None = params.get("SecretString", params.get("SecretBinary"))
    return found


def create_secret(aws: "Aws", params: Params) -> Answer:
    name, value = params["Name"], _value(params)
    there = aws.secrets.held.get(name)
    if there is not None:
        known = there.versions.get(params.get("ClientRequestToken", ""))
        if there.deleted is not None:
            message = "You can't create this secret because a secret with this name is already scheduled for deletion."
            raise Refused("InvalidRequestException", message)
        if known is None or known.value != value:
            message = f"The operation failed because the secret {name} already exists."
            raise Refused("ResourceExistsException", message)
        return {"ARN": there.arn, "Name": name, "VersionId": known.id}
    secret = aws.secrets.make(name)
    secret.description = params.get("Description", "")
    secret.tags = {one["Key"]: one["Value"] for one in params.get("Tags", ())}
    if value is None:
        return {"ARN": secret.arn, "Name": name}
    version = Version(params.get("ClientRequestToken") or aws.account.unique(36), value, aws.account.now())
    secret.versions[version.id] = version
    secret.move(CURRENT, version)
    return {"ARN": secret.arn, "Name": name, "VersionId": version.id}


def put_secret_value(aws: "Aws", params: Params) -> Answer:
    secret, value = _secret(aws, params), _value(params)
    if value is None:
        raise invalid("You must provide either SecretString or SecretBinary.")
    identifier = params.get("ClientRequestToken") or aws.account.unique(36)
    version = secret.versions.get(identifier)
    if version is not None and version.value != value:
        message = f"You can't use ClientRequestToken {identifier} because that value is already in use for a version."
        raise Refused("ResourceExistsException", message)
    if version is None:
        version = secret.versions[identifier] = Version(identifier, value, aws.account.now())
        for stage in params.get("VersionStages") or [CURRENT]:
            secret.move(stage, version)
    return {"ARN": secret.arn, "Name": secret.name, "VersionId": version.id, "VersionStages": sorted(version.stages)}


def get_secret_value(aws: "Aws", params: Params) -> Answer:
    secret = _secret(aws, params)
    stage = params.get("VersionStage") or (None if "VersionId" in params else CURRENT)
    version = secret.versions.get(params["VersionId"]) if "VersionId" in params else secret.at(stage or CURRENT)
    if version is None:
        where = f"VersionId: {params['VersionId']}" if "VersionId" in params else f"staging label: {stage}"
        message = f"Secrets Manager can't find the specified secret value for {where}"
        raise Refused("ResourceNotFoundException", message)
    if stage is not None and stage not in version.stages:
        message = "You provided a VersionStage that is not associated to the provided VersionId."
        raise Refused("InvalidRequestException", message)
    kind = "SecretString" if isinstance(version.value, str) else "SecretBinary"
    return {
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": version.id,
        kind: version.value,
        "VersionStages": sorted(version.stages),
        "CreatedDate": version.created,
    }


def describe_secret(aws: "Aws", params: Params) -> Answer:
    secret = _secret(aws, params, deleted=True)
    shown: Answer = {
        "ARN": secret.arn,
        "Name": secret.name,
        "CreatedDate": secret.created,
        "Tags": [{"Key": key, "Value": value} for key, value in secret.tags.items()],
        "VersionIdsToStages": {one.id: sorted(one.stages) for one in secret.versions.values() if one.stages},
    }
    return shown | ({"DeletedDate": secret.deleted} if secret.deleted else {})


def list_secret_version_ids(aws: "Aws", params: Params) -> Answer:
    secret = _secret(aws, params, deleted=True)
    held = [
        {"VersionId": one.id, "VersionStages": sorted(one.stages), "CreatedDate": one.created}
        for one in secret.versions.values()
        if one.stages or params.get("IncludeDeprecated")
    ]
    versions, more = page(held, params, UPPER, aws.switches, "InvalidNextTokenException")
    return {"Versions": versions, "ARN": secret.arn, "Name": secret.name, **more}


def update_secret_version_stage(aws: "Aws", params: Params) -> Answer:
    secret, stage = _secret(aws, params), params["VersionStage"]
    at, remove, to = secret.at(stage), params.get("RemoveFromVersionId"), params.get("MoveToVersionId")
    if (at.id if at else None) != remove and at is not None:
        message = (
            f"The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to {at.id}"
        )
        raise invalid(f"{message}, so you must explicitly reference that version in RemoveFromVersionId.")
    if to is None:
        if stage == CURRENT:
            raise invalid(f"You can only move staging label {CURRENT} to a different secret version.")
        if at is not None:
            at.stages.discard(stage)
    elif to not in secret.versions:
        raise Refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret version.")
    else:
        secret.move(stage, secret.versions[to])
    return {"ARN": secret.arn, "Name": secret.name}


def delete_secret(aws: "Aws", params: Params) -> Answer:
    if params.get("ForceDeleteWithoutRecovery") and "RecoveryWindowInDays" in params:
        raise invalid("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
    days = params.get("RecoveryWindowInDays", 30)
    if not 7 <= days <= 30:
        raise invalid("RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
    secret = _secret(aws, params)
    if params.get("ForceDeleteWithoutRecovery"):
        del aws.secrets.held[secret.name]
        return {"ARN": secret.arn, "Name": secret.name, "DeletionDate": aws.account.now()}
    secret.deleted = aws.account.now() + timedelta(days=days)
    return {"ARN": secret.arn, "Name": secret.name, "DeletionDate": secret.deleted}


def restore_secret(aws: "Aws", params: Params) -> Answer:
    secret = _secret(aws, params, deleted=True)
    secret.deleted = None
    return {"ARN": secret.arn, "Name": secret.name}


def tag_resource(aws: "Aws", params: Params) -> Answer:
    _secret(aws, params).tags |= {one["Key"]: one["Value"] for one in params["Tags"]}
    return {}


OPERATIONS: dict[str, Callable[["Aws", Params], Answer]] = {
    "CreateSecret": create_secret,
    "PutSecretValue": put_secret_value,
    "GetSecretValue": get_secret_value,
    "DescribeSecret": describe_secret,
    "ListSecretVersionIds": list_secret_version_ids,
    "UpdateSecretVersionStage": update_secret_version_stage,
    "DeleteSecret": delete_secret,
    "RestoreSecret": restore_secret,
    "TagResource": tag_resource,
}
