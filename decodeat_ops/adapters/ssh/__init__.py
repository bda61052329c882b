"""Connect to machines over SSH."""
