"""Write and read journals: JSON lines of what was planned, begun, done and undone, in space taken beforehand."""

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from decodeat_ops.core.errors import Configuration, StepFailed
from decodeat_ops.core.plan import Plan, plan_from_json
from decodeat_ops.core.progress import Progress

FORMAT = 1
KEPT = 200  # journals of changes that have ended; at one or two backups a day about four months
TAIL = 1024  # bytes; the record of an end takes about 80
SPACE = 256 * 1024  # bytes; a plan of twenty steps, done, undone and resumed several times, takes about 40 KiB

_NUMBERED = re.compile(r"n(\d{8})-")


class Journal:
    """Append to the journal of one change. Each record is on disk before the call returns."""

    def __init__(self, path: Path, descriptor: int, offset: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._offset = offset

    @property
    def name(self) -> str:
        return str(self.path)

    @classmethod
    def begin(cls, directory: Path, plan: Plan) -> "Journal":
        """Take the journal's space and write the plan. Raises `StepFailed` when that fails: nothing has begun."""
        path = next_path(directory, plan.verb)
        partial = path.with_suffix(".partial")
        try:
            directory.mkdir(exist_ok=True, mode=0o700)
            _retire(directory)
            descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, SPACE)
                journal = cls(path, descriptor, 0)
                journal._append(header(plan))
                partial.rename(path)  # a journal exists with its plan or not at all
                _sync_directory(directory)
            except OSError:
                os.close(descriptor)
                raise
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink()
            raise StepFailed(
                f"The journal could not be written: {error.strerror} ({directory}).",
                hint="Free some space there and run the command again.",
            ) from error
        return journal

    @classmethod
    def reopen(cls, path: Path) -> "Journal":
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        used = len(used_of(path.read_bytes()))
        return cls(path, descriptor, used)

    def step(self, record: str, step: str, **facts: Any) -> None:
        self._append({"record": record, "step": step, **facts})

    def end(self, how: str) -> None:
        """Write how the change ended ("done", "undone", "done in part"), free the unused space and close the file."""
        self._append({"record": "end", "how": how})
        os.ftruncate(self._descriptor, self._offset)
        os.close(self._descriptor)

    def close(self) -> None:
        """Close the file and leave the journal without an end, for `resume`."""
        os.close(self._descriptor)

    def _append(self, record: Mapping[str, Any]) -> None:
        line = line_of(record)
        os.pwrite(self._descriptor, line, self._offset)
        os.fdatasync(self._descriptor)
        self._offset += len(line)


def header(plan: Plan) -> Mapping[str, Any]:
    """Return the first record of a journal."""
    return {"record": "plan", "format": FORMAT, "plan": plan.as_json()}


def line_of(record: Mapping[str, Any]) -> bytes:
    """Return a record as the line that a journal gets, with the time and the line break."""
    stamped = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **record}
    # Bytes of a path that is not UTF-8 are written as JSON escapes, and read back as they were.
    return json.dumps(stamped, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _retire(directory: Path) -> None:
    """Remove the oldest journals beyond `KEPT`, and those without a whole plan; keep open and unreadable ones."""
    for partial in directory.glob("*.partial"):
        with contextlib.suppress(OSError):
            partial.unlink()
    for path in sorted(directory.glob("*.jsonl"))[: -KEPT + 1]:
        with contextlib.suppress(OSError, Configuration):  # an old journal must not block a new change
            if read(path).ended:
                path.unlink()


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def used_of(data: bytes) -> bytes:
    """Return the records without the space behind them and without a torn last line (power loss)."""
    return data.rstrip(b"\0").rpartition(b"\n")[0] + b"\n" if b"\n" in data else b""


def records(path: Path) -> Iterator[dict[str, Any]]:
    yield from _records(path.read_bytes())


def _records(data: bytes) -> Iterator[dict[str, Any]]:
    for line in used_of(data).splitlines():
        yield json.loads(line)


def read(path: Path) -> Progress:
    """Read a journal. Raises `Configuration` when it is damaged, empty or written by a newer version."""
    return progress_of(path.read_bytes(), str(path))


def progress_of(data: bytes, path: str) -> Progress:
    """Read the content of a journal; `path` names it. Raises what `read` raises."""
    progress: Progress | None = None
    line = 1
    try:
        for record in _records(data):
            if progress is None:
                if record.get("format", 0) > FORMAT:
                    raise Configuration(
                        f"The journal {path.rpartition('/')[2]} was written by a newer version of decodeat-ops "
                        f"(format {record['format']}, this one knows {FORMAT}).",
                        hint="Use that version, or a later one, to go on.",
                        where=path,
                    )
                progress = Progress(plan_from_json(record["plan"]))
            else:
                _note(progress, record)
            line += 1
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Configuration(
            f"The journal {path} is damaged: line {line} is no record of ours.",
            hint="It can still be read; move it out of that directory once you know that its operation is settled.",
            where=f"{path}:{line}",
        ) from error
    if progress is None:
        raise Configuration(f"The journal {path} is empty.", hint="Remove it: its operation never began.", where=path)
    return progress


def _note(progress: Progress, record: Mapping[str, Any]) -> None:
    if record.get("step") and record["step"] not in {step.id for step in progress.plan.steps}:
        raise ValueError("a step that is not in the plan")
    match record["record"]:
        case "begun":
            step = record["step"]
            if step not in progress.begun:
                progress.begun.append(step)
            progress.undone = [s for s in progress.undone if s != step]
        case "done":
            progress.done[record["step"]] = dict(record["results"])
        case "undoing":
            progress.undoing = True
        case "undone":
            progress.undone.append(record["step"])
            progress.done.pop(record["step"], None)
        case "end":
            progress.ended = record["how"]


def ordered(directory: Path) -> list[Path]:
    """Return every journal, oldest first, by number: setting the clock doesn't change their order.

    Names of earlier versions begin with a time; those that begin with n and a number sort after them.
    """
    return sorted(directory.glob("*.jsonl"))


def next_path(directory: Path, what: str) -> Path:
    """Return the path of a new journal or record; its number sorts it last, whatever the clock says."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    number = max((_number(path) for path in directory.glob("*.jsonl")), default=0) + 1
    return directory / f"n{number:08}-{stamp}-{what}.jsonl"


def _number(path: Path) -> int:
    """Return the number that a journal's name begins with, 0 when it has none."""
    match = _NUMBERED.match(path.name)
    return int(match[1]) if match else 0


def unfinished(directory: Path) -> Path | None:
    """Return the journal that was left open, None if all have ended. The lock excludes a second open one."""
    return next((path for path in reversed(ordered(directory)) if not _ended(path)), None)


def _ended(path: Path) -> bool:
    """Return whether a journal has ended. Reads all of it only when its last record is no end."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - TAIL))
            last = used_of(stream.read()).splitlines()[-1:]
        if last and b'"record": "end"' in last[0] and json.loads(last[0]).get("record") == "end":
            return True
        return bool(read(path).ended)
    except FileNotFoundError:
        return True  # deleted meanwhile with its deployment
    except ValueError:
        return bool(read(path).ended)
