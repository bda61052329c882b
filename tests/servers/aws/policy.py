"""Evaluate identity policies as IAM does: an explicit deny wins, an allow is needed, conditions have to be met."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from tests.servers.aws.errors import Refused

Document = dict[str, Any]
Context = Mapping[str, Sequence[str]]
Decision = Literal["allowed", "explicitDeny", "implicitDeny"]
FULL: Document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@dataclass(frozen=True)
class Verdict:
    """Say how a call is decided, and which condition keys were asked for and not given."""

    decision: Decision
    missing: tuple[str, ...] = ()


def evaluate(policies: Iterable[Document], action: str, resource: str, context: Context) -> Verdict:
    """Return the verdict over one action on one resource."""
    missing: list[str] = []
    allowed = False
    for statement in (one for document in policies for one in _listed(document["Statement"])):
        if not (_acts(statement, action) and _reaches(statement, resource)):
            continue
        if not _meets(statement.get("Condition", {}), context, missing):
            continue
        if statement["Effect"] == "Deny":
            return Verdict("explicitDeny", tuple(missing))
        allowed = True
    return Verdict("allowed" if allowed else "implicitDeny", tuple(dict.fromkeys(missing)))


def parse(text: str, code: str = "MalformedPolicyDocument") -> Document:
    """Return a policy document. Refuses what is no policy."""
    try:
        document = json.loads(text)
        statements = _listed(document["Statement"])
        if not statements or any(one["Effect"] not in {"Allow", "Deny"} for one in statements):
            raise KeyError("Effect")
        if document.get("Version") != "2012-10-17":
            raise KeyError("Version")
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(code, f"The policy is not in the valid JSON format. {error}") from error
    return dict(document)


def trusts(document: Document, principal: str, context: Context | None = None) -> bool:
    """Return whether a trust policy lets a service ("ecs-tasks.amazonaws.com") or an ARN assume the role."""
    for statement in _listed(document["Statement"]):
        met = _meets(statement.get("Condition", {}), context or {}, [])
        if met and statement["Effect"] == "Allow" and "sts:AssumeRole" in _listed(statement["Action"]):
            held = statement["Principal"]
            named = ["*"] if held == "*" else [one for kind in held.values() for one in _listed(kind)]
            account = principal.split(":")[4] if principal.startswith("arn:") else ""
            roots = {account, f"arn:aws:iam::{account}:root"} if account else set()
            if "*" in named or principal in named or roots & set(named):
                return True
    return False


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _acts(statement: Document, action: str) -> bool:
    if "NotAction" in statement:
        return not any(_like(one.lower(), action.lower()) for one in _listed(statement["NotAction"]))
    return any(_like(one.lower(), action.lower()) for one in _listed(statement["Action"]))


def _reaches(statement: Document, resource: str) -> bool:
    if "NotResource" in statement:
        return not any(_like(one, resource) for one in _listed(statement["NotResource"]))
    return any(_like(one, resource) for one in _listed(statement["Resource"]))


def _meets(conditions: Mapping[str, Mapping[str, Any]], context: Context, missing: list[str]) -> bool:
    met = True
    lowered = {key.lower(): values for key, values in context.items()}
    for operator, wanted in conditions.items():
        for key, values in wanted.items():
            given = lowered.get(key.lower())
            if (
                given is None
                and not operator.startswith(("Null", "ForAllValues:"))
                and not operator.endswith("IfExists")
            ):
                missing.append(key)
            met = _holds(operator, given, [str(one) for one in _listed(values)]) and met
    return met


def _holds(operator: str, given: Sequence[str] | None, wanted: Sequence[str]) -> bool:
    every = operator.startswith("ForAllValues:")
    name = operator.rpartition(":")[2]
    if name == "Null":
        return (given is None) == (wanted[0].lower() == "true")
    if given is None:
        return name.endswith("IfExists") or every or name.startswith(("StringNot", "ArnNot"))
    test = _OPERATORS.get(name.removesuffix("IfExists"))
    if test is None:
        raise Refused("MalformedPolicyDocument", f"Condition operator {operator} is not known.")
    negative, same = test
    results = [any(same(one, value) for one in wanted) is not negative for value in given]
    return all(results) if every or negative else any(results)


def _equal(wanted: str, value: str) -> bool:
    return wanted == value


def _like(wanted: str, value: str) -> bool:
    return _pattern(wanted).fullmatch(value) is not None


@cache
def _pattern(text: str) -> "re.Pattern[str]":
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


_OPERATORS = {
    "StringEquals": (False, _equal),
    "StringNotEquals": (True, _equal),
    "StringLike": (False, _like),
    "StringNotLike": (True, _like),
    "ArnEquals": (False, _like),
    "ArnLike": (False, _like),
    "ArnNotEquals": (True, _like),
    "ArnNotLike": (True, _like),
    "Bool": (False, _equal),
}
