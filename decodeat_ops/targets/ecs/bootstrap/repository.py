"""Make the image repository in ECR, and delete one that was made."""

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.plan import Action, Params, Step
from decodeat_ops.core.target import Steps
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.ecs.arns import Arns
from decodeat_ops.targets.ecs.bootstrap.marks import MARK, of_pairs, pairs, tags
from decodeat_ops.targets.ecs.names import in_ecr
from decodeat_ops.targets.ecs.place import Acts, Place

_THERE = frozenset({"RepositoryAlreadyExistsException"})
_GONE = frozenset({"RepositoryNotFoundException"})
_USED = frozenset({"RepositoryNotEmptyException"})


def steps(place: Place, mark: str) -> Steps:
    """Return the step that makes the repository; none when it is there, or elsewhere than in this account's ECR."""
    registry = in_ecr(place.names.repository)
    if place.loaded.settings.ecs.image or registry is None or registry.region != place.aws.region:
        return ()
    if not place.names.of_ours or _there(place):
        return ()
    about = {"repository": _name(place), "arn": Arns(place.names).repository, "mark": mark}
    return (
        Step(
            id="repository",
            title="Make the image repository",
            do=Action("make-repository", about),
            undo=Action("unmake-repository", about),
            preview=(f"CreateRepository {_name(place)}: images are scanned when they come, and tags never move",),
        ),
    )


def make(place: Place, context: Context, params: Params) -> None:
    """Make the repository. One that somebody else made by now keeps what it has."""
    try:
        place.aws.call(
            "ecr",
            "CreateRepository",
            repositoryName=params["repository"],
            imageTagMutability="IMMUTABLE",
            imageScanningConfiguration={"scanOnPush": True},
            tags=pairs(tags(place, params["mark"])),
        )
    except AwsRefused as error:
        if error.error not in _THERE:
            raise


def unmake(place: Place, context: Context, params: Params) -> Results | None:
    """Delete the repository if it was made by this change; one with images by now stays."""
    try:
        told = place.aws.call("ecr", "ListTagsForResource", resourceArn=params["arn"])
        if of_pairs(told.get("tags", ())).get(MARK) == params["mark"]:
            place.aws.call("ecr", "DeleteRepository", repositoryName=params["repository"])
    except AwsRefused as error:
        if error.error in _USED:
            return {"warnings": [f"The repository {params['repository']} stays: it has images by now."]}
        if error.error not in _GONE:
            raise
    return None


def _there(place: Place) -> bool:
    try:
        place.aws.call("ecr", "DescribeRepositories", repositoryNames=[_name(place)])
    except AwsRefused as error:
        if error.error in _GONE:
            return False
        raise
    return True


def _name(place: Place) -> str:
    return place.names.repository.partition("/")[2]


ACTIONS: Acts = {"make-repository": make, "unmake-repository": unmake}
