"""The one engine: lock, journal, carry out, undo, resume."""
