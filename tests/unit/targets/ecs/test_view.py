"""How a deployment on ECS is looked at: which release serves, where clients reach it, with which variables and keys."""

from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.abilities import Compares, Enters
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.ports import Completed
from decodeat_ops.core.secret import Secret
from decodeat_ops.targets.ecs.view import EcsView
from tests.support.aws import ACCOUNT, GROUP, REGION, SETTINGS
from tests.unit.targets.ecs.seen import ONE, TWO, Host, Seen, deployment, task

BALANCER = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/web/0123"
BALANCING: dict[str, Any] = {
    "elbv2:DescribeTargetGroups": {"TargetGroups": [{"TargetGroupArn": GROUP, "LoadBalancerArns": [BALANCER]}]},
    "elbv2:DescribeLoadBalancers": {"LoadBalancers": [{"LoadBalancerArn": BALANCER, "DNSName": "web.example.com"}]},
}


def view(home: Path, looked_at: Seen | None = None, more: str = "", **secrets: str) -> EcsView:
    place = (looked_at or Seen()).place(home, SETTINGS + more)
    return EcsView(place, {name: Secret(text) for name, text in secrets.items()})


def test_the_release_of_the_primary_deployment_serves(tmp_path: Path) -> None:
    looked_at = view(tmp_path)
    assert (looked_at.current_id(), looked_at.active()) == (TWO.id, TWO)
    assert (looked_at.release(ONE.id), looked_at.release("nope")) == (ONE, None)
    assert isinstance(looked_at, Enters) and isinstance(looked_at, Compares)


def test_a_stopped_service_has_a_current_release_that_takes_no_traffic(tmp_path: Path) -> None:
    looked_at = view(tmp_path, Seen(service={"desiredCount": 0}))
    assert (looked_at.current_id(), looked_at.active()) == (TWO.id, None)
    nothing = view(tmp_path, Seen(service=None))
    assert (nothing.current_id(), nothing.active()) == ("", None)


def test_a_damaged_record_of_another_release_hides_nothing(tmp_path: Path) -> None:
    looked_at = Seen()
    known = looked_at.aws().answers["ecs:DescribeTaskDefinition"]

    def described(params: Any) -> Any:
        told = dict(known(params))  # type: ignore[operator]
        broken = [{"key": "decodeat-ops:id", "value": ONE.id}, {"key": "decodeat-ops:deployment", "value": "x"}]
        return told | {"tags": broken} if params["taskDefinition"] == ONE.task_definition else told

    looked_at.more["ecs:DescribeTaskDefinition"] = described
    assert view(tmp_path, looked_at).active() == TWO
    looked_at.deployments = [deployment(1)]
    with pytest.raises(Configuration, match="is damaged"):
        view(tmp_path, looked_at).active()


@pytest.mark.parametrize(
    ("more", "address"),
    [
        ('address = "https://api.example.com"\n', "https://api.example.com"),
        ('address = "http://127.0.0.1:8443/"\n', "http://127.0.0.1:8443"),
        (f'target_group = "{GROUP}"\n', "http://web.example.com"),
        ("", "http://10.0.0.7:8000"),
        ("public_ip = true\n", "http://203.0.113.9:8000"),
    ],
)
def test_clients_reach_it_by_address_balancer_or_task(tmp_path: Path, more: str, address: str) -> None:
    network = [{"name": "privateIPv4Address", "value": "10.0.0.7"}, {"name": "networkInterfaceId", "value": "eni-1"}]
    attached = [{"type": "ElasticNetworkInterface", "details": network}]
    looked_at = Seen(tasks=[task("aa", 1), task("bb", 2, attachments=attached)])
    interfaces = {"NetworkInterfaces": [{"Association": {"PublicIp": "203.0.113.9"}}]}
    looked_at.more = {**BALANCING, "ec2:DescribeNetworkInterfaces": interfaces}
    found = view(tmp_path, looked_at, more)
    endpoint = found.endpoint(TWO, "public")
    assert str(endpoint) == address
    assert endpoint is not None and endpoint.tls is address.startswith("https")
    assert found.endpoint(TWO, "private") is None


def test_nothing_that_runs_has_no_address(tmp_path: Path) -> None:
    assert view(tmp_path).endpoint(TWO, "public") is None


def test_the_balancer_is_asked_once(tmp_path: Path) -> None:
    looked_at = Seen()
    looked_at.more = BALANCING
    found = view(tmp_path, looked_at, f'target_group = "{GROUP}"\n')
    for _ in range(3):
        found.endpoint(TWO, "public")
    assert len(found.place.aws.made("elbv2:DescribeLoadBalancers")) == 1  # type: ignore[attr-defined]


def test_variables_are_those_that_are_registered(tmp_path: Path) -> None:
    found = view(tmp_path, more='[service.environment]\nLOG_LEVEL = "DEBUG"\n')
    assert found.variables(TWO) == {"RELEASE_ID": TWO.id, "LOG_LEVEL": "INFO"}
    assert found.variables(None)["LOG_LEVEL"] == "DEBUG"


def test_a_request_shows_a_key_where_one_is_known(tmp_path: Path) -> None:
    secrets = '[service.secrets]\nAPI_KEYS = "env:API_KEYS"\n'
    assert view(tmp_path, more=secrets, API_KEYS="one-key,another").headers(TWO) == {"X-API-Key": "one-key"}
    assert view(tmp_path).headers(TWO) == {}
    stays = '[service.secrets]\nAPI_KEYS = "aws-secretsmanager:demo#keys"\n'
    assert view(tmp_path, more=stays).headers(TWO) is None


def test_code_is_asked_only_where_it_lies_here(tmp_path: Path) -> None:
    package = tmp_path / "source" / "decodeat"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "requirements.txt").touch()
    host = Host(Completed(("python",), 0, "{}", ""))
    looked_at = Seen().place(tmp_path, f'{SETTINGS}\n[service]\nsource = "source"\n', host=host)
    found = EcsView(looked_at, {})
    assert found.service(TWO, "--check-env", bare=True) is None
    assert found.service(None, "--check-model") is None
    assert host.asked == []
    done = found.service(None, "--check-env", "--json", bare=True)
    assert done is not None and host.asked[0][1:] == ("-m", "decodeat", "--check-env", "--json")
