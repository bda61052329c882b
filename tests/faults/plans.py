"""The steps of each verb, taken from the plans themselves: a new step has its cases as soon as it exists."""

from decodeat_ops.core.plan import Plan
from decodeat_ops.deployment.schema import Migration
from decodeat_ops.operations import backup, deploy, restore, rollback
from decodeat_ops.wiring.local import gates
from tests.unit.operations import test_plans as releases
from tests.unit.operations import test_restore as archived

NEWER, OLDER = releases.release(2), releases.release(1)
SERVING = releases.observed(NEWER, OLDER)
AT_HEAD = Migration("0003")


def _deploy(migration: Migration) -> Plan:
    return deploy.plan(releases.candidate(migration=migration), SERVING, archived.LOADED, gates())


def _rollback() -> Plan:
    return rollback.plan(
        OLDER, SERVING, archived.LOADED, gates(), lock_file="/lock", secrets="5ec7", inputs="", migration=AT_HEAD
    )


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
    return restore.plan(wanted, archived.observed(archived.SERVES), archived.LOADED, gates(), archived.LAYOUT)


def _ids(plan: Plan) -> tuple[str, ...]:
    return tuple(step.id for step in plan.steps)


# Where two releases are there, the newer one serves, and the schema stays as it is.
STEPS = {
    "deploy": _ids(_deploy(AT_HEAD)),
    "rollback": _ids(_rollback()),
    "backup": _ids(backup.plan(archived.BEFORE, NEWER, archived.LOADED, "/backups")),
    "restore": _ids(_restore()),
}
_BREAKING = _ids(_deploy(Migration("0003", (releases.BREAKS,), archived.BEFORE)))
# What a deploy does besides when it brings a migration that can't be reversed, and the two steps that it changes.
MIGRATING = tuple(step for step in _BREAKING if step not in STEPS["deploy"] or step in {"migrate", "start"})
