"""Tokens that a model was paid for.

Releases before it insert without naming columns, which SQLite refuses once there are more. They look at PRAGMA
user_version and stop at 2: such a release is found unready, instead of losing what it should store.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
reversible = False  # see above
lossless = True  # only what no older release knew goes again

COLUMNS = ("input_tokens", "output_tokens")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("analysis_results", sa.Column(name, sa.Integer, nullable=False, server_default="0"))
    _say_format(2)


def downgrade() -> None:
    for name in reversed(COLUMNS):
        op.drop_column("analysis_results", name)
    _say_format(1)


def _say_format(number: int) -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"PRAGMA user_version = {number}")
