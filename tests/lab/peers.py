"""Images that the engines of several processes of one run need: one makes them, the others copy them from it."""

import contextlib
import fcntl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from tests.lab.engine import Engine


@dataclass(frozen=True)
class Peers:
    """Hold an engine beside those of the other processes; `directory` is the same for all of them.

    There each image has a note that says whose engine has it, and a lock for who makes, copies or withdraws it.
    """

    directory: Path
    engine: Engine

    def image(self, name: str, make: Callable[[], object]) -> str:
        """Have an image of this name: as it is here, copied from a peer that has it, or made. Return the name."""
        with self._locked(name):
            note = self._place(name, "note")
            maker = Engine(Path(note.read_text())) if note.exists() else None
            # A peer that was killed left its note, and no engine that answers.
            if maker is None or maker.run("version").returncode != 0:
                make()
                note.write_text(str(self.engine.directory))
            elif maker != self.engine:
                copy(name, maker, self.engine)
        return name

    def withdraw(self) -> None:
        """Take this engine's own notes back, once nobody copies from it."""
        for note in sorted(self.directory.glob("*.note")):
            with self._locked(unquote(note.stem)):
                if note.exists() and note.read_text() == str(self.engine.directory):
                    note.unlink()

    @contextlib.contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        with self._place(name, "lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield

    def _place(self, name: str, kind: str) -> Path:
        return self.directory / f"{quote(name, safe='')}.{kind}"


def copy(name: str, origin: Engine, to: Engine) -> None:
    """Copy an image from one engine to another, with its identity and history, as a stream that nothing keeps."""
    with subprocess.Popen(("docker", "save", name), env=origin.environment, stdout=subprocess.PIPE) as saving:
        assert saving.stdout is not None
        argv = ("docker", "load", "--quiet")
        loaded = subprocess.run(argv, env=to.environment, stdin=saving.stdout, capture_output=True, check=False)
        saving.stdout.close()
    assert (saving.returncode, loaded.returncode) == (0, 0), (loaded.stdout + loaded.stderr).decode()
