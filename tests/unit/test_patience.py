"""Test that no test needs a fast machine, as far as that can be seen in its text.

A good thing is waited for with a limit that a busy machine keeps too (`tests/support/waiting.py`), and what has to last
is held by a file or an event. A shorter time is for what is not to come; its line says so: `# never comes` or `# held`.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parents[1]
LEAST = 30.0  # seconds
CLOCKS = {"monotonic", "perf_counter", "time"}


def number(node: ast.expr | None) -> float | None:
    return float(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, int | float) else None


def reads_clock(node: ast.AST) -> bool:
    return any(isinstance(one, ast.Call) and ast.unparse(one.func) in {f"time.{name}" for name in CLOCKS}
               for one in ast.walk(node))  # fmt: skip


def hasty(tree: ast.AST) -> Iterator[int]:
    """Yield the lines of short limits, of short deadlines, of elapsed times that must be short, and of long sleeps."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="time"), attr="sleep"), args=[length]):
                if (number(length) or 0.0) >= 1:
                    yield node.lineno
            case ast.Call():
                limits = [one.value for one in node.keywords if one.arg in {"timeout", "patience"}]
                if any(number(one) is not None and (number(one) or 0.0) < LEAST for one in limits):
                    yield node.lineno
            case ast.BinOp(op=ast.Add(), left=ast.Call() as clock, right=limit) if "monotonic" in ast.unparse(clock):
                if (number(limit) or LEAST) < LEAST:
                    yield node.lineno
            case ast.Compare(ops=[ast.Lt() | ast.LtE()], comparators=[limit]) if reads_clock(node.left):
                if (number(limit) or LEAST) < LEAST:
                    yield node.lineno


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_no_test_needs_a_fast_machine(path: Path) -> None:
    text = path.read_text()
    lines = text.splitlines()
    said = ("# never comes", "# held")
    found = [line for line in hasty(ast.parse(text)) if not any(word in lines[line - 1] for word in said)]
    assert [f"{line}: {lines[line - 1].strip()}" for line in found] == []


def test_no_property_has_a_limit_by_the_clock() -> None:
    assert settings().deadline is None


def test_what_is_hasty_is_found() -> None:
    text = (
        "time.sleep(3)\nrun(argv, timeout=5)\ndeadline = time.monotonic() + 20\n"
        "assert time.monotonic() - began < 15\ntime.sleep(0.02)\nrun(argv, timeout=60)\nnow = time.time() - 3\n"
    )
    assert list(hasty(ast.parse(text))) == [1, 2, 3, 4]
