"""Make text from outside (a request's path, an archive's manifest, a file's name) safe to show on a terminal."""

import re

# Control characters (C0 except tab and newline, DEL, C1), marks that change the direction of text, invisible
# characters, other line ends, halves of surrogate pairs (bytes of a name that is not UTF-8).
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """Escape what a terminal would obey or hide, in the way of JSON, so that a JSON line keeps its meaning."""
    return _UNSEEN.sub(_written_out, text)


def _written_out(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
