"""Test that docstrings begin with what the code does: an imperative, which a tired reader understands at once."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
# What users read there is no docstring: help of commands, the API's own document, comments of a settings file.
FOR_USERS = (
    "decodeat_ops/cli/", "decodeat_ops/settings/schema.py", "decodeat_ops/settings/ecs.py",
    "decodeat_ops/settings/vm.py",
    "decodeat/api/schemas.py", "decodeat/api/operations.py",
    "decodeat/migrations/versions/",
)  # fmt: skip
_VERBS = """
Accept Add Allow Analyse Answer Append Archive Ask Average Back Become Begin Bring Buffer Build Cache Call Cancel
Carry Check Choose Claim Close Collect Combine Compare Compute Configure Connect Continue Convert Copy Count Create
Decide Decode Define Delete Deploy Derive Describe Detect Digest Discard Do Draw Drop Duplicate Empty Enable Encode
End Erase Extract Fetch Fill Find Finish Follow Fork Format Get Give Guard Hash Have Hold Identify Import Install
Interrupt Join Judge Keep Kill Lay Lead Leave Lend Let Lift Limit List Load Lock Log Look Make Measure Merge Migrate
Move Name Normalise Note Offer Open Order Own Pack Parse Pickle Place Plan Prepare Print Provide Pull Put Queue Quote
Raise Rank Read Rebuild Recognise Recompute Record Refuse Release Remember Remove Rename Render Renew Repeat
Replace Report Request Resolve Restore Return Rotate Run Save Say Scale See Send Serve Set Shake Share Show Split Stand
Start State Stop Store Straighten Suggest Supervise Take Tell Translate Turn Understand Undo Unpack Upgrade Use
Wait Wake Walk Watch Withdraw Wrap Write Yield
"""
VERBS = frozenset(_VERBS.split())


def docstrings(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the name of what has a docstring, and the docstring."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                yield getattr(node, "name", "the module"), text


@pytest.mark.parametrize("package", ["decodeat", "decodeat_ops"])
def test_a_docstring_begins_with_a_verb(package: str) -> None:
    """Add a verb above where a new one says it best; a noun or an adjective never does."""
    wrong, seen = [], 0
    for path in sorted((REPOSITORY / package).rglob("*.py")):
        name = path.relative_to(REPOSITORY).as_posix()
        if name.startswith(FOR_USERS):
            continue
        for what, text in docstrings(path):
            seen += 1
            if text.split()[0].rstrip(".,:") not in VERBS:
                wrong.append(f"{name} {what}: {text.splitlines()[0]}")
    assert not wrong, "\n".join(wrong)
    assert seen > 100
