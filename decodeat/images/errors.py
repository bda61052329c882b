"""Why a picture could not be had."""

from decodeat.failure import Failure


class ImageRefused(Failure):
    """A picture was not fetched, or is none that can be read."""
