"""Play one AWS account in one region: decide who calls, refuse what the models or policies refuse, and do the rest."""

import copy
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.servers.aws import (
    autoscaling,
    cloudwatch,
    ec2,
    ecr,
    elbv2,
    iam,
    logs,
    models,
    quotas,
    secretsmanager,
    sts,
)
from tests.servers.aws.account import Account
from tests.servers.aws.calls import Call, Calls
from tests.servers.aws.ecs import attempts, clusters, definitions, services, tasks
from tests.servers.aws.ecs.state import Ecs
from tests.servers.aws.errors import Answer, Cut, Params, Refused
from tests.servers.aws.identity import KEY, Identity
from tests.servers.aws.principals import Caller
from tests.servers.aws.registry import Registry
from tests.servers.aws.switches import Switches

Operation = Callable[["Aws", Params], Answer]
OPERATIONS: Mapping[str, Mapping[str, Operation]] = {
    "ecs": {
        **clusters.OPERATIONS,
        **definitions.OPERATIONS,
        **services.OPERATIONS,
        **attempts.OPERATIONS,
        **tasks.OPERATIONS,
    },
    "ecr": ecr.OPERATIONS,
    "secretsmanager": secretsmanager.OPERATIONS,
    "logs": logs.OPERATIONS,
    "iam": iam.OPERATIONS,
    "sts": sts.OPERATIONS,
    "elbv2": elbv2.OPERATIONS,
    "ec2": ec2.OPERATIONS,
    "cloudwatch": cloudwatch.OPERATIONS,
    "application-autoscaling": autoscaling.OPERATIONS,
    "service-quotas": quotas.OPERATIONS,
}
WRONG = {
    "ecs": "InvalidParameterException",
    "ecr": "InvalidParameterException",
    "logs": "InvalidParameterException",
    "secretsmanager": "InvalidParameterException",
    "iam": "ValidationError",
    "sts": "ValidationError",
    "elbv2": "ValidationError",
    "ec2": "InvalidParameterValue",
}


@dataclass
class Aws:
    """Hold everything of the account. `url` is where its API answers; a test changes its parts directly.

    `broken` collects answers of the fake that its own models refuse, and calls that it has no answer for: a test that
    leaves any fails.
    """

    account: Account = field(default_factory=Account)
    url: str = ""
    switches: Switches = field(default_factory=Switches)
    calls: Calls = field(default_factory=Calls)
    broken: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        account = self.account
        self.identity = Identity(account)
        self.registry = Registry(account)
        self.secrets = secretsmanager.Secrets(account)
        self.logs = logs.Logs(account)
        self.network = ec2.Network(account)
        self.balancing = elbv2.Balancing(account)
        self.monitoring = cloudwatch.Monitoring(account)
        self.scaling = autoscaling.Scaling(account)
        self.quotas = quotas.Quotas(account)
        self.ecs = Ecs(account)
        self.caller: Caller = self.identity.keys[KEY]

    def answer(self, service: str, operation: str, params: Params, key: str) -> Answer:
        """Carry out one call and return its result. Raises `Refused` or `Cut`."""
        protocol = models.protocol(service)
        caller = self.identity.caller(key, protocol)
        call = Call(f"{service}:{operation}", copy.deepcopy(params), caller.arn)
        for hook in [*self.switches.hooks]:
            hook(call)
        with self.lock:
            self.calls.made.append(call)
            try:
                return self._done(call, params, caller, protocol)
            except Refused as error:
                call.error = error.code
                raise
            except Cut:
                call.error = call.error or "Cut"
                raise

    def _done(self, call: Call, params: Params, caller: Caller, protocol: str) -> Answer:
        service, _, operation = call.name.partition(":")
        try:
            earlier = self.switches.before(call, protocol)
        except Cut:
            call.error = "unreachable"
            raise
        shape = models.operation(service, operation)
        assert shape is not None
        self._check(service, call, params)
        self.identity.require(self, caller, call.name, params, protocol)
        if earlier is not None:
            return copy.deepcopy(earlier)
        do = OPERATIONS[service].get(operation)
        if do is None:
            self.broken.append(f"{call.name} is not played")
            raise Refused("UnknownOperationException", f"The fake does not play {call.name}.")
        self.caller = caller
        answer = do(self, params)
        wrong = models.problems(shape.output_shape, answer) if shape.output_shape is not None else []
        if wrong:
            self.broken.append(f"{call.name} answers wrongly: {'; '.join(wrong)}")
        kept = copy.deepcopy(answer)
        self.switches.after(call, kept)
        return kept

    def _check(self, service: str, call: Call, params: Params) -> None:
        shape = models.operation(service, call.operation)
        wrong = models.problems(shape.input_shape if shape else None, params)
        if wrong:
            raise Refused(WRONG.get(service, "ValidationException"), "; ".join(wrong))
