"""What reads pictures and what understands their text; each engine behind the same two ports."""
