"""Find every call to AWS in the code, by reading it."""

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import decodeat_ops

PACKAGE = Path(decodeat_ops.__file__).parent
_METHODS = frozenset({"call", "pages"})  # of the port
_WITHIN = "adapters/"  # what is below the port
SERVICES = frozenset(
    {
        "application-autoscaling", "cloudwatch", "ec2", "ecr", "ecs", "elbv2", "iam", "logs", "secretsmanager",
        "service-quotas", "sts",
    }
)  # fmt: skip
_OPERATION = re.compile(r"([A-Z][A-Za-z0-9]+)+")


@dataclass(frozen=True)
class Made:
    """Describe one call: in which module, and of which operation."""

    module: str
    service: str
    operation: str


def made() -> Iterator[Made]:
    """Yield every call, also one that is bound to be made later: a service's name with an operation's beside it.

    Raises `AssertionError` for a call of the port whose operation can't be told from the text.
    """
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).as_posix()
        if not module.startswith(_WITHIN):
            yield from _of(module, ast.parse(path.read_text()))


def _of(module: str, tree: ast.Module) -> Iterator[Made]:
    constants = dict(_constants(tree))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        texts = [_text(argument, constants) for argument in node.args]
        found = [
            Made(module, service, operation)
            for service, operation in itertools.pairwise(texts)
            if service in SERVICES and _OPERATION.fullmatch(operation)
        ]
        assert found or not _of_the_port(node), f"{module}:{node.lineno}: which operation is this?"
        yield from found


def _of_the_port(node: ast.Call) -> bool:
    called = node.func
    return isinstance(called, ast.Attribute) and called.attr in _METHODS and ast.unparse(called.value).endswith("aws")


def _text(node: ast.expr, constants: dict[str, str]) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return constants.get(node.id, "") if isinstance(node, ast.Name) else ""


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the texts that a module names at its top."""
    for node in tree.body:
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = [*zip(target.elts, node.value.elts, strict=True)]
            for name, value in pairs:
                if isinstance(name, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield name.id, value.value
