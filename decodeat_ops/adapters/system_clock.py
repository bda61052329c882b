"""Wait by the operating system's own clock."""

import time


class SystemClock:
    """Tell time by the monotonic clock, which nobody sets."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
