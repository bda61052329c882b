"""Find the templates, digest them, and render one, with every name that it uses defined."""

import difflib
import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decodeat_ops.core.errors import Configuration

if TYPE_CHECKING:
    from jinja2 import Environment

SUFFIX = ".j2"


def directory() -> Path:
    """Return the templates' directory: inside the package in a wheel, at the top of the tree in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for place in (package / "templates", package.parent / "templates"):
        if place.is_dir():
            return place
    raise Configuration(
        "The templates of decodeat-ops are not there.",
        hint="Reinstall decodeat-ops: its package is incomplete.",
        where=str(package / "templates"),
    )


def names(place: Path) -> list[str]:
    """Return the paths of all templates below a directory, relative to it and sorted."""
    return sorted(path.relative_to(place).as_posix() for path in place.rglob(f"*{SUFFIX}") if path.is_file())


def digest(place: Path | None = None) -> str:
    """Return the SHA-256 over names and contents of all templates; nothing is rendered and Jinja2 is not loaded."""
    place = place or directory()
    total = hashlib.sha256()
    for name in names(place):
        total.update(len(name.encode()).to_bytes(4) + name.encode())
        total.update(hashlib.sha256((place / name).read_bytes()).digest())
    return total.hexdigest()


def render(name: str, values: Mapping[str, Any], place: Path | None = None) -> str:
    """Fill in one template. Raises `Configuration` naming template, line and what is undefined or misspelt."""
    import jinja2

    place = place or directory()
    try:
        return _environment(place).get_template(name).render(values)
    except jinja2.TemplateNotFound as error:
        missing = str(error.name or name)
        near = _near(missing, names(place))
        raise Configuration(f"There is no template {missing}.", hint=near or "Reinstall decodeat-ops.") from None
    except jinja2.TemplateSyntaxError as error:
        raise _wrong(error.name or name, error.lineno, error.message or "syntax error") from None
    except jinja2.UndefinedError as error:
        unknown = re.search(r"'([^']+)' is undefined", error.message or "")
        near = _near(str(unknown.group(1)), values) if unknown else ""
        raise _wrong(name, _line(error, place), error.message or "undefined", near) from None
    except (TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise _wrong(name, _line(error, place), f"{type(error).__name__}: {error}") from None


@cache
def _environment(place: Path) -> "Environment":
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(place),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - configuration files, not HTML
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _line(error: Exception, place: Path) -> int:
    """Return the template's line that raised, the innermost one; 0 when no template did."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.startswith(str(place)):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=3)
    return f"Did you mean {' or '.join(close)}?" if close else ""


def _wrong(name: str, line: int, what: str, hint: str = "") -> Configuration:
    return Configuration(
        f"Template {name}, line {line}: {what}.",
        hint=hint or "Correct the template, or reinstall decodeat-ops if you didn't change it.",
        where=f"{name}:{line}",
    )
