"""Archives that someone forged, damaged or mixed up: each is refused by name, and nothing of it stays on disk."""

import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops import archive
from decodeat_ops.core.errors import Configuration, GateFailed
from tests.unit.archive import forge
from tests.unit.archive.forge import Forged, info, manifest, plain, tar

GOOD = (plain("settings/decodeat-ops.toml", b'name = "tested"\n'), plain("logs/a.log", b"line\n" * 2000))


def refused(path: Path, directory: Path) -> str:
    """Both readers refuse it as a wrong configuration (exit 3), name the file, and leave nothing behind."""
    said = []
    for read in (archive.inspect, lambda p: archive.extract(p, directory / "out")):
        with pytest.raises(Configuration) as caught:
            read(path)
        said.append(caught.value.advice.what)
    assert not (directory / "out").exists()
    assert said[0] == said[1]
    assert path.name in said[0]
    return said[0]


def forged(directory: Path, *members: Forged, told: Mapping[str, Any] | bytes | None = None) -> Path:
    """These members beside good ones, with a manifest that lists them all (or the one given)."""
    everything = (*GOOD, *members)
    return forge.put(directory, forge.compress(tar(everything, told or manifest(everything))))


def test_what_the_forger_makes_is_accepted_when_nothing_is_wrong(tmp_path: Path) -> None:
    path = forged(tmp_path, plain("database/decodeat.sqlite3", b""))
    assert set(archive.inspect(path).entries()) == {
        "settings/decodeat-ops.toml",
        "logs/a.log",
        "database/decodeat.sqlite3",
    }


@pytest.mark.parametrize(
    "name",
    [
        "../outside", "logs/../../outside", "/etc/outside", "logs/..", "logs/.", "logs//a", "logs", "logs/", "", ".",
        "elsewhere/a", "manifest.json/a", "logs/a\0b", "logs/" + "가" * 100, "/".join(["logs", *["d"] * 40]),
        "logs/\udcff",
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    head = info("x", 4)
    head.name = name
    if "\0" in name:  # only an extended header can say such a name
        head.name, head.pax_headers = "x", {"path": name}
    before = sorted(tmp_path.iterdir())
    told = manifest(GOOD)
    said = refused(forge.put(tmp_path, forge.compress(tar((*GOOD, (head, b"evil")), told))), tmp_path)
    assert "name" in said or "manifest" in said
    assert sorted(p for p in tmp_path.iterdir() if p.suffix != ".zst") == before
    assert not (tmp_path.parent / "outside").exists()


@pytest.mark.parametrize(
    ("kind", "link"),
    [
        (tarfile.SYMTYPE, "/etc/passwd"),
        (tarfile.SYMTYPE, "../../outside"),
        (tarfile.LNKTYPE, "settings/decodeat-ops.toml"),
        (tarfile.LNKTYPE, "/etc/passwd"),
        (tarfile.CHRTYPE, ""),
        (tarfile.BLKTYPE, ""),
        (tarfile.FIFOTYPE, ""),
        (tarfile.DIRTYPE, ""),
        (tarfile.CONTTYPE, ""),
        (tarfile.GNUTYPE_SPARSE, ""),
    ],
)
def test_anything_but_regular_files(tmp_path: Path, kind: bytes, link: str) -> None:
    refused(forged(tmp_path, (info("logs/x", 0, kind=kind, link=link), b"")), tmp_path)


def test_a_file_below_a_link_of_the_same_name(tmp_path: Path) -> None:
    """The classic: a link to a directory outside, then a file "in" it."""
    link = (info("logs/sub", 0, kind=tarfile.SYMTYPE, link=str(tmp_path)), b"")
    refused(forged(tmp_path, link, plain("logs/sub/evil", b"evil")), tmp_path)
    assert not (tmp_path / "evil").exists()


def test_sparse_by_extended_header(tmp_path: Path) -> None:
    head, content = plain("logs/x", b"1\n0\n4\n".ljust(512, b"\0") + b"data")
    head.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "999999999999"}
    refused(forged(tmp_path, (head, content)), tmp_path)


@pytest.mark.parametrize(
    "twice",
    [
        ("logs/x", "logs/x"),
        ("logs/x", "logs/x/y"),
        ("logs/x/y", "logs/x"),
        ("logs/x/y/z", "logs/x"),
    ],
)
def test_one_name_for_two_things(tmp_path: Path, twice: tuple[str, str]) -> None:
    assert "twice" in refused(forged(tmp_path, *(plain(name, b"data") for name in twice)), tmp_path)


def _entries(told: dict[str, Any], name: str) -> dict[str, Any]:
    return next(e for entries in told["parts"].values() for e in entries if e["path"] == name)


def _without(told: dict[str, Any]) -> None:
    told["parts"]["logs"] = []


def _with(told: dict[str, Any]) -> None:
    told["parts"]["logs"].append({"path": "logs/b.log", "size": 0, "mode": 0o600, "sha256": "0" * 64})


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (_without, "logs/a.log is not in its manifest"),
        (_with, "logs/b.log is missing"),
        (lambda told: _entries(told, "logs/a.log").update(size=9999), "logs/a.log"),
        (lambda told: _entries(told, "logs/a.log").update(mode=0o644), "logs/a.log"),
        (lambda told: _entries(told, "logs/a.log").update(sha256="0" * 64), "logs/a.log"),
        (lambda told: told["parts"]["logs"].append(_entries(told, "logs/a.log")), "logs/a.log twice"),
        (lambda told: told["parts"].update(settings=told["parts"]["logs"], logs=[]), "under the part"),
        (lambda told: told.update(settings={"settings/other": "/etc/shadow"}), "settings/other"),
        (lambda told: told.update(settings={"logs/a.log": "x"}), "logs/a.log"),
        (lambda told: told.update(snapshot="../../../etc"), "no snapshot's id"),
        (lambda told: told.update(snapshot="20261124T030000Z-ab12\n"), "no snapshot's id"),
        (lambda told: told.update(snapshot=""), "no snapshot's id"),
        (lambda told: told.update(format=0), "no known format"),
        (lambda told: told.update(format="1"), "no known format"),
        (lambda told: told.update(deployment=7), "not one of ours"),
        (lambda told: told.update(deployment="\ud800"), "not one of ours"),
        (lambda told: told.update(release=[]), "not one of ours"),
        (lambda told: told.update(parts=[]), "not one of ours"),
        (lambda told: told.update(partial=[1]), "not one of ours"),
        (lambda told: told.pop("parts"), "not one of ours"),
        (lambda told: _entries(told, "logs/a.log").update(size=-1), "not one of ours"),
        (lambda told: _entries(told, "logs/a.log").update(size=True), "not one of ours"),
        (lambda told: _entries(told, "logs/a.log").update(mode="600"), "not one of ours"),
    ],
)
def test_manifests_that_lie(tmp_path: Path, lie: Callable[[dict[str, Any]], None], said: str) -> None:
    told = manifest(GOOD)
    lie(told)
    assert said in refused(forged(tmp_path, told=told), tmp_path)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"not json",
        b"\xff\xfe\xfa",
        b"[" * 100_000,
        b'{"format": 1e999}',
        b'{"format": NaN}',
    ],
)
def test_manifests_that_are_none(tmp_path: Path, body: bytes) -> None:
    path = forge.put(tmp_path, forge.compress(tar(GOOD, body)))
    assert "manifest" in refused(path, tmp_path)


def test_a_newer_format_is_called_that(tmp_path: Path) -> None:
    path = forged(tmp_path, told=manifest(GOOD, format=2, parts="whatever it will be by then"))
    with pytest.raises(Configuration, match=r"newer decodeat-ops \(format 2") as caught:
        archive.inspect(path)
    assert "later" in caught.value.advice.hint


def test_something_after_the_manifest(tmp_path: Path) -> None:
    data = tar(GOOD, manifest(GOOD), after=(plain("logs/late", b"late"),))
    assert "last" in refused(forge.put(tmp_path, forge.compress(data)), tmp_path)


@pytest.mark.parametrize("extra", [b"more", b"\0" * 20_000 + b"more"])
def test_something_after_the_tar(tmp_path: Path, extra: bytes) -> None:
    data = tar(GOOD, manifest(GOOD)).ljust(20_480, b"\0") + extra
    assert "follows" in refused(forge.put(tmp_path, forge.compress(data)), tmp_path)


def test_something_after_the_compressed_stream(tmp_path: Path) -> None:
    refused(forge.put(tmp_path, forge.compress(tar(GOOD, manifest(GOOD))) + b"more"), tmp_path)


def test_no_manifest(tmp_path: Path) -> None:
    assert "manifest is missing" in refused(forge.put(tmp_path, forge.compress(tar(GOOD, None))), tmp_path)


def test_two_manifests(tmp_path: Path) -> None:
    body = json.dumps(manifest(GOOD)).encode()
    data = tar(GOOD, body, after=(plain(archive.NAME, body),))
    assert "last" in refused(forge.put(tmp_path, forge.compress(data)), tmp_path)


def test_a_tar_cut_at_every_member(tmp_path: Path) -> None:
    """Python's tarfile takes a stream that ends between two members for a whole one: the manifest is the proof."""
    data = tar(GOOD, manifest(GOOD))
    with tarfile.open(fileobj=io.BytesIO(data)) as whole:
        starts = [member.offset for member in whole.getmembers()]
    assert len(starts) == 3
    for start in starts:
        refused(forge.put(tmp_path, forge.compress(data[:start])), tmp_path)
        refused(forge.put(tmp_path, forge.compress(data[:start] + b"\0" * 10_240)), tmp_path)


def test_a_tar_cut_anywhere(tmp_path: Path) -> None:
    data = tar(GOOD, manifest(GOOD))
    whole_up_to = data.rstrip(b"\0")
    for cut in range(0, len(whole_up_to), max(1, len(whole_up_to) // 60)):
        refused(forge.put(tmp_path, forge.compress(data[:cut])), tmp_path)


@pytest.mark.parametrize("size", [2**33, 2**40, 2**62])
def test_a_declared_size_that_is_a_lie(tmp_path: Path, size: int) -> None:
    """It is damage, not a reason to ask for more disk."""
    head = info("logs/huge", size)
    raw = bytearray(head.tobuf(tarfile.GNU_FORMAT)) + b"little"
    refused(forge.put(tmp_path, forge.compress(tar(GOOD, None).rstrip(b"\0") + bytes(raw))), tmp_path)


@pytest.mark.parametrize("key", ["path", "comment"])
def test_an_extended_header_as_big_as_memory(tmp_path: Path, key: str) -> None:
    """Compressed it is tiny; nothing of ours has one, so it is refused before it is read."""
    head, content = plain("logs/x", b"data")
    head.pax_headers = {key: "a" * (8 << 20)}
    path = forged(tmp_path, (head, content))
    assert path.stat().st_size < 20_000
    assert "absurd" in refused(path, tmp_path)


def test_a_manifest_as_big_as_memory(tmp_path: Path) -> None:
    path = forge.put(tmp_path, forge.compress(tar(GOOD, b" " * (40 << 20))))
    assert "absurd" in refused(path, tmp_path)


@pytest.mark.parametrize("size", ["-1", "-512", "0", "99999999999999999999999", "1.5", "x"])
def test_sizes_in_extended_headers(tmp_path: Path, size: str) -> None:
    head, content = plain("logs/x", b"data")
    head.pax_headers = {"size": size}
    refused(forged(tmp_path, (head, content)), tmp_path)


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decodeat_ops.archive.reader.MOST_FILES", 3)
    many = [plain(f"logs/{n}", b"") for n in range(4)]
    assert "more than 3 files" in refused(forged(tmp_path, *many), tmp_path)


@pytest.mark.parametrize(
    "foreign",
    [
        b"",
        b"\0" * 512,
        b"PK\x03\x04 a zip",
        b"\x1f\x8b\x08 a gzip",
        b"\x28\xb5\x2f\xfd",
        b"plain text",
    ],
    ids=["empty", "zeros", "zip", "gzip", "a magic number alone", "text"],
)
def test_files_of_another_kind(tmp_path: Path, foreign: bytes) -> None:
    refused(forge.put(tmp_path, foreign), tmp_path)


def test_a_plain_tar_a_gzipped_one_and_an_empty_one(tmp_path: Path) -> None:
    import gzip

    data = tar(GOOD, manifest(GOOD))
    for wrong in (data, gzip.compress(data, mtime=0), forge.compress(b""), forge.compress(b"\0" * 10_240)):
        refused(forge.put(tmp_path, wrong), tmp_path)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(Configuration, match="no archive"):
        archive.inspect(tmp_path / "none.tar.zst")
    (tmp_path / "directory.tar.zst").mkdir()
    with pytest.raises(Configuration, match="Is a directory"):
        archive.inspect(tmp_path / "directory.tar.zst")


def test_no_room_for_a_whole_archive_is_not_called_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    path = forged(tmp_path)
    usage = type(shutil.disk_usage(tmp_path))
    monkeypatch.setattr("decodeat_ops.archive.reader.shutil.disk_usage", lambda place: usage(1000, 1000, 0))
    with pytest.raises(GateFailed, match="free"):
        archive.extract(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_place_that_exists_is_left_alone(tmp_path: Path) -> None:
    path = forged(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    with pytest.raises(FileExistsError):
        archive.extract(path, tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine"]
