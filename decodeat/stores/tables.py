"""Define the table of results as this release reads and writes it; `decodeat/migrations` has the steps to it."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Dialect, Index, Integer, MetaData, Table, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

REVISION = "0002"  # the schema that this release needs

metadata = MetaData()


class Moment(TypeDecorator[datetime]):
    """Store a moment in UTC. SQLite has no type for it, but keeps ISO 8601 text in milliseconds, which sorts alike."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).isoformat(timespec="milliseconds")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(UTC)


results = Table(
    "analysis_results",
    metadata,
    Column("id", Text, primary_key=True),
    Column("product_id", BigInteger().with_variant(Integer(), "sqlite")),
    Column("image_url", Text, nullable=False),  # one a line, without query strings
    Column("product_name", Text),
    Column("nutrition_info", Text),  # JSON
    Column("ingredients", Text),  # JSON
    Column("decode_status", Text, nullable=False),
    Column("engine", Text, nullable=False),
    Column("release_id", Text, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("input_tokens", Integer, nullable=False, server_default="0"),
    Column("output_tokens", Integer, nullable=False, server_default="0"),
    Index("analysis_results_created_at", "created_at"),
)
