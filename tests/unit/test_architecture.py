"""Test that the table of packages in docs/architecture.md is what the code is."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "decodeat_ops"
ROW = re.compile(r"^\| `(\w+)` \|([^|]*)\|([^|]+)\|$", re.MULTILINE)


def table() -> dict[str, list[str]]:
    """Return the packages that each package imports, as the document says."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    section = text[text.index("## Packages, top to bottom") : text.index("## The target is a seam")]
    return {name: re.findall(r"`(\w+)`", imports) for name, imports, _ in ROW.findall(section)}


def packages() -> list[str]:
    return sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists())


def imported(package: str) -> Iterator[str]:
    """Yield the other packages that the modules of a package import, at the top or inside functions."""
    for path in (PACKAGE / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            yield from (name.split(".")[1] for name in names if name.startswith("decodeat_ops."))


def test_the_table_of_packages_is_the_code() -> None:
    told = table()
    assert sorted(told) == packages()
    order = [*told]
    for package in order:
        real = {name for name in imported(package) if name in told} - {package}
        assert told[package] == sorted(real, key=order.index), package
        assert all(order.index(name) > order.index(package) or name == "supervisor" for name in real), package
