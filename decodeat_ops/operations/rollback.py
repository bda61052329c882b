"""Plan a rollback: an older release's code and settings with today's secrets and data."""

import difflib
from dataclasses import dataclass, replace
from typing import Generic

from decodeat_ops.core.check import NO_GATES, Gates
from decodeat_ops.core.data import Data
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.migration import NO_DATA, Migration
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.release import previous
from decodeat_ops.core.target import Facts, O, Observed, Origin, R, Target
from decodeat_ops.operations import migrate
from decodeat_ops.operations.moving import ordered


def choose(asked: str | None, observed: Observed[R]) -> R:
    """Return the release to go back to: the one that `asked` names, else the newest older one of another version.

    `asked` is an id, its beginning or its end. Raises `Usage` when no release, more than one or the serving one fits.
    """
    current = observed.current
    names = [r.id for r in observed.releases]
    if current is None:
        raise Usage("Nothing is deployed, so there is nothing to go back from.", hint="Run `decodeat-ops deploy`.")
    if asked:
        matching = [r for r in observed.releases if r.id == asked or r.id.startswith(asked) or r.id.endswith(asked)]
        if len(matching) == 1 and matching[0].id != observed.active_id:
            return matching[0]
        if len(matching) == 1:
            raise Usage(f"Release {matching[0].id} is the one that serves.", hint="See `decodeat-ops releases`.")
        near = difflib.get_close_matches(asked, names, n=1, cutoff=0.5)
        raise Usage(
            f"There is {'no' if not matching else 'more than one'} release {asked}.",
            hint=f"Did you mean {near[0]}?" if near else f"Kept are: {', '.join(names)}.",
        )
    if older := previous(current, observed.releases):
        return older
    raise Usage(
        f"There is no older release than {current.id} to go back to.",
        hint="See `decodeat-ops releases`; any of them can be named: `decodeat-ops rollback RELEASE`."
        if len(names) > 1
        else "It is the only one in `decodeat-ops releases`; the next deploy keeps it to go back to.",
    )


@dataclass(frozen=True)
class Wanted(Generic[R]):
    """Describe a rollback: to which release, and the digest of today's secrets, since a rotated key never comes back.

    `inputs` is the digest of what the plan is derived from. `differs` are facts about configuration and secrets.
    """

    release: R
    secrets: str
    inputs: str
    migration: Migration = NO_DATA
    differs: Facts = ()


def plan(
    wanted: Wanted[R],
    observed: O,
    target: Target[R, O],
    data: Data[R],
    deployment: str,
    gates: Gates = NO_GATES,
) -> Plan:
    """Return the plan of a rollback.

    The named release may also be a newer one: then the data is migrated to its schema.
    """
    release, migration = wanted.release, wanted.migration
    current = observed.current
    today = replace(release, secrets=wanted.secrets, data=current.data if current else release.data)
    move = target.move(today, Origin("kept", of=release), observed)
    return Plan(
        verb="rollback",
        deployment=deployment,
        subject=release.id,
        steps=ordered(move, release.id, replace(gates, before=()), migrate.plan(today, migration, observed, data)),
        facts=(
            ("serves now", observed.active_id or "nothing"),
            ("goes back to", f"{release.id}, deployed {release.created_at} by {release.created_by}"),
            ("brings back", "code and settings; secrets are today's, data stays"),
            *migrate.facts(migration, data.keeper),
            *wanted.differs,
        ),
        inputs=wanted.inputs,
        serves_now=observed.active_id,
    )
