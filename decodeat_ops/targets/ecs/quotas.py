"""Compare what a deploy needs of Fargate at once with what the account may have."""

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.targets.ecs.findings import Findings
from decodeat_ops.targets.ecs.observed import EcsObserved
from decodeat_ops.targets.ecs.place import Place

FARGATE, VCPUS = "fargate", "L-3032A538"  # AWS's codes; the quota is vCPUs on demand that run at once in a region
TWICE = 2  # while a deployment is under way, old and new tasks run side by side
_UNKNOWN = frozenset({"NoSuchResourceException"})


def vcpus(place: Place, observed: EcsObserved) -> float:
    """Return how many vCPUs this service alone may use during a deploy."""
    ecs, service = place.loaded.settings.ecs, observed.service
    tasks = service.desired if service is not None and service.desired else ecs.desired
    return tasks * TWICE * ecs.cpu / 1024


def judge(place: Place, observed: EcsObserved, findings: Findings) -> None:
    """Add a quota that this service alone exceeds to the problems; what else runs in the account is not counted."""
    wanted = vcpus(place, observed)
    try:
        quota = _quota(place)
    except AwsRefused as error:
        findings.doubt(f"the account's quota of Fargate could not be looked at: {error.operation}, {error.error}")
        return
    if quota < wanted:
        findings.problem(
            f"a deploy runs up to {wanted:g} vCPUs at once, and the account may use {quota:g} of Fargate; ask for a "
            f"higher quota ({VCPUS}) or lower ecs.desired or ecs.cpu"
        )


def _quota(place: Place) -> float:
    """Return the quota, AWS's own default where the account has never had another one."""
    codes = {"ServiceCode": FARGATE, "QuotaCode": VCPUS}
    try:
        told = place.aws.call("service-quotas", "GetServiceQuota", **codes)
    except AwsRefused as error:
        if error.error not in _UNKNOWN:
            raise
        told = place.aws.call("service-quotas", "GetAWSDefaultServiceQuota", **codes)
    return float(told["Quota"]["Value"])
