"""Plan a deploy: a new release beside the one that serves, ready and checked before it takes traffic."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Generic

from decodeat_ops.core.abilities import Joining
from decodeat_ops.core.check import NO_GATES, Gates
from decodeat_ops.core.data import Data
from decodeat_ops.core.migration import NO_DATA, Migration
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.release import Release, release_id
from decodeat_ops.core.target import CONFIGURATION, Candidate, Facts, Lack, O, Observed, R, Target
from decodeat_ops.operations import migrate
from decodeat_ops.operations.moving import ordered


@dataclass(frozen=True)
class Wanted(Generic[R]):
    """Describe what would be deployed, and by whom. `inputs` is the digest of what the plan is derived from.

    `differs` are facts about configuration and secrets.
    """

    candidate: Candidate[R]
    inputs: str
    by: str
    now: datetime
    migration: Migration = NO_DATA
    differs: Facts = ()


def unchanged(release: Release, observed: Observed[Any]) -> bool:
    """Return whether the same code, configuration and secrets are serving already."""
    active = observed.active
    return (
        active is not None
        and observed.serving
        and active.fingerprint == release.fingerprint
        and active.secrets == release.secrets
    )


def free_id(now: datetime, fingerprint: str, taken: frozenset[str]) -> str:
    """Return an unused id with a time stamp; two deploys within a second would otherwise share one."""
    stamps = {name[:16] for name in taken}
    while (name := release_id(now, fingerprint))[:16] in stamps:
        now += timedelta(seconds=1)
    return name


def plan(
    wanted: Wanted[R],
    observed: O,
    target: Target[R, O],
    data: Data[R],
    deployment: str,
    gates: Gates = NO_GATES,
) -> Plan:
    """Return the plan, from a release's preparation to retention; pure."""
    candidate = wanted.candidate
    name = free_id(wanted.now, candidate.release.fingerprint, observed.taken)
    release = replace(
        candidate.release,
        id=name,
        created_at=wanted.now.isoformat(timespec="seconds"),
        created_by=wanted.by,
        origin="deploy",
        data=observed.data or name,
        sequence=observed.next_sequence,
    )
    move = target.move(release, candidate.origin, observed)
    migration = migrate.plan(release, wanted.migration, observed, data)
    return Plan(
        verb="deploy",
        deployment=deployment,
        subject=name,
        steps=ordered(move, name, gates, migration),
        facts=(
            ("target", target.name),
            *_facts(release, observed, wanted.differs),
            *candidate.facts,
            *((("data", f"goes on with {observed.left}, which was left here"),) if observed.left else ()),
            *migrate.facts(wanted.migration, data.keeper),
        ),
        inputs=wanted.inputs,
        serves_now=observed.serves_now,
    )


def plan_lack(serving: str, lack: Lack, deployment: str, inputs: str) -> Plan:
    """Return the plan that only brings back what a release that serves already lacks beside it."""
    facts = (("serves now", serving), ("changed", f"nothing; {lack.says}"))
    return Plan("deploy", deployment, serving, lack.steps, facts, inputs, serving)


def plan_join(joining: Joining, deployment: str, inputs: str) -> Plan:
    """Return the plan that brings one host to the release that the others serve, which serves on all of them then."""
    name = joining.release.id
    return Plan("deploy", deployment, name, joining.steps, (("serves now", name), *joining.facts), inputs, name)


def _facts(release: Release, observed: Observed[Any], differs: Facts) -> Facts:
    old = observed.active
    same_code = old is not None and (old.code, old.lock) == (release.code, release.lock)
    configuration = any(name == CONFIGURATION for name, _ in differs) or (
        same_code and old is not None and old.fingerprint != release.fingerprint
    )
    changes = [
        what
        for what, before, after in (
            ("code", old.code if old else "", release.code),
            ("dependencies", old.lock if old else "", release.lock),
            ("configuration", False, configuration),
            ("secrets", old.secrets if old else "", release.secrets),
        )
        if before != after
    ]
    if old and not changes:
        changes = ["nothing; it was not serving"]
    first = "everything: what runs is no release of this deployment" if observed.stranger else "first deploy"
    return (
        ("serves now", observed.serves_now or "nothing"),
        ("will serve", release.id + (f" (revision {release.revision})" if release.revision else "")),
        ("changed", ", ".join(changes) if old else first),
        *differs,
    )
