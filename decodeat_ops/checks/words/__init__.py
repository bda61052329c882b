"""Put checks and their findings into words, in English and Korean, from one table by id."""

from collections.abc import Mapping
from typing import Any, Literal

from decodeat_ops.checks.words import after, before, ecs, items, machine, vm
from decodeat_ops.core.check import Finding
from decodeat_ops.core.names import joined

Language = Literal["en", "ko"]
LANGUAGES: tuple[Language, ...] = ("en", "ko")
Table = Mapping[str, tuple[str, str]]


TABLE: Table = joined(items.WORDS, before.WORDS, after.WORDS, machine.WORDS, ecs.WORDS, vm.WORDS)


def text(name: str, lang: Language = "en") -> str:
    """Return the words of an id. Raises KeyError when the table lacks it, which a test rules out."""
    return TABLE[name][LANGUAGES.index(lang)]


def title(name: str, lang: Language = "en") -> str:
    """Return the title of a checklist's item or of a check."""
    return text(name, lang)


def why(check: str, lang: Language = "en") -> str:
    """Return why a check matters."""
    return text(f"{check}.why", lang)


def says(finding: Finding, lang: Language = "en") -> str:
    """Return a finding's sentence, filled with its evidence."""
    return text(finding.says, lang).format_map(_Shown(finding.evidence))


def hint(finding: Finding, lang: Language = "en") -> str:
    """Return what to do about a finding, "" when there is nothing to do."""
    name = f"{finding.says}.hint"
    return text(name, lang).format_map(_Shown(finding.evidence)) if name in TABLE else ""


def sentence(finding: Finding, lang: Language = "en") -> str:
    """Return a finding on one line that stands alone: what was checked, what was seen, what to do."""
    advice = hint(finding, lang)
    return f"{title(finding.check, lang)}: {says(finding, lang)}" + (f". {advice}" if advice else "")


class _Shown(dict[str, Any]):
    """Hold evidence as it stands in a sentence: a list as its elements; what an older record lacks as "?"."""

    def __init__(self, evidence: Mapping[str, Any]) -> None:
        super().__init__({name: _text(value) for name, value in evidence.items()})

    def __missing__(self, key: str) -> str:
        return "?"


def _text(value: Any) -> str:
    return ", ".join(str(one) for one in value) if isinstance(value, list | tuple) else str(value)
