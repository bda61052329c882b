"""Migrate the database from one schema to the next.

Each file in `versions/` is one migration, and states two properties with their reasons:

- `reversible`: every release made before it can still read and write the migrated database as before. A rollback may
  cross it with today's data.
- `lossless`: `downgrade()` restores the old schema with all data that an older release knew. A deploy that fails after
  the migration is undone with it.
"""
