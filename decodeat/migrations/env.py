"""Run migrations for Alembic, on the connection that it is given and inside the transaction that is open there."""

from alembic import context

# The version table is part of the same transaction: a migration that fails halfway leaves no trace. (Alembic assumes
# that SQLite can't do that. It can, once the driver is kept from committing by itself.)
context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
