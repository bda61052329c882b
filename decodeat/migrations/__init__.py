"""The steps from one form of the database to the next.

Each file in `versions/` is one step and says two things of itself, and why:

- `reversible`: every release made before it goes on reading and writing the migrated database, as if nothing had
  happened. A rollback may cross it with today's data.
- `lossless`: `downgrade()` brings the old form back with all that an older release knew. A deploy that fails after it
  is undone by it.
"""
