"""Read texts line by line: what is a comment, what belongs to what."""

from collections.abc import Iterator


def code(text: str, *, joined: bool = False) -> str:
    """Return a text without its comment lines; with `joined` a line that ends in a backslash goes on in the next."""
    whole = text.replace("\\\n", " ") if joined else text
    return "\n".join(line for line in whole.splitlines() if not line.lstrip().startswith("#"))


def below(text: str, key: str) -> Iterator[tuple[str, str]]:
    """Yield the names one level below a key of YAML, each with its own lines. The text has no tabs."""
    lines, start = text.splitlines(), -1
    for number, line in enumerate(lines):
        if line.rstrip() == f"{key}:":
            start = number + 1
            break
    if start < 0:
        return
    name, held, depth = "", list[str](), 0
    for line in lines[start:]:
        indent = len(line) - len(line.lstrip())
        if line.strip() and indent == 0:
            break
        depth = depth or indent
        if line.strip() and indent == depth and line.rstrip().endswith(":"):
            if name:
                yield name, "\n".join(held)
            name, held = line.strip().rstrip(":"), []
        else:
            held.append(line)
    if name:
        yield name, "\n".join(held)
