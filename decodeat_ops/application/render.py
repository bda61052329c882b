"""Render what a deploy would write: show it, write it to a directory, or compare it with the current release."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from decodeat_ops.application.targets import open_view, this_machine
from decodeat_ops.core.abilities import Compared, Compares
from decodeat_ops.core.errors import Configuration, Usage
from decodeat_ops.core.outcome import Block, Cell, Lines, Outcome, Table
from decodeat_ops.core.view import View
from decodeat_ops.deployment import files as disk
from decodeat_ops.deployment import service_variables
from decodeat_ops.settings import trust
from decodeat_ops.settings.schema import Loaded


def render(loaded: Loaded, out: Path | None, diff: bool, against: Sequence[Path] = ()) -> Outcome:
    """Render the target's files, or compare them with the release that serves or with files `against` which they are.

    Raises `Configuration` when one doesn't render or would hold a secret, `Usage` for a file that can't be compared.
    """
    view = open_view(loaded)
    rendered = view.files("")
    service_variables.refuse_exposed(this_machine(), loaded, view.variables(None))
    if against and not isinstance(view, Compares):
        raise Usage(
            f"There is nothing written by hand to compare with on {loaded.settings.target}.",
            hint="--against is for files that --target ecs and --target vm replace.",
            where="--against",
        )
    if (diff or against) and isinstance(view, Compares):
        return _compared(view.compared(_read(against)))
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
    against = f"release {release}" if release else "nothing: there is no release yet"
    return _compared(Compared(against, {name: (known.get(name, ""), text) for name, text in rendered.items()}, release))


def _read(paths: Sequence[Path]) -> dict[str, str]:
    """Return the texts of files by name. Raises `Usage` for one that can't be read."""
    texts = {}
    for path in paths:
        try:
            texts[str(path)] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8 text"
            raise Usage(f"{path} can't be read: {why}.", hint="Check --against.", where=str(path)) from error
    return texts


def _compared(compared: Compared) -> Outcome:
    """Return the diff of all texts, and the mistakes of what is on its left side."""
    lines: list[str] = []
    differing = []
    for name, (old, new) in compared.texts.items():
        # No header when equal: an empty diff is an empty output.
        found = list(
            difflib.unified_diff(old.splitlines(), new.splitlines(), _left(compared, name), f"new/{name}", lineterm="")
        )
        if found:
            differing.append(name)
            lines += found
    told = [asdict(one) for one in compared.defects]
    count = f"{len(differing)} of {len(compared.texts)} files differ from {compared.against}."
    parts = [count] if compared.texts else []
    parts += [f"{len(told)} known mistakes in {compared.against} are corrected."] if told or not parts else []
    blocks: list[Block] = [Lines(tuple(lines), language="diff")] if lines else []
    return Outcome(
        "render",
        " ".join(parts),
        data={
            "against": compared.release,
            "compared_with": compared.against,
            "differing": differing,
            "diff": "\n".join(lines),
            **({"defects": told} if told else {}),
        },
        blocks=(*blocks, *_defects(compared)),
        next=("decodeat-ops deploy --dry-run",) if differing else (),
    )


def _left(compared: Compared, name: str) -> str:
    """Return the name of the left side of a diff: a release's file, a file written by hand, or nothing."""
    if compared.release:
        return f"{compared.release}/{name}"
    return f"nothing/{name}" if not compared.texts[name][0] else name


def _defects(compared: Compared) -> tuple[Block, ...]:
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (str(one.number), one.where, (one.found, "bad"), (one.instead, "good")) for one in compared.defects
    )
    return (Table(("#", "file", "there", "a deploy of ours"), rows, title="Known mistakes"),) if rows else ()
