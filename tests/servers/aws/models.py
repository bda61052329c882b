"""Read botocore's own service models: what each service speaks, takes and gives."""

import re
from functools import cache
from typing import Any

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.validate import ParamValidator

# By the name that a request is signed for; both of boto3's names of CloudWatch and quotas differ from it.
SIGNED_FOR = {
    "ecs": "ecs",
    "ecr": "ecr",
    "secretsmanager": "secretsmanager",
    "logs": "logs",
    "application-autoscaling": "application-autoscaling",
    "servicequotas": "service-quotas",
    "iam": "iam",
    "sts": "sts",
    "elasticloadbalancing": "elbv2",
    "ec2": "ec2",
    "monitoring": "cloudwatch",
}


@cache
def model(service: str) -> ServiceModel:
    """Return the model of a service by boto3's name of it."""
    return botocore.session.get_session().get_service_model(service)


def protocol(service: str) -> str:
    """Return what the SDK of this version speaks to a service: json, query or ec2."""
    return str(model(service).resolved_protocol)


def operation(service: str, name: str) -> OperationModel | None:
    """Return the model of an operation, None when the service has no such one."""
    return model(service).operation_model(name) if name in model(service).operation_names else None


def problems(shape: Shape | None, params: Any) -> list[str]:
    """Return what is wrong with parameters by their shape: unknown, missing, of the wrong type, out of its bounds."""
    if shape is None:
        return [f"unknown parameters {sorted(params)}"] if params else []
    report = ParamValidator().validate(params, shape)
    if report.has_errors():
        return [str(report.generate_report())]
    return list(_bounds(shape, params, ""))


def _bounds(shape: Shape, value: Any, where: str) -> list[str]:
    if shape.type_name == "structure":
        members = getattr(shape, "members", {})
        return [one for name, inner in value.items() for one in _bounds(members[name], inner, f"{where}.{name}")]
    if shape.type_name == "list":
        found = _length(shape, value, where)
        member = shape.member
        return found + [
            one for number, inner in enumerate(value) for one in _bounds(member, inner, f"{where}[{number}]")
        ]
    if shape.type_name == "map":
        held = shape.value
        return [one for name, inner in value.items() for one in _bounds(held, inner, f"{where}.{name}")]
    return _text(shape, value, where) if isinstance(value, str) else _number(shape, value, where)


def _length(shape: Shape, value: Any, where: str) -> list[str]:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    if len(value) < least or (most is not None and len(value) > most):
        return [f"{where} has {len(value)} entries, allowed are {least} to {most}"]
    return []


def _number(shape: Shape, value: Any, where: str) -> list[str]:
    most = shape.metadata.get("max")
    if shape.type_name in {"integer", "long", "float", "double"} and most is not None and value > most:
        return [f"{where} is {value}, at most {most} is allowed"]
    return []


def _text(shape: Shape, value: str, where: str) -> list[str]:
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        return [
            f"Value '{value}' at '{where.lstrip('.')}' failed to satisfy constraint: Member must be one of {allowed}"
        ]
    if shape.type_name != "string":
        return []
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    if len(value) < least or (most is not None and len(value) > most):
        return [f"{where} has {len(value)} characters, allowed are {least} to {most}"]
    pattern = _compiled(str(shape.metadata.get("pattern", "")))
    return [f"'{where}' does not match {pattern.pattern}"] if pattern and not pattern.search(value) else []


@cache
def _compiled(pattern: str) -> "re.Pattern[str] | None":
    """Return the pattern, None where there is none or Python does not know its syntax."""
    try:
        return re.compile(pattern) if pattern else None
    except re.error:
        return None
