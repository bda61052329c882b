"""Check, inside a Python environment of the service, that everything installed is there and can be imported.

A script for `python -I`, standard library alone. Its argument is the file that marks a finished environment: `--write`
writes it when all is well, else it is compared with what is installed. `--files` skips the imports, which take long.
Exit 1 with one line on stdout for the first thing wrong.
"""

import csv
import importlib
import importlib.machinery
import importlib.metadata
import json
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

BUILDERS = {"pip", "setuptools", "wheel"}  # they install packages, and are not part of the service


def main() -> int:
    """Check files, then imports: the error from importing half a package says less. Return the exit code."""
    mark, write = Path(sys.argv[1]), "--write" in sys.argv
    found = {dist.metadata["Name"]: dist for dist in importlib.metadata.distributions(path=_places(mark.parent))}
    versions = {name: dist.version for name, dist in found.items() if name not in BUILDERS}
    problem = _missing(mark, versions, write) or _damaged(found, versions)
    if not problem and "--files" not in sys.argv:
        problem = _unimportable(found, versions)
    if problem:
        sys.stdout.write(f"{problem}\n")
        return 1
    if write:
        mark.write_text(json.dumps(versions, sort_keys=True) + "\n")
    return 0


def _places(home: Path) -> list[str]:
    places = dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    return [place for place in places if Path(place).is_relative_to(home)]


def _missing(mark: Path, versions: dict[str, str], write: bool) -> str:
    """Return what is missing, "" for nothing. The mark of an earlier version is empty: there is nothing to compare."""
    if write:
        return ""
    for name, version in json.loads(mark.read_text() or "{}").items():
        if versions.get(name) != version:
            return f"{name} {version} is {'version ' + versions[name] if name in versions else 'not there'}"
    return ""


def _damaged(found: dict[str, importlib.metadata.Distribution], versions: dict[str, str]) -> str:
    for name in versions:
        for file, path, recorded in _files(found[name]):
            if file.suffix == ".pyc" or "__pycache__" in file.parts:
                continue
            try:
                size = path.stat().st_size
            except OSError:
                return f"{file} of {name} is not there"
            if recorded and size != int(recorded):
                return f"{file} of {name} has {size} bytes, not {recorded}"
    return ""


def _files(dist: importlib.metadata.Distribution) -> Iterator[tuple[PurePosixPath, Path, str]]:
    """Yield what was installed, where it is, and its recorded size.

    From Python 3.12 `dist.files` omits files that are missing.
    """
    for file, _, size in csv.reader((dist.read_text("RECORD") or "").splitlines()):
        yield PurePosixPath(file), Path(str(dist.locate_file(file))), size


def _unimportable(found: dict[str, importlib.metadata.Distribution], versions: dict[str, str]) -> str:
    """Import every package and compiled module, whose libraries may be missing. Return the first failure, or ""."""
    for name in versions:
        for module in sorted({_module(file, path) for file, path, _ in _files(found[name])} - {""}):
            try:
                importlib.import_module(module)
            except BaseException as error:  # whatever it raises, it can't be used
                if "." in module and isinstance(error, ModuleNotFoundError):
                    continue  # a part for another module that is optional, such as Pillow's for a missing tkinter
                return f"{module} of {name} can't be imported: {type(error).__name__}"
    return ""


def _module(file: PurePosixPath, path: Path) -> str:
    """Return the module to import for a file (a top-level package or module, or a compiled one), else "".

    `path` is where the file is: a library that is no module may be named like one, but lacks what Python calls in it.
    """
    parts = list(file.parts)
    if parts[0] == ".." or {"test", "tests"} & set(parts) or not all(part.isidentifier() for part in parts[:-1]):
        return ""
    compiled = next((s for s in importlib.machinery.EXTENSION_SUFFIXES if file.name.endswith(s)), "")
    if compiled:
        module = file.name.removesuffix(compiled)
        return ".".join([*parts[:-1], module]) if f"PyInit_{module}".encode() in path.read_bytes() else ""
    if file.name == "__init__.py" and len(parts) == 2:
        return parts[0]
    return parts[0].removesuffix(".py") if len(parts) == 1 and file.suffix == ".py" else ""


if __name__ == "__main__":
    sys.exit(main())
