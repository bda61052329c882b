"""Render what a deploy would write: show it, write it to a directory, or compare it with the current release."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from decodeat_ops.application.targets import open_view, this_machine
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.outcome import Lines, Outcome
from decodeat_ops.core.view import View
from decodeat_ops.deployment import files as disk
from decodeat_ops.deployment import service_variables
from decodeat_ops.settings import trust
from decodeat_ops.settings.schema import Loaded


def render(loaded: Loaded, out: Path | None, diff: bool) -> Outcome:
    """Render the target's files. Raises `Configuration` when one doesn't render or would hold a secret."""
    view = open_view(loaded)
    rendered = view.files("")
    service_variables.refuse_exposed(this_machine(), loaded, view.variables(None))
    if diff:
        return _diff(view, rendered)
    if out is not None:
        return _write(out, rendered)
    return Outcome(
        "render",
        f"{len(rendered)} files, as a deploy to {loaded.settings.target} would write them.",
        data={"files": dict(rendered)},
        blocks=tuple(Lines(tuple(text.splitlines()), title=name, language="file") for name, text in rendered.items()),
        next=("decodeat-ops render --diff", "decodeat-ops deploy --dry-run"),
    )


def _write(out: Path, rendered: Mapping[str, str]) -> Outcome:
    changed = []
    try:
        for name, text in rendered.items():
            path = out / name
            if path.is_file() and path.read_bytes() == text.encode():
                continue
            trust.private_directory(path.parent)  # variables are private; the operator makes directories for others
            disk.write(path, text)
            changed.append(name)
    except OSError as error:
        raise Configuration(
            f"{error.filename or out} can't be written: {error.strerror}.",
            state=f"{len(changed)} of {len(rendered)} files were written." if changed else "Nothing was changed.",
            hint="Name another directory with --out.",
            where=str(out),
        ) from error
    summary = f"{len(changed)} files written to {out}." if changed else f"0 changed: {out} holds the same files."
    return Outcome("render", summary, changed=len(changed), data={"directory": str(out), "written": changed})


def _diff(view: View[Any, Any], rendered: Mapping[str, str]) -> Outcome:
    release = view.current_id()
    known = view.files(release) if release else {}
    lines: list[str] = []
    differing = []
    for name, text in rendered.items():
        before = known.get(name, "")
        # No header when equal: an empty diff is an empty output.
        found = list(
            difflib.unified_diff(
                before.splitlines(), text.splitlines(), f"{release or 'nothing'}/{name}", f"new/{name}", lineterm=""
            )
        )
        if found:
            differing.append(name)
            lines += found
    against = f"release {release}" if release else "nothing: there is no release yet"
    summary = f"{len(differing)} of {len(rendered)} files differ from {against}."
    return Outcome(
        "render",
        summary,
        data={"against": release, "differing": differing, "diff": "\n".join(lines)},
        blocks=(Lines(tuple(lines), language="diff"),) if lines else (),
        next=("decodeat-ops deploy --dry-run",) if differing else (),
    )
