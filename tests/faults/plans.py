"""List the steps of each verb from the plans themselves, so that a new step gets its test cases at once."""

from decodeat_ops.checks.lists import GATES
from decodeat_ops.core.migration import Migration
from decodeat_ops.core.plan import Plan
from decodeat_ops.operations import backup, deploy, restore, rollback
from tests.unit.operations import test_plans as releases
from tests.unit.operations import test_restore as archived

NEWER, OLDER = releases.release(2), releases.release(1)
SERVING = releases.observed(NEWER, OLDER)
AT_HEAD = Migration("0003")
HERE, DATA, DEPLOYMENT = archived.HERE, archived.DATA, archived.LOADED.deployment


def _deploy(migration: Migration) -> Plan:
    return deploy.plan(releases.candidate(migration=migration), SERVING, HERE, DATA, DEPLOYMENT, GATES)


def _rollback() -> Plan:
    wanted = rollback.Wanted(OLDER, secrets="5ec7", inputs="", migration=AT_HEAD)
    return rollback.plan(wanted, SERVING, HERE, DATA, DEPLOYMENT, GATES)


def _restore() -> Plan:
    wanted = restore.Wanted(
        archive=archived.ARCHIVE,
        manifest=archived.MANIFEST,
        parts=restore.USUAL,
        release=archived.NEW,
        original=None,
        before=archived.BEFORE,
        migration=AT_HEAD,
    )
    return restore.plan(wanted, archived.observed(archived.SERVES), HERE, DATA, DEPLOYMENT, GATES)


def _ids(plan: Plan) -> tuple[str, ...]:
    return tuple(step.id for step in plan.steps)


# For two releases of which the newer one serves, and an unchanged schema.
STEPS = {
    "deploy": _ids(_deploy(AT_HEAD)),
    "rollback": _ids(_rollback()),
    "backup": _ids(backup.plan(archived.BEFORE, NEWER, DATA, DEPLOYMENT)),
    "restore": _ids(_restore()),
}
_BREAKING = _ids(_deploy(Migration("0003", (releases.BREAKS,), archived.BEFORE)))
# A deploy's additional steps for a migration that can't be reversed, and the two steps that it changes.
MIGRATING = tuple(step for step in _BREAKING if step not in STEPS["deploy"] or step in {"migrate", "start"})
