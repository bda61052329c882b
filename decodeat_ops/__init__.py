"""Deploy, back up and restore the decodeat analysis service: the operator's command line."""

__version__ = "0.1.0"
