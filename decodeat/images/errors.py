"""Why a picture could not be had."""


class ImageRefused(Exception):
    """`reason` is a short word for metrics; the text is for people and repeats neither addresses nor library errors.

    `transient` means that trying again may help.
    """

    def __init__(self, reason: str, text: str, transient: bool = False) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text
        self.transient = transient
