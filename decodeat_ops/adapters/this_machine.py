"""Run programs on this machine, which needs no network."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.ports import Completed


class ThisMachine:
    """Run programs as the current user, without a shell and without a terminal."""

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: str = "",
        timeout: float = 60.0,
    ) -> Completed:
        """Run a program to its end; status 127 when it can't be run. Raises `Unreachable` after `timeout` seconds."""
        try:
            done = subprocess.run(
                list(argv),
                env=None if env is None else dict(env),
                cwd=cwd,
                input=stdin,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Unreachable(f"{argv[0]} did not end within {timeout:g} s.") from error
        except (FileNotFoundError, PermissionError) as error:
            return Completed(tuple(argv), 127, "", f"{argv[0]}: {error.strerror}")
        return Completed(tuple(argv), done.returncode, done.stdout, done.stderr)
