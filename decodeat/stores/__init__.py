"""Store what the service keeps: cached values, and results in a database."""
