"""Order the steps of a release's way into service, with gates and data between: one order for all targets and verbs."""

from collections.abc import Sequence

from decodeat_ops.core.check import NO_GATES, Gates
from decodeat_ops.core.plan import Action, Step
from decodeat_ops.core.target import Move, Steps


def ordered(move: Move, release: str, gates: Gates = NO_GATES, data: Steps = ()) -> Steps:
    """Return the steps of a move with the gates between its phases.

    `data` are the steps that fit the data to the release, while the old one still serves. Where a release runs nowhere
    before clients reach it, the candidate's gate joins the one after.
    """
    candidate, after = gates.candidate, gates.after
    if not move.start:
        candidate, after = (), (*candidate, *after)
    return (
        *move.prepare,
        *_gate("gate-pre", "Pre-deploy gate", gates.before, release, "none"),
        *move.clear,
        *data,
        *move.start,
        *_gate("gate-candidate", f"Candidate gate, on {move.private}", candidate, release, "private"),
        *move.admit,
        *_gate("gate-post", "Post-deploy gate", after, release, "public"),
        *move.retire,
    )


def _gate(step: str, title: str, checks: Sequence[str], release: str, endpoint: str) -> Steps:
    if not checks:
        return ()
    do = Action("gate", {"checks": list(checks), "release": release, "endpoint": endpoint})
    return (Step(id=step, title=title, do=do, preview=(", ".join(checks),)),)
