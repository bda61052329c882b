"""Something outside did not do its part: for people, for counters, and for whoever may try again."""


class Failure(Exception):
    """`text` is for the client: it repeats neither addresses nor a library's words. `reason` is a word for counters.

    `transient` means that trying again may help, after `retry_after` seconds where the other side named a time.
    """

    def __init__(self, reason: str, text: str, *, transient: bool = False, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text
        self.transient = transient
        self.retry_after = retry_after
