"""The process that owns the listening socket and keeps releases running; standard library only."""
