"""Let a script print many things at once: a line `= NAME WORD...` begins each, its own lines begin with a space."""

from collections.abc import Sequence
from dataclasses import dataclass

BEGIN = """\
set -u
LC_ALL=C; export LC_ALL
say() { printf '= %s\\n' "$*"; }
told() { sed 's/^/ /'; echo; }
ask() {
  section=$1; shift
  out=$(timeout 20 "$@" 2>&1 </dev/null); status=$?
  say "$section $status"
  printf '%s\\n' "$out" | told
}
"""
END = "say end\n"


@dataclass(frozen=True)
class Section:
    """Hold what a script printed of one thing: its name, what stands beside it, and its lines."""

    name: str
    words: tuple[str, ...]
    lines: tuple[str, ...]

    @property
    def word(self) -> str:
        return self.words[0] if self.words else ""

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def failed(self) -> bool:
        """Return whether the command that a section tells of failed; its status is the first word."""
        return self.word != "0"


@dataclass(frozen=True)
class Sections:
    """Hold the sections of one answer in order. It is `whole` when the script came to its end."""

    all: tuple[Section, ...]

    @property
    def whole(self) -> bool:
        return bool(self.all) and self.all[-1].name == "end"

    def one(self, name: str, word: str = "") -> Section | None:
        """Return the first section of a name, with that first word if one is given."""
        return next((one for one in self.all if one.name == name and word in ("", one.word)), None)

    def text(self, name: str, word: str = "") -> str:
        found = self.one(name, word)
        return found.text.strip() if found else ""

    def named(self, name: str) -> Sequence[Section]:
        return [one for one in self.all if one.name == name]


def parse(text: str) -> Sections:
    """Parse what a script printed. What is in no section, such as a greeting of the machine, is left out."""
    found: list[tuple[list[str], list[str]]] = []
    for line in text.split("\n"):
        if line.startswith("= "):
            found.append((line[2:].split(), []))
        elif line.startswith(" ") and found:
            found[-1][1].append(line[1:])
    return Sections(tuple(Section(head[0], tuple(head[1:]), tuple(lines)) for head, lines in found if head))
