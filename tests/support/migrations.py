"""Copies of the service as it was before the database had steps, and as a later release would have it."""

import shutil
import textwrap
from pathlib import Path

REVISION = '''\
"""{title}."""

import time

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"
reversible = {reversible}
lossless = {lossless}


def upgrade() -> None:
{upgrade}


def downgrade() -> None:
{downgrade}
'''

# A column that older releases need not know, for they name theirs.
ADDS = 'op.add_column("analysis_results", sa.Column("{name}", sa.Text))'
DROPS = 'op.drop_column("analysis_results", "{name}")'


def add_revision(
    package: Path,
    revision: str = "0003",
    *,
    upgrade: str = ADDS.format(name="later"),
    downgrade: str = DROPS.format(name="later"),
    reversible: bool = True,
    lossless: bool = True,
) -> None:
    """Make `revision` the one that the copy in `package` (a directory decodeat/) needs."""
    before = f"{int(revision) - 1:04}"
    text = REVISION.format(
        title="What a later release needs",
        revision=revision,
        before=before,
        reversible=reversible,
        lossless=lossless,
        upgrade=textwrap.indent(textwrap.dedent(upgrade), "    "),
        downgrade=textwrap.indent(textwrap.dedent(downgrade), "    "),
    )
    (package / "migrations" / "versions" / f"r{revision}_later.py").write_text(text)
    tables = package / "stores" / "tables.py"
    changed = tables.read_text().replace(f'REVISION = "{before}"', f'REVISION = "{revision}"')
    assert f'REVISION = "{revision}"' in changed
    tables.write_text(changed)


def before_migrations(package: Path) -> None:
    """Make the copy in `package` one of the releases that knew SQLite alone, and one form of it."""
    shutil.rmtree(package / "migrations")
    store = Path(__file__).parent / "store_before_migrations.py"
    (package / "stores" / "results.py").write_text(store.read_text())
