"""Ask a person what connections to machines need: whether a host's key is right, a password, a passphrase."""

import getpass
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from decodeat_ops.cli.asking import ask
from decodeat_ops.cli.run import Run
from decodeat_ops.cli.visible import visible
from decodeat_ops.core.secret import Secret


def let_ask(run: Run) -> None:
    """Let connections ask whoever sits at the terminal; `--yes` answers nothing of it."""
    from decodeat_ops.application.targets import asks

    def rest() -> None:
        for pause in run.at_end:
            pause()

    asks(
        accept=partial(_accept, rest),
        sudo_password=lambda host: _hidden(rest, f"Password of sudo at {host}, which is kept nowhere:"),
        passphrase=lambda key: _hidden(rest, f"Passphrase of {_short(key)}:"),
    )


def _accept(rest: Callable[[], None], host: str, fingerprint: str) -> bool:
    rest()
    sys.stderr.write(visible(f"The key of {host} is not known yet: {fingerprint}.") + "\n")
    return ask("Is that what the machine itself shows? Accept it for good? [yes/N]").lower() == "yes"


def _hidden(rest: Callable[[], None], question: str) -> Secret | None:
    rest()
    try:
        given = getpass.getpass(f"{visible(question)} ")
    except EOFError:
        return None
    return Secret(given) if given else None


def _short(path: Path) -> str:
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)
