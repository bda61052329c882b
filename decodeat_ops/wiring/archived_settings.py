"""On a machine without settings a restore takes them from the archive first."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from decodeat_ops import archive
from decodeat_ops.core.errors import Configuration, OpsError
from decodeat_ops.settings.schema import Loaded


@contextmanager
def settings_for_restore(config: Path | None, env: str | None, file: Path | None, *, dry_run: bool) -> Iterator[Loaded]:
    """The settings that are here, or, on a machine that has none, those of the archive `file`, put in place first.

    A dry run reads them from a place that is gone afterwards; its paths are those that a restore would use.
    """
    from decodeat_ops.wiring.settings import load

    if file is None or _there(config):
        yield load(config, env, {})
        return
    directory = config.absolute().parent if config else Path.cwd()
    if not dry_run:
        yield load(bootstrap(file, directory), env, {})
        return
    with tempfile.TemporaryDirectory(prefix="decodeat-ops-settings-") as place:
        loaded = load(bootstrap(file, Path(place), elsewhere=False), env, {})
        yield loaded.model_copy(update={"directory": directory})


def _there(config: Path | None) -> bool:
    from decodeat_ops.settings.load import find

    try:
        find(config, Path.cwd())
    except Configuration:
        return False
    return True


def bootstrap(file: Path, directory: Path, *, elsewhere: bool = True) -> Path:
    """Put an archive's settings into `directory` and return the settings file.

    With `elsewhere`, files of secrets that the settings name outside the directory are put there too. It runs
    before there is a deployment, hence no journal: secrets are written first and the settings file last, so that
    after a crash a second run does it again or finds it done.
    """
    from decodeat_ops.targets.local.restore_actions import below, put_settings, take_back_settings

    directory.mkdir(parents=True, exist_ok=True)
    place = directory / ".restoring-settings"  # one name, so that what a killed run left is found
    shutil.rmtree(place, ignore_errors=True)
    unpacked = place / "archive"
    try:
        manifest = archive.extract(file, unpacked)
        names = {name: belongs for name, belongs in manifest.settings.items() if elsewhere or below(belongs)}
        tomls = [belongs for belongs in names.values() if belongs.endswith(".toml")]
        if not tomls:
            raise Configuration(
                f"The archive {file.name} holds no settings.", hint="Write some with `decodeat-ops init`, then restore."
            )
        try:
            put_settings(unpacked, names, directory, manifest.snapshot)
        except (OpsError, OSError):
            take_back_settings(unpacked)
            raise
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return directory / min(tomls, key=len)  # an overlay's name is the longer one
