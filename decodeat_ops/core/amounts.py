"""Say amounts of bytes for people."""


def size(amount: int) -> str:
    """Return an amount of bytes: 512 kB, 1.2 MB, 120 MB."""
    if amount < 10**5:
        return f"{amount / 1e3:.0f} kB"
    return f"{amount / 1e6:.{_digits(amount)}f} MB"


def megabytes(done: int, total: int) -> str:
    """Return how much of an amount is done: 1.2 of 5.9 MB, 120 of 480 MB."""
    digits = _digits(total)
    return f"{min(done, total) / 1e6:.{digits}f} of {total / 1e6:.{digits}f} MB"


def _digits(amount: int) -> int:
    return 1 if amount < 10**7 else 0
