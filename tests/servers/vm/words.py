"""Read the words of a docker command as strictly as Docker does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class Refused(Exception):
    """Hold what Docker answers in place of doing something, and the status that it ends with."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.text, self.status = text, status


def daemon(text: str, status: int = 1) -> Refused:
    """Return what the engine itself answers."""
    return Refused(f"Error response from daemon: {text}", status)


@dataclass(frozen=True)
class Grammar:
    """Hold the options of a command: flags, those with a value, and how many words may come after them.

    With `ends` the options end at the first other word, which begins the command of a container.
    """

    flags: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    least: int = 0
    most: int = 99
    ends: bool = False
    usage: str = ""


@dataclass
class Words:
    """Hold what was given. An option is known by the last of its names; one that was given twice has both values."""

    command: str
    flags: set[str] = field(default_factory=set)
    values: dict[str, list[str]] = field(default_factory=dict)
    rest: list[str] = field(default_factory=list)

    def one(self, name: str, default: str = "") -> str:
        return self.values.get(name, [default])[-1]

    def all(self, name: str) -> list[str]:
        return self.values.get(name, [])


def _names(known: Sequence[str]) -> Mapping[str, str]:
    """Return the name that each spelling stands for: "-f --force" are two of one."""
    return {spelling: one.split()[-1] for one in known for spelling in one.split()}


def read(command: str, given: Sequence[str], grammar: Grammar) -> Words:
    """Return the words of a command. Raises `Refused`."""
    flags, values, words = _names(grammar.flags), _names(grammar.values), Words(command)
    waiting = list(given)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            words.rest += waiting
            break
        if not word.startswith("-") or word == "-":
            words.rest.append(word)
            if grammar.ends:
                words.rest += waiting
                break
            continue
        name, equals, value = word.partition("=")
        if name in values:
            if not equals and not waiting:
                raise _usage(command, f"flag needs an argument: {name}")
            words.values.setdefault(values[name], []).append(value if equals else waiting.pop(0))
        elif name in flags:
            if value not in {"", "true"}:
                raise _usage(command, f"{word} is not given here")
            words.flags.add(flags[name])
        elif not word.startswith("--") and len(word) > 2 and f"-{word[1]}" in flags:
            waiting[:0] = [f"-{word[1]}", f"-{word[2:]}"]
        elif not word.startswith("--") and len(word) > 2 and f"-{word[1]}" in values:
            waiting[:0] = [f"-{word[1]}", word[2:]]
        else:
            kind = "unknown flag" if word.startswith("--") else "unknown shorthand flag"
            raise _usage(command, f"{kind}: {name}")
    if not grammar.least <= len(words.rest) <= grammar.most:
        raise Refused(f"docker: '{command}' got {len(words.rest)} arguments: {words.rest}\n\nUsage:  {command}")
    return words


def _usage(command: str, text: str) -> Refused:
    return Refused(f"{text}\n\nUsage:  {command} [OPTIONS]\n\nRun '{command} --help' for more information", 125)
