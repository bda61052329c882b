"""Describe what the supervisor runs for one release: argv, environment, and the address whose socket it passes on."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

FORMAT = 2
READABLE = (1, 2)  # 1 had no `requires`


@dataclass(frozen=True)
class Unit:
    """Describe one release's process, which is started in the run directory.

    It inherits two listening sockets as the descriptors named in LISTEN_ON: its private unix socket and that of
    `host`:`port`.
    `requires` names the variables without which it must not run: without an access rule the service would be open.
    `drain_timeout` is how long clients may keep the release after traffic was switched away, `grace` how long it may
    take to stop after SIGTERM, both in seconds. `log_bytes`, `log_files` and `log_days` limit its logs.
    """

    argv: tuple[str, ...]
    host: str
    port: int
    env: dict[str, str] = field(default_factory=dict)
    env_files: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    drain_timeout: float = 150.0
    grace: float = 160.0
    log_bytes: int = 10 * 1024 * 1024
    log_files: int = 5
    log_days: int = 30
    format: int = FORMAT

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def dumps(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def load(cls, path: Path) -> "Unit":
        """Read a unit. Raises OSError, ValueError or TypeError when the file is no unit of a known format."""
        try:
            raw = json.loads(path.read_bytes())
        except RecursionError as error:
            raise ValueError(f"{path} is nested too deeply") from error
        if not isinstance(raw, dict) or raw.get("format") not in READABLE:
            found = raw.get("format") if isinstance(raw, dict) else "none"
            raise ValueError(f"{path} has format {found}, this supervisor knows {FORMAT}")
        for name in {"argv", "env_files", "requires"} & set(raw):
            raw[name] = tuple(raw[name])
        unit = cls(**raw)
        wrong = unit._wrong()
        if wrong:
            raise ValueError(f"{path} is damaged: {', '.join(wrong)}")
        return unit

    def _wrong(self) -> list[str]:
        """Return the fields of the wrong type: one could end the supervisor, so that no release would be watched."""
        texts = {"argv": self.argv, "env_files": self.env_files, "requires": self.requires, "host": (self.host,)}
        texts["env"] = (*self.env, *self.env.values()) if isinstance(self.env, dict) else (None,)
        numbers = ("port", "drain_timeout", "grace", "log_bytes", "log_files", "log_days")
        wrong = [name for name, values in texts.items() if not all(isinstance(value, str) for value in values)]
        wrong += [name for name in numbers if type(getattr(self, name)) not in (int, float)]
        return wrong if self.argv else [*wrong, "argv"]
