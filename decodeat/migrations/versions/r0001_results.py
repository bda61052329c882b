"""Results of analyses.

Exactly the table that releases before migrations made for themselves, in SQLite and with PRAGMA user_version = 1.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
reversible = True  # nothing is older
lossless = True  # for the same reason


def upgrade() -> None:
    op.create_table(
        "analysis_results",
        sa.Column("id", sa.Text, primary_key=True, nullable=True),  # SQLite's own reading of PRIMARY KEY
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")),
        sa.Column("image_url", sa.Text, nullable=False),
        sa.Column("product_name", sa.Text),
        sa.Column("nutrition_info", sa.Text),
        sa.Column("ingredients", sa.Text),
        sa.Column("decode_status", sa.Text, nullable=False),
        sa.Column("engine", sa.Text, nullable=False),
        sa.Column("release_id", sa.Text, nullable=False),
        sa.Column("duration_ms", sa.Integer, nullable=False),
        # ISO 8601 with +00:00 where there is no type for a moment.
        sa.Column("created_at", sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite"), nullable=False),
    )
    op.create_index("analysis_results_created_at", "analysis_results", ["created_at"])
    _say_format(1)


def downgrade() -> None:
    op.drop_table("analysis_results")
    _say_format(0)


def _say_format(number: int) -> None:
    """Releases before migrations look at this number alone, and refuse a newer one."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"PRAGMA user_version = {number}")
