"""Answer Service Quotas: how many processors the account's tasks may have on Fargate."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.servers.aws.account import Account
from tests.servers.aws.errors import Answer, Params, Refused
from tests.servers.aws.paging import UPPER, page

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws

ON_DEMAND = "L-3032A538"  # Fargate On-Demand vCPU resource count


@dataclass
class Quotas:
    """Hold the value of each quota by service and code."""

    account: Account
    values: dict[tuple[str, str], float] = field(default_factory=lambda: {("fargate", ON_DEMAND): 6.0})


def _shown(aws: "Aws", service: str, code: str) -> Answer:
    return {
        "ServiceCode": service,
        "ServiceName": "AWS Fargate",
        "QuotaArn": aws.account.arn("servicequotas", f"{service}/{code}"),
        "QuotaCode": code,
        "QuotaName": "Fargate On-Demand vCPU resource count",
        "Value": aws.quotas.values[(service, code)],
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }


def get_service_quota(aws: "Aws", params: Params) -> Answer:
    service, code = params["ServiceCode"], params["QuotaCode"]
    if (service, code) not in aws.quotas.values:
        message = "The request failed because the specified service does not exist."
        raise Refused("NoSuchResourceException", message)
    return {"Quota": _shown(aws, service, code)}


def list_service_quotas(aws: "Aws", params: Params) -> Answer:
    held = [_shown(aws, *one) for one in aws.quotas.values if one[0] == params["ServiceCode"]]
    shown, more = page(held, params, UPPER, aws.switches, "InvalidPaginationTokenException")
    return {"Quotas": shown, **more}


OPERATIONS: dict[str, Callable[["Aws", Params], Answer]] = {
    "GetServiceQuota": get_service_quota,
    "GetAWSDefaultServiceQuota": get_service_quota,
    "ListServiceQuotas": list_service_quotas,
}
