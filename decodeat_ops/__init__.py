"""Operator CLI for deploy, backup and restore of the decodeat analysis service."""

__version__ = "0.1.0"
