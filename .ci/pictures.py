"""Makes the README's pictures from the real output: a deployment of its own, a real terminal (tmux), then SVG.

`python .ci/pictures.py VENV`; writes docs/pictures/{deploy,checklist,status}.svg.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH, HEIGHT = 92, 40
OUTPUT = Path(__file__).resolve().parents[1] / "docs" / "pictures"


def tmux(session: str, *words: str) -> str:
    return subprocess.run(["tmux", "-L", session, *words], capture_output=True, text=True, check=True).stdout


def screen(ops: Path, home: Path, line: str, settle: float = 1.0) -> str:
    """Type one command into a fresh terminal, wait until it has ended, and take what is on the screen."""
    session = f"pictures-{os.getpid()}"
    done = home / "done"
    done.unlink(missing_ok=True)
    shell = (
        f"cd {home}; clear; printf '\\033[1m$ decodeat-ops {line}\\033[0m\\n'; {ops} {line}; touch {done}; sleep 600"
    )
    tmux(session, "new-session", "-d", "-x", str(WIDTH), "-y", str(HEIGHT), "bash", "--norc", "-c", shell)
    try:
        deadline = time.monotonic() + 180
        while not done.exists():
            if time.monotonic() > deadline:
                raise TimeoutError(line)
            time.sleep(0.2)
        time.sleep(settle)
        return tmux(session, "capture-pane", "-e", "-p", "-t", "0")
    finally:
        tmux(session, "kill-server")


def picture(text: str, name: str, title: str) -> None:
    console = Console(record=True, width=WIDTH, file=Path(os.devnull).open("w"))  # noqa: SIM115
    console.print(Text.from_ansi(text.rstrip("\n")))
    svg = console.export_svg(title=title)
    # Rich points at a font on the web; a reader's own monospace font will do.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / f"{name}.svg").write_text(svg)


def main() -> int:
    ops = Path(sys.argv[1]).resolve() / "bin" / "decodeat-ops"
    home = Path(tempfile.mkdtemp(prefix="decodeat-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run = [str(ops), "--config", str(home / "decodeat-ops.toml")]
    subprocess.run([str(ops), "init", "--port", str(port)], cwd=home, check=True, stdin=subprocess.DEVNULL)
    settings = home / "decodeat-ops.toml"
    settings.write_text(re.sub(r"#state_dir = .*", f'state_dir = "{home}/state"', settings.read_text()))
    try:
        subprocess.run([*run, "deploy", "--yes", "-q"], check=True)
        subprocess.run([*run, "backup", "-q"], check=True)
        changed = settings.read_text().replace("[service.environment]", '[service.environment]\nLOG_LEVEL = "INFO"')
        settings.write_text(changed)
        picture(screen(ops, home, "deploy --yes"), "deploy", "a deploy")
        picture(screen(ops, home, "checklist post-deploy"), "checklist", "the post-deploy checklist")
        picture(screen(ops, home, "status"), "status", "status")
    finally:
        subprocess.run([*run, "remove", "--yes", "--name", "decodeat-production", "--delete-data", "-q"], check=False)
        shutil.rmtree(home)
    return 0


if __name__ == "__main__":
    sys.exit(main())
