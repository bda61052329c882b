"""Find what a bootstrap made for a deployment and a removal leaves: logs, images, secrets, roles; and delete it."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.targets.ecs.arns import Arns, role_name
from decodeat_ops.targets.ecs.bootstrap import grants
from decodeat_ops.targets.ecs.bootstrap.marks import of_pairs
from decodeat_ops.targets.ecs.names import DEPLOYMENT
from decodeat_ops.targets.ecs.place import Place

# What the services say of something that is not there.
MISSING = frozenset(
    {"ResourceNotFoundException", "RepositoryNotFoundException", "NoSuchEntity", "NoSuchEntityException"}
)
WINDOW = 7  # days in which a deleted secret can be brought back; AWS's least


class Leftover(NamedTuple):
    """Name one thing. `ours` says whether it has our tag, and `delete` deletes it; both are refused when it is gone."""

    name: str
    ours: Callable[[], bool]
    delete: Callable[[], object]


def found(place: Place) -> Iterator[Leftover]:
    """Yield what there may be; the roles come last, since tasks of others may still use what they allow."""
    names, arns, call = place.names, Arns(place.names), place.aws.call

    def tagged(service: str, operation: str, of: Callable[[Any], Any], **params: Any) -> bool:
        return bool(of(call(service, operation, **params)).get(DEPLOYMENT) == names.deployment)

    yield Leftover(
        f"log group {names.log_group}",
        partial(tagged, "logs", "ListTagsForResource", lambda told: told.get("tags", {}), resourceArn=arns.log_group),
        partial(call, "logs", "DeleteLogGroup", logGroupName=names.log_group),
    )
    if names.of_ours:
        yield Leftover(
            f"image repository {names.repository}",
            partial(
                tagged, "ecr", "ListTagsForResource", lambda told: of_pairs(told["tags"]), resourceArn=arns.repository
            ),
            partial(call, "ecr", "DeleteRepository", repositoryName=names.repository.partition("/")[2], force=True),
        )
    for secret in (names.secret, names.pull_secret):
        if secret and not secret.startswith("arn:"):
            yield Leftover(
                f"secret {secret}",
                partial(
                    tagged,
                    "secretsmanager",
                    "DescribeSecret",
                    # One that is being deleted already is as good as gone.
                    lambda told: {} if told.get("DeletedDate") else of_pairs(told.get("Tags", ())),
                    SecretId=secret,
                ),
                partial(call, "secretsmanager", "DeleteSecret", SecretId=secret, RecoveryWindowInDays=WINDOW),
            )
    for arn in names.role_arns:
        role = role_name(arn)
        yield Leftover(
            f"role {role}",
            partial(tagged, "iam", "GetRole", lambda told: of_pairs(told["Role"].get("Tags", ())), RoleName=role),
            partial(_delete_role, place, role),
        )


def ours(place: Place) -> bool:
    """Return whether anything is there that has our tag."""
    return any(_is_ours(one) for one in found(place))


def _is_ours(one: Leftover) -> bool:
    try:
        return one.ours()
    except AwsRefused as error:
        if error.error not in MISSING:
            raise
        return False


def _delete_role(place: Place, role: str) -> None:
    grants.revoke(place, role)
    place.aws.call("iam", "DeleteRole", RoleName=role)
