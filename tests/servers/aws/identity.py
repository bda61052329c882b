"""Keep users, roles and access keys, decide about calls, and refuse them in AWS's own words."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.servers.aws.account import Account
from tests.servers.aws.errors import Params, Refused
from tests.servers.aws.permissions import Needed, needed
from tests.servers.aws.policy import FULL, Document, Verdict, evaluate
from tests.servers.aws.principals import Caller, Role, User

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws

KEY, SECRET = "AKIAOPERATOR00000001", "the-operators-secret-key"
UNKNOWN_KEY = {"json": "UnrecognizedClientException", "query": "InvalidClientTokenId", "ec2": "AuthFailure"}
DENIED = {"json": "AccessDeniedException", "query": "AccessDenied", "ec2": "UnauthorizedOperation"}


@dataclass
class Identity:
    """Hold the principals of an account. The operator is a user who may do everything until a test says otherwise."""

    account: Account
    users: dict[str, User] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    keys: dict[str, Caller] = field(default_factory=dict)  # by access key

    def __post_init__(self) -> None:
        self.user("operator", KEY)

    def user(self, name: str, key: str) -> User:
        """Make a user with an access key."""
        arn = self.account.arn("iam", "root" if name == "root" else f"user/{name}")
        user = User(name, arn, self.account.id if name == "root" else f"AIDA{self.account.unique(16).upper()}")
        self.users[name] = user
        self.keys[key] = Caller(user.arn, user.id, user.arn)
        return user

    @property
    def operator(self) -> User:
        return self.users["operator"]

    def allow_only(self, *documents: Document) -> None:
        """Give the operator these policies alone."""
        self.operator.policies = {f"policy{number}": one for number, one in enumerate(documents)}

    def deny(self, *actions: str, resource: str = "*", only: bool = False) -> None:
        """Take actions from the operator by an explicit deny; with `only` by what no policy allows."""
        if only:
            allowed: Document = {"Effect": "Allow", "NotAction": list(actions), "Resource": "*"}
            self.allow_only({"Version": FULL["Version"], "Statement": [allowed]})
        else:
            denied: Document = {"Effect": "Deny", "Action": list(actions), "Resource": resource}
            self.operator.policies["deny"] = {"Version": FULL["Version"], "Statement": [denied]}

    def policies_of(self, source: str) -> list[Document] | None:
        """Return the policies of a user or role by ARN, None when there is no such principal."""
        for user in self.users.values():
            if user.arn == source:
                return [FULL] if user.name == "root" else list(user.policies.values())
        for role in self.roles.values():
            if role.arn == source:
                return [*role.policies.values(), *(MANAGED[arn] for arn in role.attached)]
        return None

    def verdict(self, source: str, one: Needed) -> Verdict:
        context = {**one.context, "aws:PrincipalArn": [source], "aws:RequestedRegion": [self.account.region]}
        return evaluate(self.policies_of(source) or [], one.action, one.resource, context)

    def may(self, role: str, action: str, resource: str) -> bool:
        """Return whether a role may do something to a resource."""
        return self.verdict(role, Needed(action, resource)).decision == "allowed"

    def caller(self, key: str, protocol: str) -> Caller:
        """Return who an access key stands for."""
        if key not in self.keys:
            raise Refused(UNKNOWN_KEY[protocol], "The security token included in the request is invalid.", 403)
        return self.keys[key]

    def require(self, aws: "Aws", caller: Caller, call: str, params: Params, protocol: str) -> None:
        """Refuse a call that the caller's policies do not allow."""
        service, _, operation = call.partition(":")
        for one in needed(aws, service, operation, params):
            decision = self.verdict(caller.source, one).decision
            if decision == "allowed":
                continue
            if protocol == "ec2":
                raise Refused(DENIED[protocol], "You are not authorized to perform this operation.", 403)
            because = (
                "with an explicit deny in an identity-based policy"
                if decision == "explicitDeny"
                else f"because no identity-based policy allows the {one.action} action"
            )
            where = "" if one.resource == "*" else f" on resource: {one.resource}"
            message = f"User: {caller.arn} is not authorized to perform: {one.action}{where} {because}"
            raise Refused(DENIED[protocol], message, 400 if protocol == "json" else 403)


MANAGED: dict[str, Document] = {
    "arn:aws:iam::aws:policy/AdministratorAccess": FULL,
    "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy": {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": [
                    "ecr:GetAuthorizationToken",
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:GetDownloadUrlForLayer",
                    "ecr:BatchGetImage",
                    "logs:CreateLogStream",
                    "logs:PutLogEvents",
                ],
                "Resource": "*",
            }
        ],
    },
}
