"""What an engine writes of an image becomes archives with some of its layers, in every form that engines write it."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.adapters.docker_engine import DockerEngine
from decodeat_ops.core.errors import Interrupted, StepFailed, Unreachable
from decodeat_ops.core.layers import BuiltImage
from tests.servers.docker_api import DockerApi, docker_api
from tests.unit.adapters.test_docker_engine import Said

NAME = "localhost/decodeat-ops/demo:1"
LOOK, TAKE, HISTORY = f"GET /images/{NAME}/json", f"GET /images/{NAME}/get", "GET /images/{}/history"
LAYERS = (b"base " * 300_000, b"", b"lock " * 20_000, b"code " * 100)


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


DIGESTS = tuple(map(digest, LAYERS))
CONFIGURATION = json.dumps({"os": "linux", "rootfs": {"type": "layers", "diff_ids": DIGESTS}}).encode()
ID = digest(CONFIGURATION)


def packed(files: Sequence[tuple[str, bytes | str]]) -> bytes:
    """Return a tar archive of files, and of symbolic links where the content is text."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files:
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def listed(configuration: str, layers: Sequence[str]) -> tuple[str, bytes]:
    return "manifest.json", json.dumps([{"Config": configuration, "RepoTags": [NAME], "Layers": layers}]).encode()


def classic() -> bytes:
    """As engines before 25 write it: layers by ids of their own, the same content twice as a link."""
    names = [f"{number}aa/layer.tar" for number in range(4)]
    files: list[tuple[str, bytes | str]] = [*zip(names, LAYERS, strict=True)]
    files.insert(3, ("4aa/layer.tar", "../1aa/layer.tar"))
    return packed(
        [*files, (f"{ID[7:]}.json", CONFIGURATION), listed(f"{ID[7:]}.json", [names[0], "4aa/layer.tar", *names[2:]])]
    )


def by_digest(*, compressed: bool = False) -> bytes:
    """As engines since 25 write it; one with containerd's store keeps and writes layers packed."""
    layers = [b"packed " + one for one in LAYERS] if compressed else [*LAYERS]
    names = [f"blobs/sha256/{digest(one)[7:]}" for one in layers]
    configuration = f"blobs/sha256/{ID[7:]}"
    files = [*zip(names, layers, strict=True), (configuration, CONFIGURATION), ("index.json", b"{}")]
    return packed([*files, listed(configuration, names), ("oci-layout", b"{}")])


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerApi]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with docker_api() as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.url)
        engine.answers[LOOK] = (200, [{"Id": ID, "RootFS": {"Type": "layers", "Layers": DIGESTS}}])
        history = [{"Size": size} for size in (500, 0, 100_000, 0, 1_500_000)]
        engine.answers[HISTORY.format(ID)] = (200, [history])
        engine.answers["GET /info"] = (200, [{"DriverStatus": [["Backing Filesystem", "extfs"]]}])
        yield engine


def opened() -> DockerEngine:
    return DockerEngine.opened(lambda registry: None)


def contents(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        return {one.name: found.read() for one in files if (found := files.extractfile(one))}


def in_pieces(whole: bytes) -> list[Any]:
    return [whole[start : start + 100_000] for start in range(0, len(whole), 100_000)]


def test_what_an_image_consists_of(api: DockerApi) -> None:
    found = opened().layers(NAME)
    assert found == BuiltImage(ID, DIGESTS, (1_500_000, 100_000, 500, 0))
    assert found.above(()) == DIGESTS and found.above((DIGESTS[:2], DIGESTS[1:])) == DIGESTS[2:]
    assert found.above((DIGESTS,)) == () and found.size(DIGESTS[2:]) == 500
    assert opened().layers("another") is None


def test_in_containerds_store_the_id_is_that_of_the_configuration(api: DockerApi) -> None:
    """The engine calls it by another digest."""
    other = "sha256:" + "9" * 64
    api.answers[LOOK] = (200, [{"Id": other, "RootFS": {"Type": "layers", "Layers": DIGESTS}}])
    api.answers[HISTORY.format(other)] = (200, [[{"Size": 7}]])
    api.answers["GET /info"] = (200, [{"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}])
    api.answers[TAKE] = (200, in_pieces(by_digest(compressed=True)))
    assert opened().layers(NAME) == BuiltImage(ID, DIGESTS, (7, 0, 0, 0))


@pytest.mark.parametrize("whole", [classic(), by_digest()], ids=["by ids of their own", "by digest"])
@pytest.mark.parametrize("wanted", [(3,), (1, 2, 3), (0, 1, 2, 3)], ids=["one", "some", "all"])
def test_an_archive_has_the_layers_that_are_wanted_and_lists_them_all(
    api: DockerApi, whole: bytes, wanted: tuple[int, ...]
) -> None:
    api.answers[TAKE] = (200, in_pieces(whole))
    chosen, said = frozenset(DIGESTS[one] for one in wanted), Said()
    with opened().export(NAME, chosen, said) as export:
        assert export.image.id == ID and export.image.layers == DIGESTS
        made = b"".join(export.archive("demo:2", chosen))
        few = b"".join(export.archive("demo:2", frozenset({DIGESTS[3]})))
        length = export.length(chosen)
    assert 0 <= len(made) - length < 5000
    files = contents(made)
    assert [*files][-1] == "manifest.json", "what is cut off has no list"
    (entry,) = json.loads(files.pop("manifest.json"))
    assert entry["RepoTags"] == ["demo:2"] and entry["Layers"] == [f"{one[7:]}.tar" for one in DIGESTS]
    assert files.pop(entry["Config"]) == CONFIGURATION
    assert {name: gzip.decompress(one) for name, one in files.items()} == {
        f"{DIGESTS[one][7:]}.tar": LAYERS[one] for one in wanted
    }
    assert f"{DIGESTS[3][7:]}.tar" in contents(few) and len(few) < 5000
    assert said.seen[-1] == ("reading the image", len(whole), 0, "bytes")


def test_a_layer_of_many_small_files_is_packed_and_its_room_is_that_of_all(api: DockerApi) -> None:
    api.answers[TAKE] = (200, in_pieces(classic()))
    chosen = frozenset({DIGESTS[0]})
    with opened().export(NAME, chosen, Said()) as export:
        assert len(b"".join(export.archive("demo:2", chosen))) < len(LAYERS[0]) / 10
        assert export.room(chosen) == export.length(chosen) + len(LAYERS[0])


def test_layers_that_an_engine_keeps_packed_are_sent_as_they_are(api: DockerApi) -> None:
    api.answers[TAKE] = (200, in_pieces(by_digest(compressed=True)))
    chosen = frozenset(DIGESTS[2:])
    with opened().export(NAME, chosen, Said()) as export:
        files = contents(b"".join(export.archive("demo:2", chosen)))
    assert {*files.values()} >= {b"packed " + one for one in LAYERS[2:]} and len(files) == 4


def test_nothing_is_left_of_an_export(api: DockerApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    api.answers[TAKE] = (200, in_pieces(classic()))
    with opened().export(NAME, frozenset(DIGESTS[3:]), Said()):
        kept = sum(one.stat().st_size for one in (tmp_path / "tmp").rglob("*") if one.is_file())
        assert 0 < kept < len(LAYERS[3]), "none of the others, and the plain one of this is gone"
    with pytest.raises(Interrupted), opened().export(NAME, frozenset(DIGESTS), Said(stop=True)):
        pass
    assert [*(tmp_path / "tmp").iterdir()] == []


def test_what_an_engine_does_not_give(api: DockerApi) -> None:
    engine = opened()
    with pytest.raises(StepFailed, match="has no image another"), engine.export("another", frozenset(), Said()):
        pass
    api.answers[TAKE] = (500, [{"message": "no space left on device"}])
    with pytest.raises(StepFailed, match="refuses: no space left"), engine.export(NAME, frozenset(DIGESTS), Said()):
        pass
    whole = classic()
    for broken in (whole[: len(whole) // 2], whole[:-20_000], packed([listed("x", [])]), b"<html>" * 1000):
        api.answers[TAKE] = (200, in_pieces(broken))
        with (
            pytest.raises(Unreachable, match="form that is not known"),
            engine.export(NAME, frozenset(DIGESTS), Said()),
        ):
            pass
    api.answers[TAKE] = (200, in_pieces(whole)[:2])
    api.cut = True
    with pytest.raises(Unreachable, match="does not answer"), engine.export(NAME, frozenset(DIGESTS), Said()):
        pass


def test_a_full_disk_here_is_told_with_its_place(
    api: DockerApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, *given: Any, **named: Any) -> Any:
        raise OSError(28, "No space left on device")

    api.answers[TAKE] = (200, in_pieces(classic()))
    monkeypatch.setattr("decodeat_ops.adapters.docker_archive.Path.open", full)
    with (
        pytest.raises(StepFailed, match=r"could not be laid down in .*: No space left") as caught,
        opened().export(NAME, frozenset(DIGESTS), Said()),
    ):
        pass
    assert "TMPDIR" in caught.value.advice.hint
