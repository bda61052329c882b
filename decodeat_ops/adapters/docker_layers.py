"""Ask an engine for the layers of an image, and take some of them out of it."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from decodeat_ops.adapters import docker_archive
from decodeat_ops.adapters.docker_errors import PATIENCE, answering, explained
from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.image import Report
from decodeat_ops.core.layers import BuiltImage

_PLAIN = "/:@"  # what is not quoted in the name of an image


def listed(found: Mapping[str, Any]) -> BuiltImage:
    """Return an image by what the engine tells when it is inspected."""
    return BuiltImage(str(found["Id"]), tuple(map(str, found["RootFS"].get("Layers") or ())))


def described(client: Any, name: str, found: Mapping[str, Any]) -> BuiltImage:
    """Return the same with sizes. The id of one in containerd's store is another digest: its archive is read for it."""
    made = listed(found)
    with answering():
        sizes = tuple(int(one["Size"]) for one in reversed(client.history(made.id)) if one["Size"])
        packed = keeps_packed(client.info())
    # Layers without content are not told apart from steps without a layer, and count as the newest ones.
    made = replace(made, sizes=(*sizes, *(0,) * len(made.layers))[: len(made.layers)])
    if not packed:
        return made
    with taken_out(client, name, made, None, _silent) as archive:
        return replace(made, id=archive.image.id)


@contextlib.contextmanager
def taken_out(
    client: Any, name: str, image: BuiltImage, layers: frozenset[str] | None, report: Report
) -> Iterator[docker_archive.Archive]:
    """Read an image's archive from the engine, which writes the whole of it, whatever is wanted; None: no layer."""
    url = f"{client.base_url}/v{client.api_version}/images/{quote(name, safe=_PLAIN)}/get"
    read = 0

    def count(more: int) -> None:
        nonlocal read
        read += more
        report("reading the image", read, 0, "bytes")

    with tempfile.TemporaryDirectory(prefix="decodeat-image-") as directory:
        try:
            with answering(), contextlib.closing(client.get(url, stream=True, timeout=PATIENCE)) as answer:
                if answer.status_code >= 400:
                    raise StepFailed(f"The Docker engine refuses: {explained(answer.text)}")
                pieces = answer.iter_content(docker_archive.PIECE)
                archive = docker_archive.read(pieces, layers, image.layers, Path(directory), count)
        except OSError as error:
            raise StepFailed(
                f"The image could not be laid down in {directory}: {error.strerror or error}.",
                hint="Free room there, or name another directory by TMPDIR.",
            ) from error
        yield archive


def keeps_packed(info: Mapping[str, Any]) -> bool:
    """Return whether an engine keeps images in containerd's store, by what it tells of itself."""
    return any("containerd.snapshotter" in str(value) for _, value in info.get("DriverStatus") or ())


def _silent(text: str, done: int = 0, total: int = 0, unit: str = "") -> None:
    """Show nothing."""
