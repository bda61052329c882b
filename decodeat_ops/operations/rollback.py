"""Plan a rollback: an older release's code and settings with today's secrets and data."""

import difflib
from dataclasses import replace

from decodeat_ops.core.errors import Usage
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.release import Release, previous
from decodeat_ops.deployment.observed import Observed
from decodeat_ops.deployment.schema import Migration
from decodeat_ops.operations import migrate
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.local import steps


def choose(asked: str | None, observed: Observed) -> Release:
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


def plan(
    release: Release,
    observed: Observed,
    loaded: Loaded,
    gates: steps.Gates,
    *,
    lock_file: str,
    secrets: str,
    inputs: str,
    migration: Migration,
) -> Plan:
    """Return the plan of a rollback. `secrets` is the digest of today's secrets: a rotated key never comes back.

    The named release may also be a newer one: then the data is migrated to its schema.
    """
    current = observed.current
    data = current.data if current else release.data
    return Plan(
        verb="rollback",
        deployment=loaded.deployment,
        subject=release.id,
        steps=(
            steps.environment(release, lock_file),
            steps.share_data(release, data),
            *steps.going_live(
                replace(release, secrets=secrets),
                observed,
                loaded.settings,
                gates,
                data=migrate.plan(release, data, migration, observed),
                call_back=release.secrets == secrets,
            ),
        ),
        facts=(
            ("serves now", observed.active_id or "nothing"),
            ("goes back to", f"{release.id}, deployed {release.created_at} by {release.created_by}"),
            ("brings back", "code and settings; secrets are today's, data stays"),
            *migrate.facts(migration),
        ),
        inputs=inputs,
        serves_now=observed.active_id,
    )
