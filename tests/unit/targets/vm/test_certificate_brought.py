"""Given files that somebody brings, a certificate is served only if clients can trust it; all problems are told."""

from pathlib import Path

import pytest

from decodeat_ops.core.errors import Configuration
from decodeat_ops.targets.vm.certificates.brought import Brought, read
from tests.support.certificate_chains import One, chain, one

NAME = "api.example.com"


def lay(home: Path, pem: str, key: str, mode: int = 0o600) -> tuple[Path, Path]:
    files = home / "fullchain.pem", home / "privkey.pem"
    for path, text in zip(files, (pem, key), strict=True):
        path.write_text(text)
    files[1].chmod(mode)
    return files


def brought(home: Path, *certificates: One, key: str = "", mode: int = 0o600) -> Brought:
    pem = "".join(each.pem for each in certificates)
    return read(*lay(home, pem, key or certificates[0].key_pem(), mode), [NAME])


def told(home: Path, *certificates: One, key: str = "", mode: int = 0o600) -> str:
    with pytest.raises(Configuration) as caught:
        brought(home, *certificates, key=key, mode=mode)
    return "\n".join((caught.value.advice.what, *caught.value.advice.lines))


def test_a_whole_chain_is_taken_without_what_stands_around_it(tmp_path: Path) -> None:
    leaf, between, root = chain(NAME, "www.example.com")
    pem = f"subject=CN = {NAME}\n{leaf.pem}\nbetween\n{between.pem}{root.pem}"
    found = read(*lay(tmp_path, pem, leaf.key_pem()), [NAME])
    assert found.chain == f"{leaf.pem}{between.pem}{root.pem}"
    assert found.directory == f"own-{found.digest[:12]}"
    assert (found.leaf.names, len(found.certificates)) == ((NAME, "www.example.com"), 3)
    assert leaf.key_pem() not in repr(found)


def test_one_that_signs_itself_and_a_star_are_taken(tmp_path: Path) -> None:
    assert brought(tmp_path, one(NAME, names=[NAME])).leaf.self_signed
    assert brought(tmp_path, *chain("*.example.com")).leaf.names == ("*.example.com",)


def test_what_is_wrong_with_a_chain(tmp_path: Path) -> None:
    leaf, between, root = chain(NAME)
    assert "signed, which this machine does not know: add the intermediate" in told(tmp_path, leaf)
    assert "which this machine does not know" in told(tmp_path, leaf, between), "its root is of our own"
    assert "certificate 2 of the chain has not signed certificate 1" in told(tmp_path, leaf, root, between)
    assert "is the chain in its order" in told(tmp_path, between, leaf, root, key=leaf.key_pem())


def test_what_is_wrong_with_a_key(tmp_path: Path) -> None:
    whole = chain(NAME)
    assert "is not that of the first certificate" in told(tmp_path, *whole, key=one("other").key_pem())
    assert "has a passphrase" in told(tmp_path, *whole, key=whole[0].key_pem("secret"))
    assert "holds no key" in told(tmp_path, *whole, key="nothing")
    assert "everybody on this machine gets at" in told(tmp_path, *whole, mode=0o644)
    short = one(NAME, whole[1], names=[NAME], bits=1024)
    assert "has 1024 bits" in told(tmp_path, short, *whole[1:])


def test_what_is_wrong_with_names_and_time(tmp_path: Path) -> None:
    assert f"not for {NAME} of vm.domains" in told(tmp_path, *chain("www.example.com"))
    assert f"not for {NAME}" in told(tmp_path, *chain("*.api.example.com"))
    assert f"the certificate of {NAME} has ended" in told(tmp_path, *chain(NAME, days=-1, begins=-9))
    assert "begins at" in told(tmp_path, *chain(NAME, begins=2))


def test_all_of_it_is_told_at_once(tmp_path: Path) -> None:
    said = told(tmp_path, *chain("www.example.com", days=-1, begins=-9), key="nothing", mode=0o604)
    assert said.startswith("4 problems keep this certificate from being served.")


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(Configuration, match="can't be read: No such file"):
        read(tmp_path / "none", tmp_path / "none", [])
    with pytest.raises(Configuration, match="no chain of certificates"):
        read(*lay(tmp_path, "text", "text"), [])
