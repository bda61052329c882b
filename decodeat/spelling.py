"""Suggest the closest known name."""

from collections.abc import Collection

_SHORT = 5  # names up to this length resemble too many correct ones (HOST and HOME) to suggest anything


def closest(name: str, known: Collection[str]) -> str:
    """Return the known name that `name` looks like a misspelling of, "" when it looks like none."""
    upper = name.upper()
    long = [candidate for candidate in known if len(candidate) > _SHORT]
    for candidate in long:
        if upper == candidate or sorted(upper.split("_")) == sorted(candidate.split("_")):
            return candidate
    near = [(edits(upper, candidate), candidate) for candidate in long if abs(len(upper) - len(candidate)) <= 2]
    return next((c for distance, c in sorted(near) if distance <= (2 if len(c) > 8 else 1)), "")


def edits(left: str, right: str) -> int:
    """Count the insertions, deletions, replacements and swaps of neighbours between two words."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        earlier, before, row = before, row, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
    return row[-1]
