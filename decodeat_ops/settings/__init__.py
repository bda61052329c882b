"""Settings: what the operator wrote, checked, with its origin, and secret references resolved late."""
