"""One suite that every target passes, and the strict target in memory that passes it first."""
