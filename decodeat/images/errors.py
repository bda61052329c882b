"""Define the error for a picture that can't be fetched or read."""

from decodeat.failure import Failure


class ImageRefused(Failure):
    """Report that a picture was not fetched, or is none that can be read."""
