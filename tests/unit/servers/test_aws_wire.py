"""The fake AWS takes only what botocore's models allow, and gives only what they describe."""

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.servers.aws import aws
from tests.servers.aws.clients import client
from tests.servers.aws.fake import OPERATIONS, Aws
from tests.servers.aws.furnished import allowing, role, trusting
from tests.servers.aws.models import model, protocol
from tests.servers.aws.server import respond
from tests.unit.servers.aws_account import Rig, furnished_account, refused

__all__ = ["furnished_account"]
SIGNED = "AWS4-HMAC-SHA256 Credential=AKIAOPERATOR00000001/20261129/{region}/{service}/aws4_request, Signature=0"


@pytest.fixture(name="fake")
def bare_account() -> Iterator[Aws]:
    with aws() as fake:
        yield fake


def asked(fake: Aws, target: str, body: dict[str, Any], *, service: str = "ecs", region: str = "") -> tuple[int, Any]:
    """Send a request that the SDK would never send."""
    prefix = model("ecs").metadata["targetPrefix"]
    headers = {
        "Authorization": SIGNED.format(region=region or fake.account.region, service=service),
        "X-Amz-Target": f"{prefix}.{target}",
        "Content-Type": "application/x-amz-json-1.1",
    }
    status, answer, _ = respond(fake, headers, json.dumps(body).encode())
    return status, json.loads(answer)


def test_every_operation_is_one_of_its_service() -> None:
    for service, operations in OPERATIONS.items():
        assert set(operations) <= set(model(service).operation_names), service
        assert protocol(service) in {"json", "query", "ec2"}, service


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"services": ["a"], "service": "a"}, "service"),
        ({}, "services"),
        ({"services": "a"}, "services"),
        ({"services": ["a"], "include": ["EVERYTHING"]}, "EVERYTHING"),
    ],
    ids=["unknown", "missing", "type", "enum"],
)
def test_a_request_that_the_model_does_not_know_is_refused(fake: Aws, body: dict[str, Any], says: str) -> None:
    status, answer = asked(fake, "DescribeServices", body)
    assert status == 400 and answer["__type"] == "InvalidParameterException" and says in answer["message"]


def test_who_and_where_are_looked_at(fake: Aws) -> None:
    status, answer = asked(fake, "ListClusters", {}, region="us-west-2")
    assert (status, answer["__type"]) == (403, "InvalidSignatureException")
    status, answer = asked(fake, "DoSomething", {})
    assert (status, answer["__type"]) == (400, "UnknownOperationException")
    assert respond(fake, {}, b"{}")[0] == 403
    refused(client(fake, "ecs", key="AKIASTRANGER").list_clusters, "UnrecognizedClientException")
    refused(client(fake, "sts", key="AKIASTRANGER").get_caller_identity, "InvalidClientTokenId")
    refused(client(fake, "ec2", key="AKIASTRANGER").describe_vpcs, "AuthFailure")


def test_three_protocols_bring_back_what_was_put_in(rig: Rig) -> None:
    """JSON is seen in every test; here are query with lists and structures, and ec2 with filters."""
    fake = rig.fake
    iam = client(fake, "iam")
    trust = json.dumps(trusting("ecs-tasks.amazonaws.com"))
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "ü & <2>"}]
    made = iam.create_role(RoleName="made", AssumeRolePolicyDocument=trust, Tags=tags)["Role"]
    told = iam.get_role(RoleName="made")["Role"]
    assert told == made and told["Tags"] == tags
    assert told["AssumeRolePolicyDocument"] == json.loads(trust)
    groups = client(fake, "elbv2").describe_target_groups(TargetGroupArns=[rig.network.green.arn])["TargetGroups"]
    assert [one["TargetGroupName"] for one in groups] == ["green"]
    assert groups[0]["LoadBalancerArns"] == [rig.network.balancer.arn] and groups[0]["Port"] == 8000
    ec2 = client(fake, "ec2")
    filters = [{"Name": "vpc-id", "Values": ["vpc-none", rig.network.vpc]}]
    assert [one["SubnetId"] for one in ec2.describe_subnets(Filters=filters)["Subnets"]] == rig.network.subnets
    refused(lambda: ec2.describe_subnets(SubnetIds=["subnet-0"]), "InvalidSubnetID.NotFound", "subnet-0")
    refused(lambda: iam.get_role(RoleName="none"), "NoSuchEntity")


def test_form_fields_that_nobody_knows_are_refused(fake: Aws) -> None:
    headers = {"Authorization": SIGNED.format(region="us-east-1", service="iam")}
    body = b"Action=GetRole&Version=2010-05-08&RoleName=a&Rolename=b"
    status, answer, _ = respond(fake, headers, body)
    assert status == 400 and b"ValidationError" in answer and b"Rolename" in answer


def test_throttled_calls_are_repeated_by_the_sdk(fake: Aws) -> None:
    fake.switches.throttle("ecs:ListClusters", 2)
    refused(client(fake, "ecs").list_clusters, "ThrottlingException", "Rate exceeded")
    assert client(fake, "ecs", attempts=3).list_clusters()["clusterArns"] == []
    assert [call.error for call in fake.calls.made] == ["ThrottlingException", "ThrottlingException", ""]


def test_credentials_expire_after_so_many_calls(fake: Aws) -> None:
    ecs, sts = client(fake, "ecs"), client(fake, "sts")
    fake.switches.expire_credentials(after=1)
    ecs.list_clusters()
    refused(ecs.list_clusters, "ExpiredTokenException", "expired")
    refused(sts.get_caller_identity, "ExpiredToken", "expired")
    fake.switches.mend()
    assert sts.get_caller_identity()["Account"] == fake.account.id


def test_an_answer_is_lost_and_the_call_was_done(fake: Aws) -> None:
    ecs = client(fake, "ecs")
    fake.switches.lose_answer("ecs:CreateCluster")
    with pytest.raises(ConnectionClosedError):
        ecs.create_cluster(clusterName="a")
    assert "a" in fake.ecs.clusters and [call.name for call in fake.calls.writes] == ["ecs:CreateCluster"]
    fake.switches.cut_after("ecs:CreateCluster")
    for _ in range(2):
        with pytest.raises(ConnectionClosedError):
            ecs.create_cluster(clusterName="b")
    assert len(fake.calls.writes) == 2, "the second one reached nobody"
    fake.switches.mend()
    assert ecs.create_cluster(clusterName="b")["cluster"]["status"] == "ACTIVE"


def test_a_read_may_be_late(fake: Aws) -> None:
    ecs = client(fake, "ecs")
    assert ecs.list_clusters()["clusterArns"] == []
    ecs.create_cluster(clusterName="a")
    fake.switches.be_late("ecs:ListClusters", 2)
    seen = [len(ecs.list_clusters()["clusterArns"]) for _ in range(3)]
    assert seen == [0, 0, 1]


def test_lists_come_in_pages_of_which_some_are_empty(fake: Aws) -> None:
    ecs = client(fake, "ecs")
    for name in "abc":
        ecs.create_cluster(clusterName=name)
    fake.switches.page_size, fake.switches.empty_pages = 2, 2
    pages = [page["clusterArns"] for page in ecs.get_paginator("list_clusters").paginate()]
    assert [len(page) for page in pages] == [0, 0, 2, 1]
    refused(lambda: ecs.list_clusters(nextToken="of-another-list"), "InvalidParameterException", "token")


def test_a_hook_comes_before_each_call(fake: Aws) -> None:
    seen: list[str] = []
    fake.switches.hooks.append(lambda call: seen.append(f"{call.name} {len(fake.ecs.clusters)}"))
    client(fake, "ecs").create_cluster(clusterName="a")
    client(fake, "ecs").list_clusters()
    assert seen == ["ecs:CreateCluster 0", "ecs:ListClusters 1"]
    assert [call.write for call in fake.calls.made] == [True, False]


def test_what_the_fake_does_not_play_fails_the_test() -> None:
    def ask() -> None:
        with aws() as fake:
            refused(client(fake, "ecs").list_account_settings, "UnknownOperationException")

    with pytest.raises(AssertionError, match="ecs:ListAccountSettings is not played"):
        ask()


def test_an_answer_that_the_model_refuses_fails_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask() -> None:
        with aws() as fake:
            table: dict[str, Callable[..., Any]] = {"ListClusters": lambda aws, params: {"clusterArns": [1]}}
            monkeypatch.setitem(OPERATIONS, "ecs", table)
            client(fake, "ecs").list_clusters()

    with pytest.raises(AssertionError, match="answers wrongly"):
        ask()


def test_blobs_are_served_without_a_signature(rig: Rig) -> None:
    ecr = client(rig.fake, "ecr")
    name, _, digest = rig.image.partition("/")[2].partition("@")
    image = ecr.batch_get_image(repositoryName=name, imageIds=[{"imageDigest": digest}])["images"][0]
    held = json.loads(image["imageManifest"])["config"]["digest"]
    url = urlsplit(ecr.get_download_url_for_layer(repositoryName=name, layerDigest=held)["downloadUrl"])
    connection = http.client.HTTPConnection(url.hostname or "", url.port)
    connection.request("GET", url.path)
    assert json.loads(connection.getresponse().read())["architecture"] == "amd64"
    connection.close()


def test_a_role_is_assumed_and_its_policies_count(fake: Aws) -> None:
    held = role(fake, "deployer", trusting(fake.identity.operator.arn), allowing("ecs:List*"))
    told = client(fake, "sts").assume_role(RoleArn=held.arn, RoleSessionName="me")
    keys = told["Credentials"]
    assumed = {"key": keys["AccessKeyId"], "token": keys["SessionToken"]}
    arn = f"arn:aws:sts::{fake.account.id}:assumed-role/deployer/me"
    assert client(fake, "sts", **assumed).get_caller_identity()["Arn"] == told["AssumedRoleUser"]["Arn"] == arn
    assert client(fake, "ecs", **assumed).list_clusters()["clusterArns"] == []
    with pytest.raises(ClientError, match=r"assumed-role/deployer/me is not authorized to perform: ecs:CreateCluster"):
        client(fake, "ecs", **assumed).create_cluster(clusterName="a")
    held.trust = trusting("ecs-tasks.amazonaws.com")
    refused(
        lambda: client(fake, "sts").assume_role(RoleArn=held.arn, RoleSessionName="me"), "AccessDenied", "AssumeRole"
    )
