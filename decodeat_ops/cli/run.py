"""Hold the common options of one invocation: which deployment it is about, how it is shown, how it changes."""

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from decodeat_ops.core.errors import Usage

if TYPE_CHECKING:
    from decodeat_ops.settings.schema import Loaded

LANGUAGES: tuple[Literal["en", "ko"], ...] = ("en", "ko")


@dataclass(frozen=True)
class Run:
    """Hold the common options of one invocation; those after the command win over those before it."""

    json: bool = False
    env: str | None = None
    target: str | None = None
    config: Path | None = None
    lang: Literal["en", "ko"] = "en"
    debug: bool = False
    quiet: bool = False
    dry_run: bool = False
    yes: bool = False
    lock_wait: float = 0.0
    at_end: list[Callable[[], None]] = field(default_factory=list, compare=False)  # before anything is printed

    @classmethod
    def from_variables(cls) -> "Run":
        """Return the options that environment variables give; a flag wins over them. Raises `Usage`."""
        given: dict[str, Any] = {}
        if env := os.environ.get("DECODEAT_OPS_ENV"):
            given["env"] = env
        if config := os.environ.get("DECODEAT_OPS_CONFIG"):
            given["config"] = Path(config)
        if lang := os.environ.get("DECODEAT_OPS_LANG"):
            given["lang"] = _language(lang)
        return cls(**given)

    def with_given(self, values: dict[str, Any]) -> "Run":
        """Return these options, replaced by those that were given, which are removed from `values`. Raises `Usage`."""
        given = {f.name: values.pop(f.name) for f in fields(self) if f.name in values}
        if given.get("lang") is not None:
            given["lang"] = _language(given["lang"])
        if given.get("target") is not None:
            given["target"] = _known_target(given["target"])
        return replace(self, **{name: value for name, value in given.items() if value not in (None, False)})

    @property
    def overrides(self) -> dict[str, str]:
        """Return the settings that flags set, by key."""
        return {"target": self.target} if self.target else {}

    def loaded(self) -> "Loaded":
        """Load the settings in force. Raises `Configuration`."""
        from decodeat_ops.application.settings import load

        return load(self.config, self.env, self.overrides)


def _language(text: str) -> Literal["en", "ko"]:
    for language in LANGUAGES:
        if text == language:
            return language
    raise Usage(f"There is no language {text!r}.", hint=f"There are: {', '.join(LANGUAGES)}.", where="--lang")


def _known_target(text: str) -> str:
    from decodeat_ops.application.targets import NAMES

    if text in NAMES:
        return text
    near = difflib.get_close_matches(text, NAMES, n=1, cutoff=0.5)
    known = f"There {'is' if len(NAMES) == 1 else 'are'}: {', '.join(NAMES)}."
    raise Usage(
        f"There is no target {text!r}.", hint=f"Did you mean {near[0]}? {known}" if near else known, where="--target"
    )
