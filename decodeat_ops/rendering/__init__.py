"""Render configuration from Jinja2 templates; undefined names are refused."""

from decodeat_ops.rendering.templates import digest, directory, render

__all__ = ["digest", "directory", "render"]
