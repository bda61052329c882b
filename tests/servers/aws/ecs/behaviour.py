"""Decide how tasks of a task definition behave: the test's part in a rollout."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Document = dict[str, Any]


@dataclass(frozen=True)
class Behaviour:
    """Say how the tasks of a service behave, and what they write to their log at the start.

    "good": they run and serve. "crashes": the container ends with `exit_code`. "unhealthy": it runs and its health
    check never succeeds. "unplaced": Fargate has no room for it, which counts as no failure. `reports` is the release
    that it says it is, when that is not its own. A dead one is `silent`: it runs, and answers nothing.
    """

    kind: Literal["good", "crashes", "unhealthy", "unplaced"] = "good"
    exit_code: int = 1
    lines: tuple[str, ...] = ()
    reports: str = ""
    silent: bool = False


@dataclass(frozen=True)
class Ended:
    """Say how a one-off task ends: its exit code (None: it never ends), and what it writes."""

    exit_code: int | None = 0
    lines: tuple[str, ...] = ()
    looks: int = 2  # how often it is described before it has ended


GOOD = Behaviour()
Behaves = Callable[[Document], Behaviour]
Runs = Callable[[Document, list[str]], Ended]


def environment(document: Document) -> dict[str, str]:
    """Return the plain variables of a task definition's first container."""
    return {one["name"]: one["value"] for one in document["containerDefinitions"][0].get("environment", ())}


def release(document: Document) -> str:
    """Return the release that a task definition says it is."""
    return environment(document).get("RELEASE_ID", "")
