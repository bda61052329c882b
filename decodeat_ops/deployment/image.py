"""Read what an image is made of, pack what its build needs, and find where it belongs."""

import hashlib
import io
import re
import tarfile
from pathlib import Path

from decodeat_ops import rendering
from decodeat_ops.core.errors import Configuration, GateFailed
from decodeat_ops.core.image import DIRTY, Login, Logins, Recipe, Reference
from decodeat_ops.deployment import source
from decodeat_ops.settings import secrets
from decodeat_ops.settings.load import PRODUCTION
from decodeat_ops.settings.schema import Loaded

_BASE = re.compile(rb"^ARG PYTHON_IMAGE=(\S+)$", re.MULTILINE)
_VERSION = re.compile(rb"^__version__ = [\"']([^\"']+)[\"']", re.MULTILINE)
_MADE_AT = 315532800  # 1980-01-01, the oldest time that every archive format can hold: equal files, equal archives


def dockerfile() -> Path:
    """Return this tool's own Dockerfile: in the package in a wheel, at the top of the tree in a checkout."""
    templates = rendering.directory()
    for path in (templates / "docker" / "Dockerfile", templates.parent / "Dockerfile"):
        if path.is_file():
            return path
    raise Configuration(
        "The Dockerfile of decodeat-ops is not there.",
        hint="Reinstall decodeat-ops: its package is incomplete.",
        where=str(templates.parent / "Dockerfile"),
    )


def read(loaded: Loaded) -> Recipe:
    """Digest what an image would be made of now. Raises `Configuration` as `source.read` does."""
    found, file, image = source.read(loaded), dockerfile(), loaded.settings.image
    text = file.read_bytes()
    default = _BASE.search(text)
    base = image.python_image or (default.group(1).decode() if default else "")
    version = _VERSION.search((found.package / "__init__.py").read_bytes())
    return Recipe(
        code=found.code,
        lock=found.lock,
        dockerfile=hashlib.sha256(text).hexdigest(),
        base=base,
        platform=image.platform,
        version=version.group(1).decode() if version else "unknown",
        revision=_revision(found.package, file),
    )


def _revision(package: Path, file: Path) -> str:
    """Return the revision of the code; a Dockerfile that was changed beside it makes it dirty, too."""
    revision = source.revision(package)
    beside = revision and not revision.endswith(DIRTY) and file.parent == package.parent
    return f"{revision}{DIRTY}" if beside and not source.is_committed(file) else revision


def require_clean(recipe: Recipe, loaded: Loaded, *, allowed: bool) -> None:
    """Raise `GateFailed` for production when the files differ from their commit and nobody said that they may."""
    if recipe.dirty and loaded.env == PRODUCTION and not (allowed or loaded.settings.image.allow_dirty):
        raise GateFailed(
            f"The code differs from its commit ({recipe.revision}), and an image for {PRODUCTION} could not be traced "
            "back to it.",
            hint="Commit the change and run it again, or say that you mean it: image.allow_dirty in the settings, or "
            "--allow-dirty for `decodeat-ops build` and `decodeat-ops push`.",
        )


def context(package: Path) -> bytes:
    """Pack what the build needs into a tar archive in memory: the Dockerfile, the lock, and Python files alone.

    Owners, modes and times are always the same, so that equal code is an equal archive. Nothing else that lies in a
    checkout reaches the engine.
    """
    wanted = [path for path in source.files(package) if path.suffix == ".py" or path == package / source.LOCK_NAME]
    files = {f"decodeat/{path.relative_to(package).as_posix()}": path for path in wanted}
    directories = {parent.as_posix() for name in files for parent in Path(name).parents} - {"."}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, path in sorted({"Dockerfile": dockerfile(), **dict.fromkeys(directories, None), **files}.items()):
            member = tarfile.TarInfo(name)
            member.mtime = _MADE_AT
            if path is None:
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(member)
            else:
                content = path.read_bytes()
                member.size, member.mode = len(content), 0o644
                archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def repository(loaded: Loaded) -> str:
    """Return where the image belongs. Raises `Configuration` when the settings don't say."""
    if loaded.settings.image.repository:
        return loaded.settings.image.repository
    raise Configuration(
        "image.repository is not set: which registry the image belongs to is unknown.",
        hint='Name it in the settings: `repository = "registry.example.com/decodeat"` under [image].',
        where="image.repository",
    )


def logins(loaded: Loaded) -> Logins:
    """Return what knows the login of the settings, for the registry of `image.repository` and no other."""
    image = loaded.settings.image

    def login(registry: str) -> Login | None:
        if not image.user or registry != Reference(image.repository, "").registry:
            return None
        return Login(image.user, secrets.one(loaded, "image.password", image.password))

    return login
