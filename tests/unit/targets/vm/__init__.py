"""Test the parts of the target for virtual machines."""
