"""Build the image and send it to its registry, for the command line."""

from collections.abc import Mapping
from typing import Any

from decodeat_ops.application.desk import Desk
from decodeat_ops.application.workflow import Change, carry_out, data
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.image import DIRTY, RemoteImage
from decodeat_ops.core.outcome import Facts, Outcome
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.target import Observed
from decodeat_ops.deployment import image
from decodeat_ops.engine.executor import Results
from decodeat_ops.operations import image as operation
from decodeat_ops.operations.image import BUILD, PUSH, Wanted


def build(desk: Desk, change: Change, *, allow_dirty: bool = False) -> Outcome:
    """Build the image in the engine; 0 changed when the engine has it."""

    def derive(observed: Observed[Any]) -> Plan | Outcome:
        wanted = _wanted(desk, allow_dirty)
        if desk.images().has(wanted.reference):
            summary = f"0 changed: the engine has {wanted.reference}, made of the same code and lock."
            return _built(str(wanted.reference), summary, {}, changed=0)
        return operation.plan_build(wanted, desk.deployment)

    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        done = int(results[BUILD]["built"])
        return _built(plan.subject, f"{plan.subject} is built.", data(plan, results), changed=done)

    return carry_out(desk, "build", derive, change, finish)


def _built(subject: str, summary: str, told: Mapping[str, Any], *, changed: int) -> Outcome:
    return Outcome(
        "build",
        summary,
        changed=changed,
        data={"image": subject, **told},
        warnings=_warnings(subject),
        next=("decodeat-ops push",),
    )


def push(desk: Desk, change: Change, *, allow_dirty: bool = False) -> Outcome:
    """Bring the image to its registry, built where the engine lacks it; 0 changed when the registry has it."""

    def derive(observed: Observed[Any]) -> Plan | Outcome:
        wanted = _wanted(desk, allow_dirty)
        reference, images = wanted.reference, desk.images()
        there = images.remote(reference)
        if there is not None:
            _require_platform(wanted, there)
            summary = f"0 changed: {reference.registry} has {reference}, made of the same code and lock."
            return _pushed(str(reference), summary, there.digest, reference.at(there.digest), {}, changed=0)
        return operation.plan_push(wanted, desk.deployment, built=images.has(reference))

    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        done = results[PUSH]
        summary = f"{plan.subject} is pushed." if done["pushed"] else f"0 changed: {plan.subject} was there meanwhile."
        told = data(plan, results)
        return _pushed(plan.subject, summary, done["digest"], done["reference"], told, changed=int(done["pushed"]))

    return carry_out(desk, "push", derive, change, finish)


def _pushed(
    subject: str, summary: str, digest: str, reference: str, told: Mapping[str, Any], *, changed: int
) -> Outcome:
    return Outcome(
        "push",
        summary,
        changed=changed,
        data={"image": subject, "digest": digest, "reference": reference, **told},
        blocks=(Facts((("deploy it as", (reference, "strong")),)),),
        warnings=_warnings(subject),
    )


def _wanted(desk: Desk, allow_dirty: bool) -> Wanted:
    """Return what the settings ask for. Raises `Configuration`, or `GateFailed` for changed code in production."""
    loaded = desk.loaded
    repository, recipe = desk.repository(), image.read(loaded)
    image.require_clean(recipe, loaded, allowed=allow_dirty)
    return Wanted(recipe, repository, loaded.settings.image.build_network)


def _require_platform(wanted: Wanted, there: RemoteImage) -> None:
    if not there.runs_on(wanted.recipe.platform):
        raise Configuration(
            f"{wanted.reference} is there for {', '.join(sorted(there.platforms))}, not for {wanted.recipe.platform}: "
            "somebody else pushed it.",
            hint="Delete the tag at the registry, or set image.repository to another one.",
            where="image.repository",
        )


def _warnings(subject: str) -> tuple[str, ...]:
    if not subject.endswith(DIRTY):
        return ()
    return ("It is made of files that differ from their commit; its tag and its label say so.",)
