"""Read Korean nutrition labels from pictures: the analysis service."""

__version__ = "0.1.0"
