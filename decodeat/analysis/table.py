"""Turn tables with names side by side and amounts below them into rows: each amount beside its name."""

import re
from collections.abc import Iterator, Sequence

from decodeat.analysis import text
from decodeat.analysis.nutrients import BY_NAME, names_pattern

_LEAST = 2  # names side by side
_UNREAD, _LONGEST = 2, 7  # letters of an unread name
_SHARE = re.compile(r"\(?\d{1,3}%\)?")
_IN_BRACKETS = re.compile(r"\s*\([^()]*\)?")
_UNIT = re.compile(r"m?g|[0-9¢q&]|0[079][0-9]|\d9|0\d")
_LESS_THAN = re.compile(r"\s?미\s?만")
_GAPS = re.compile(r"(?<=\d)\s+(?=(?:m?[g¢]|%)(?![A-Za-z])|\S{1,2}\()")  # within a cell: before a unit


def rows(lines: Sequence[str]) -> list[str]:
    """Return the lines, with names and the amounts below them as rows; unchanged where they don't match."""
    return list(_turned([text.closed(line) for line in lines]))


def _turned(lines: list[str]) -> Iterator[str]:
    least = _LEAST
    while lines:
        names = _names(lines[0], least)
        amounts = _cells(lines[1]) if names and len(lines) > 1 else []
        if len(amounts) > len(names):
            amounts = _with_units(amounts)
        if not names or len(amounts) != len(names):
            least = _LEAST
            yield lines.pop(0)
            continue
        shares = _cells(lines[2]) if len(lines) > 2 and "%" not in lines[1] else []
        shares = shares if all(map(_SHARE.fullmatch, shares)) else []
        shared = [one for one in names if one is not None and BY_NAME[one[0]].daily is not None]
        by_name = dict(zip(shared, shares, strict=True)) if len(shared) == len(shares) else {}
        for one, amount in zip(names, amounts, strict=True):
            if one is not None:
                yield f"{one[1]} {amount} {by_name.get(one, '')}".rstrip()
        lines, least = lines[3 if by_name else 2 :], 1  # the last row of a table may have one name


def _names(line: str, least: int) -> list[tuple[str, str] | None]:
    """Return the nutrients of a line of little else, with the text read for each; None for an unread one."""
    names: list[tuple[str, str] | None] = []
    end = 0
    for one in names_pattern(close=True).finditer(line):
        names += _unread(line[end : one.start()])
        names.append((str(one.lastgroup), one.group()))
        end = one.end()
    names += _unread(line[end:])
    known = len(names) - names.count(None)
    return names if known >= max(least, 2 * names.count(None)) and not re.search(r"\d", line) else []


def _unread(between: str) -> list[None]:
    """Return one None for an unread name, many for a longer text, none for a shorter one (lines between cells)."""
    letters = len(re.sub(r"\W", "", between))
    return [None] if _UNREAD <= letters <= _LONGEST else [None] * 9 if letters > _LONGEST else []


def _cells(line: str) -> list[str]:
    """Return the cells of a line of amounts; none when it has words."""
    line = _LESS_THAN.sub("미만", line)
    if re.search("[가-힣]{2}", line.replace("미만", "")):
        return []
    whole = _GAPS.sub("", _IN_BRACKETS.sub(lambda found: f"{found.group().replace(' ', '')} ", line))
    return [cell.strip("|[]") for cell in whole.split() if re.search(r"\w", cell)]


def _with_units(cells: list[str]) -> list[str]:
    """Return the cells with separated units, misread ones included, joined to their amounts again."""
    joined: list[str] = []
    for cell in cells:
        if joined and _UNIT.fullmatch(cell) and joined[-1][-1:].isdecimal():
            joined[-1] += f" {cell}"
        else:
            joined.append(cell)
    return joined
