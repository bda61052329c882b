"""Keep, in memory, what a bootstrap makes in AWS; it takes what AWS takes, and refuses what AWS refuses."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from decodeat_ops.core.aws import Answer, AwsRefused
from tests.unit.targets.ecs.cloud import ACCOUNT, ANN, REGION, Call, checked

Params = Mapping[str, Any]
Kept = dict[str, dict[str, Any]]
_WRITES = ("Create", "Delete", "Put", "Update")


@dataclass
class Ground:
    """Hold clusters, log groups, repositories, secrets and roles by name.

    `refusing` are codes to refuse an operation with, `silent` operations that are done before their answer is lost.
    """

    clusters: Kept = field(default_factory=dict)
    groups: Kept = field(default_factory=dict)
    repositories: Kept = field(default_factory=dict)
    secrets: Kept = field(default_factory=dict)
    roles: Kept = field(default_factory=dict)
    refusing: dict[str, str] = field(default_factory=dict)
    silent: dict[str, Exception] = field(default_factory=dict)
    asked: list[Call] = field(default_factory=list)
    region: str = REGION

    @property
    def writes(self) -> list[str]:
        return [operation for _, operation in self.asked if operation.startswith(_WRITES)]

    @property
    def everything(self) -> tuple[Kept, ...]:
        return self.clusters, self.groups, self.repositories, self.secrets, self.roles

    def call(self, service: str, operation: str, /, **params: Any) -> Answer:
        checked(service, operation, params)
        self.asked.append((service, operation))
        if operation in self.refusing:
            raise AwsRefused(f"{service}:{operation}", self.refusing[operation], "it says why")
        do: Callable[[Params], Answer] = getattr(self, f"_{service}_{operation}")
        done = do(params)
        if operation in self.silent:
            raise self.silent.pop(operation)
        return done

    def pages(self, service: str, operation: str, key: str, /, **params: Any) -> Iterator[Any]:
        yield from self.call(service, operation, **params)[key]

    def _sts_GetCallerIdentity(self, params: Params) -> Answer:
        return {"Account": ACCOUNT, "Arn": ANN, "UserId": "AIDA"}

    def _ecs_DescribeClusters(self, params: Params) -> Answer:
        found = [self.clusters[name] for name in params["clusters"] if name in self.clusters]
        bare = [{name: value for name, value in one.items() if name != "tags"} for one in found]
        return {"clusters": found if "TAGS" in params.get("include", ()) else bare}

    def _ecs_CreateCluster(self, params: Params) -> Answer:
        name = params["clusterName"]
        self.clusters.setdefault(name, {"clusterName": name, "status": "ACTIVE", "tags": params["tags"]})
        return {"cluster": self.clusters[name]}

    def _ecs_DeleteCluster(self, params: Params) -> Answer:
        return {"cluster": _taken(self.clusters, params["cluster"], "ecs:DeleteCluster", "ClusterNotFoundException")}

    def _logs_DescribeLogGroups(self, params: Params) -> Answer:
        start = params["logGroupNamePrefix"]
        return {"logGroups": [{"logGroupName": name} for name in self.groups if name.startswith(start)]}

    def _logs_CreateLogGroup(self, params: Params) -> Answer:
        _new(self.groups, params["logGroupName"], "logs:CreateLogGroup", "ResourceAlreadyExistsException")
        self.groups[params["logGroupName"]] = {"tags": params["tags"]}
        return {}

    def _logs_PutRetentionPolicy(self, params: Params) -> Answer:
        self.groups[params["logGroupName"]]["days"] = params["retentionInDays"]
        return {}

    def _logs_ListTagsForResource(self, params: Params) -> Answer:
        name = params["resourceArn"].partition(":log-group:")[2]
        assert not name.endswith(":*"), "AWS takes it without the star"
        found = _there(self.groups, name, "logs:ListTagsForResource", "ResourceNotFoundException")
        return {"tags": found["tags"]}

    def _logs_DeleteLogGroup(self, params: Params) -> Answer:
        return _taken(self.groups, params["logGroupName"], "logs:DeleteLogGroup", "ResourceNotFoundException")

    def _ecr_DescribeRepositories(self, params: Params) -> Answer:
        (name,) = params["repositoryNames"]
        _there(self.repositories, name, "ecr:DescribeRepositories", "RepositoryNotFoundException")
        return {"repositories": [{"repositoryName": name}]}

    def _ecr_CreateRepository(self, params: Params) -> Answer:
        name = params["repositoryName"]
        _new(self.repositories, name, "ecr:CreateRepository", "RepositoryAlreadyExistsException")
        self.repositories[name] = dict(params)
        return {"repository": {"repositoryName": name}}

    def _ecr_ListTagsForResource(self, params: Params) -> Answer:
        name = params["resourceArn"].partition(":repository/")[2]
        found = _there(self.repositories, name, "ecr:ListTagsForResource", "RepositoryNotFoundException")
        return {"tags": found["tags"]}

    def _ecr_DeleteRepository(self, params: Params) -> Answer:
        name = params["repositoryName"]
        assert not params.get("force")
        if self.repositories.get(name, {}).get("images"):
            raise AwsRefused("ecr:DeleteRepository", "RepositoryNotEmptyException", "it has images")
        return _taken(self.repositories, name, "ecr:DeleteRepository", "RepositoryNotFoundException")

    def _secretsmanager_DescribeSecret(self, params: Params) -> Answer:
        found = _there(self.secrets, params["SecretId"], "DescribeSecret", "ResourceNotFoundException")
        return {name: value for name, value in found.items() if name != "SecretString"}

    def _secretsmanager_GetSecretValue(self, params: Params) -> Answer:
        found = _there(self.secrets, params["SecretId"], "GetSecretValue", "ResourceNotFoundException")
        stage = params.get("VersionStage", "AWSCURRENT")
        versions = [version for version, stages in found["VersionIdsToStages"].items() if stage in stages]
        if not versions:
            raise AwsRefused("GetSecretValue", "ResourceNotFoundException", f"no version is {stage}")
        return {**found, "VersionId": versions[0]}

    def _secretsmanager_CreateSecret(self, params: Params) -> Answer:
        name, version = params["Name"], params["ClientRequestToken"]
        if self.secrets.get(name, {}).get("VersionId") != version:
            _new(self.secrets, name, "CreateSecret", "ResourceExistsException")
        arn = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-AbCdEf"
        stages = {version: ["AWSCURRENT"]}
        self.secrets[name] = {**params, "ARN": arn, "VersionId": version, "VersionIdsToStages": stages}
        return {"ARN": arn}

    def _secretsmanager_DeleteSecret(self, params: Params) -> Answer:
        assert params["ForceDeleteWithoutRecovery"]
        return _taken(self.secrets, params["SecretId"], "DeleteSecret", "ResourceNotFoundException")

    def _iam_GetRole(self, params: Params) -> Answer:
        found = _there(self.roles, params["RoleName"], "iam:GetRole", "NoSuchEntity")
        return {"Role": {"RoleName": params["RoleName"], "Tags": found["Tags"]}}

    def _iam_CreateRole(self, params: Params) -> Answer:
        name = params["RoleName"]
        _new(self.roles, name, "iam:CreateRole", "EntityAlreadyExists")
        trust = json.loads(params["AssumeRolePolicyDocument"])
        self.roles[name] = {"Tags": params["Tags"], "Path": params["Path"], "trust": trust, "policies": {}}
        return {"Role": {"RoleName": name}}

    def _iam_PutRolePolicy(self, params: Params) -> Answer:
        found = _there(self.roles, params["RoleName"], "iam:PutRolePolicy", "NoSuchEntity")
        found["policies"][params["PolicyName"]] = json.loads(params["PolicyDocument"])
        return {}

    def _iam_GetRolePolicy(self, params: Params) -> Answer:
        found = _there(self.roles, params["RoleName"], "iam:GetRolePolicy", "NoSuchEntity")
        document = _there(found["policies"], params["PolicyName"], "iam:GetRolePolicy", "NoSuchEntity")
        return {"PolicyDocument": document}

    def _iam_DeleteRolePolicy(self, params: Params) -> Answer:
        found = _there(self.roles, params["RoleName"], "iam:DeleteRolePolicy", "NoSuchEntity")
        return _taken(found["policies"], params["PolicyName"], "iam:DeleteRolePolicy", "NoSuchEntity")

    def _iam_DeleteRole(self, params: Params) -> Answer:
        found = _there(self.roles, params["RoleName"], "iam:DeleteRole", "NoSuchEntity")
        if found["policies"]:
            raise AwsRefused("iam:DeleteRole", "DeleteConflict", "it has policies")
        return _taken(self.roles, params["RoleName"], "iam:DeleteRole", "NoSuchEntity")


def _there(kept: Kept, name: str, operation: str, error: str) -> dict[str, Any]:
    if name not in kept:
        raise AwsRefused(operation, error, "there is none")
    return kept[name]


def _taken(kept: Kept, name: str, operation: str, error: str) -> dict[str, Any]:
    found = _there(kept, name, operation, error)
    del kept[name]
    return found


def _new(kept: Kept, name: str, operation: str, error: str) -> None:
    if name in kept:
        raise AwsRefused(operation, error, "it is there")
