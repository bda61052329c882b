"""Test the parts of the ECS target, each alone."""
