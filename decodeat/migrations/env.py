"""Alembic's own entry: it migrates the connection it is handed, inside the transaction that is open there."""

from alembic import context

# The version table is part of the same transaction: a step that fails halfway leaves no trace of itself. (Alembic
# believes that SQLite can't do that. It can, once the driver is kept from committing by itself.)
context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
