"""Plan a rollback: an older release's code and settings with today's secrets and data."""

import difflib
from dataclasses import dataclass, replace
from typing import Generic

from decodeat_ops.core.check import NO_GATES, Gates
from decodeat_ops.core.data import Data
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.migration import NO_DATA, Migration
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.release import newest_served, previous
from decodeat_ops.core.target import Facts, O, Observed, Origin, R, Target
from decodeat_ops.operations import migrate
from decodeat_ops.operations.moving import ordered


def choose(asked: str | None, observed: Observed[R]) -> R:
    """Return the release to go back to: the one that `asked` names, else the newest one that has served before.

    That is an older one which serves still, else an older one of another version, or any where no release of this
    deployment is active. `asked` is an id, its beginning or its end. Raises `Usage` when no release, more than one or
    the serving one fits.
    """
    current = observed.current
    if current is None and not observed.releases:
        raise Usage("Nothing is deployed, so there is nothing to go back from.", hint="Run `decodeat-ops deploy`.")
    if asked:
        return _named(asked, observed)
    reached = observed.reached
    if current is not None and reached is not None and reached.order < current.order:
        return reached  # what was deployed last does not serve yet
    chosen = previous(current, observed.releases) if current else newest_served(observed.releases)
    if chosen is not None:
        return chosen
    others = [one for one in observed.releases if current is None or one.id != current.id]
    what = f"There is no older release than {current.id} to go back to." if current else ""
    if any(not one.served for one in others):
        older = f"older release than {current.id}" if current else "release here"
        what = f"There is no {older} that has served, so there is nothing to go back to."
    raise Usage(
        what,
        hint="See `decodeat-ops releases`; any of them can be named: `decodeat-ops rollback RELEASE`."
        if others
        else "It is the only one in `decodeat-ops releases`; the next deploy keeps it to go back to.",
    )


def _named(asked: str, observed: Observed[R]) -> R:
    names = [r.id for r in observed.releases]
    matching = [r for r in observed.releases if r.id == asked or r.id.startswith(asked) or r.id.endswith(asked)]
    if len(matching) == 1 and matching[0].id != observed.active_id:
        return matching[0]
    if len(matching) == 1:
        serves = observed.reached is not None and observed.reached.id == observed.active_id
        what = "is the one that serves" if serves else "is the one that was deployed last, and does not serve yet"
        raise Usage(f"Release {matching[0].id} {what}.", hint="See `decodeat-ops releases`.")
    near = difflib.get_close_matches(asked, names, n=1, cutoff=0.5)
    raise Usage(
        f"There is {'no' if not matching else 'more than one'} release {asked}.",
        hint=f"Did you mean {near[0]}?" if near else f"Kept are: {', '.join(names)}.",
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
            ("serves now", observed.serves_now or "nothing"),
            ("goes back to", f"{release.id}, deployed {release.created_at} by {release.created_by}"),
            ("brings back", "code and settings; secrets are today's, data stays"),
            *migrate.facts(migration, data.keeper),
            *wanted.differs,
        ),
        inputs=wanted.inputs,
        serves_now=observed.serves_now,
    )
