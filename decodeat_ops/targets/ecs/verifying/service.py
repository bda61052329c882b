"""Judge whether a service that is there can be brought to another task definition by UpdateService at all."""

from decodeat_ops.targets.ecs.findings import Findings
from decodeat_ops.targets.ecs.observed import EcsObserved
from decodeat_ops.targets.ecs.ours import ACTIVE
from decodeat_ops.targets.ecs.place import Place

FARGATE = "FARGATE"
OTHERWISE = "name another one with ecs.service, or delete that one by the tool that made it"


def judge(place: Place, observed: EcsObserved, findings: Findings) -> None:
    """Add a service that is deployed, placed or counted in another way than here to the problems."""
    service = observed.service
    if service is None or service.status != ACTIVE:
        return
    raw, name = service.raw, f"the service {place.names.service}"
    controller = raw.get("deploymentController", {}).get("type", "ECS")
    if controller != "ECS":
        findings.problem(
            f"{name} is deployed by the controller {controller}, and ECS takes no new revision for it; {OTHERWISE}"
        )
    launched = raw.get("launchType", FARGATE)
    if launched != FARGATE:
        findings.problem(f"{name} starts its tasks on {launched}, and these are made for {FARGATE}; {OTHERWISE}")
    providers = [one["capacityProvider"] for one in raw.get("capacityProviderStrategy", ())]
    if providers:
        findings.problem(
            f"{name} takes its capacity from {', '.join(providers)} instead of the launch type {FARGATE}; give it an "
            "empty capacityProviderStrategy with `aws ecs update-service`, or name another one with ecs.service"
        )
    if service.load_balancers and not service.created_by_us and not place.loaded.settings.ecs.target_group:
        findings.problem(
            f"{name}, which decodeat-ops has not made, is behind a load balancer, and the settings name no target "
            "group: name it with ecs.target_group, or take it from the service yourself"
        )
    scheduled = raw.get("schedulingStrategy", "REPLICA")
    if scheduled != "REPLICA":
        findings.problem(f"{name} is scheduled as {scheduled}, which {FARGATE} does not know; {OTHERWISE}")
