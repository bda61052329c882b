"""Plan a deploy: a new release beside the one that serves, ready and checked before it takes traffic."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from decodeat_ops.core.plan import Plan, Step
from decodeat_ops.core.release import Release, release_id
from decodeat_ops.deployment.observed import Observed
from decodeat_ops.deployment.schema import NO_DATA, Migration
from decodeat_ops.deployment.source import LOCK_NAME, Source
from decodeat_ops.operations import migrate
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.local import steps


@dataclass(frozen=True)
class Candidate:
    """Describe what would be deployed, and by whom; `secrets` is the digest of the secrets it would start with."""

    source: Source
    fingerprint: str
    secrets: str
    inputs: str
    revision: str
    by: str
    now: datetime
    migration: Migration = NO_DATA
    differs: tuple[tuple[str, str], ...] = ()  # facts about configuration and secrets


def unchanged(candidate: Candidate, observed: Observed) -> bool:
    """Return whether the same code, configuration and secrets are serving already."""
    active = observed.active
    return (
        active is not None
        and observed.serving
        and active.fingerprint == candidate.fingerprint
        and active.secrets == candidate.secrets
    )


def free_id(now: datetime, fingerprint: str, taken: frozenset[str]) -> str:
    """Return an unused id with a time stamp; two deploys within a second would otherwise share one."""
    stamps = {name[:16] for name in taken}
    while (name := release_id(now, fingerprint))[:16] in stamps:
        now += timedelta(seconds=1)
    return name


def plan(
    candidate: Candidate, observed: Observed, loaded: Loaded, gates: steps.Gates, boot: Step | None = None
) -> Plan:
    """Return the plan, from the Python environment to retention and `boot`, the start after a reboot; pure."""
    settings = loaded.settings
    name = free_id(candidate.now, candidate.fingerprint, observed.taken)
    release = Release(
        id=name,
        fingerprint=candidate.fingerprint,
        code=candidate.source.code,
        lock=candidate.source.lock,
        secrets=candidate.secrets,
        revision=candidate.revision,
        created_at=candidate.now.isoformat(timespec="seconds"),
        created_by=candidate.by,
        origin="deploy",
        host=settings.local.host,
        port=settings.local.port,
        data=observed.current.data if observed.current else observed.left or name,
        sequence=observed.next_sequence,
    )
    package = str(candidate.source.package)
    data = migrate.plan(release, release.data, candidate.migration, observed)
    return Plan(
        verb="deploy",
        deployment=loaded.deployment,
        subject=name,
        steps=(
            steps.environment(release, f"{package}/{LOCK_NAME}"),
            steps.stage(release, package),
            *((steps.gate("gate-pre", "Pre-deploy gate", gates.before, release, "none"),) if gates.before else ()),
            *steps.going_live(release, observed, settings, gates, data=data),
            *((boot,) if boot else ()),
        ),
        facts=(*_facts(release, observed, candidate.differs), *migrate.facts(candidate.migration)),
        inputs=candidate.inputs,
        serves_now=observed.active_id,
    )


def plan_boot(serving: str, boot: Step, loaded: Loaded, inputs: str) -> Plan:
    """Return the plan that only restores the start after a reboot, for a release that serves already."""
    facts = (("serves now", serving), ("changed", "nothing; it would not start after a reboot"))
    return Plan("deploy", loaded.deployment, serving, (boot,), facts, inputs, serving)


def _facts(release: Release, observed: Observed, differs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    old = observed.active
    told = dict(differs)
    same_code = old is not None and (old.code, old.lock) == (release.code, release.lock)
    configuration = "configuration" in told or (
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
    data = (("data", f"goes on with {observed.left}, which was left here"),) if observed.left else ()
    return (
        ("target", "local, this machine"),
        ("serves now", observed.active_id or "nothing"),
        ("will serve", release.id + (f" (revision {release.revision})" if release.revision else "")),
        ("changed", ", ".join(changes) if old else "first deploy"),
        *differs,
        ("listens on", f"{release.host}:{release.port}"),
        *data,
    )
