"""A deployment on this machine for the contract suite: real processes, ports and files."""

import contextlib
import http.client
import itertools
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from decodeat_ops.application.desk import Desk
from decodeat_ops.application.targets import open_desk
from decodeat_ops.settings.load import load
from tests.support.deployments import Deployment, deployment

SECRETS = '[service.secrets]\nAPI_KEYS = "env:API_KEYS"\n'
NO_PART = {"journal", "lock", "run", "logs", "records", "staging"}  # written without changing what is deployed


@dataclass
class LocalWorld:
    """One deployment on this machine. Its journal lies with its releases: a lost one is a deleted one."""

    deployment: Deployment
    every: int = 8
    probed: str = "gate-candidate"
    undone: str = "start"
    leaves: bool = True
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1001))

    @classmethod
    @contextlib.contextmanager
    def made(cls, home: Path, source: Path) -> Iterator["LocalWorld"]:
        with deployment(home, source=source, extra=SECRETS, keep=3) as here:
            world = cls(here)
            world.rotate_secret()
            yield world

    def desk(self) -> Desk:
        return open_desk(load(self.deployment.home / "decodeat-ops.toml", None, {}))

    def stranger(self) -> Desk:
        shutil.rmtree(self.deployment.layout.journals, ignore_errors=True)
        return self.desk()

    def change_code(self) -> None:
        self.deployment.configure(MAX_REQUESTS=next(self._numbers))

    def rotate_secret(self) -> None:
        (self.deployment.home / "decodeat-ops.env").write_text(
            f"API_KEYS=key-of-the-contract-suite-{next(self._numbers)}\n"
        )

    def serving(self) -> tuple[str, str]:
        try:
            name = self.deployment.serving()
        except (OSError, http.client.HTTPException):
            return "", ""
        release = self.deployment.store.get(name)
        return name, release.secrets if release else ""

    def writes(self) -> int:
        """Return a number that is another one whenever a file of the deployment was made, changed or deleted."""
        state = self.deployment.state
        seen = []
        for path in sorted(state.rglob("*")) if state.exists() else ():
            if path.relative_to(state).parts[0] not in NO_PART:
                status = path.lstat()
                seen.append((str(path), status.st_mtime_ns, status.st_size))
        return hash(tuple(seen)) if seen else 0

    def runs(self) -> int:
        store = self.deployment.store
        return len(store.running(store.supervisor()))
