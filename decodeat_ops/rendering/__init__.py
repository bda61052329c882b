"""Configuration from templates: Jinja2, undefined names refused."""

from decodeat_ops.rendering.templates import digest, render

__all__ = ["digest", "render"]
