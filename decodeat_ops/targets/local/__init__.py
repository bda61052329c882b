"""This machine as a target, without Docker, cloud or key."""
