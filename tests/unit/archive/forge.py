"""Archives for tests: whole ones as the product writes them, and forged ones, member by member."""

import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from decodeat_ops import archive
from decodeat_ops.archive import Manifest, Member

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SNAPSHOT = "20261124T030000Z-ab12"
BLANK = Manifest(
    snapshot=SNAPSHOT,
    deployment="tested-production",
    tool="0.1.0",
    created_at="2026-11-24T03:00:00+00:00",
    release={"id": "20261124T020000Z-ab12cd3"},
    settings={},
    parts={part: () for part in archive.PARTS},
)


def info(name: str, size: int, mode: int = 0o600, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size, made.mode, made.type, made.linkname = size, mode, kind, link
    return made


Forged = tuple[tarfile.TarInfo, bytes]


def plain(name: str, content: bytes, mode: int = 0o600) -> Forged:
    return info(name, len(content), mode), content


def listed(members: Sequence[Forged]) -> dict[str, list[dict[str, Any]]]:
    """The parts of a manifest that tells the truth about these members."""
    parts: dict[str, list[dict[str, Any]]] = {part: [] for part in archive.PARTS}
    for head, content in members:
        entry = {
            "path": head.name,
            "size": head.size,
            "mode": head.mode,
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        parts.setdefault(head.name.split("/")[0], []).append(entry)
    return parts


def manifest(members: Sequence[Forged], **changed: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(BLANK.dumps())
    told["parts"] = listed(members)
    return {**told, **changed}


def tar(members: Sequence[Forged], told: Mapping[str, Any] | bytes | None, after: Sequence[Forged] = ()) -> bytes:
    """A tar of these members and a manifest (None: without one), and of what comes after it."""
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    last = [] if told is None else [plain(archive.NAME, body)]
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as out:
        for head, content in [*members, *last, *after]:
            out.addfile(head, io.BytesIO(content) if content else None)
    return raw.getvalue()


def compress(data: bytes) -> bytes:
    return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})


def decompress(data: bytes) -> bytes:
    return zstd.decompress(data)


def put(directory: Path, data: bytes) -> Path:
    path = directory / f"{SNAPSHOT}.tar.zst"
    path.write_bytes(data)
    return path


def whole(directory: Path, files: Mapping[str, bytes], **changed: Any) -> Path:
    """An archive that the product itself wrote."""
    sources = directory / "sources"
    members = []
    for number, (name, content) in enumerate(files.items()):
        source = sources / str(number)
        source.parent.mkdir(exist_ok=True)
        source.write_bytes(content)
        source.chmod(0o600)
        members.append(Member(name, source))
    path = directory / f"{SNAPSHOT}.tar.zst"
    archive.write(path, replace(BLANK, **changed), members)
    return path
