"""The analysis service: reads Korean nutrition labels from pictures."""

__version__ = "0.1.0"
