"""On a machine without settings a restore takes them from the archive first."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from decodeat_ops import archive
from decodeat_ops.core.errors import Configuration, OpsError
from decodeat_ops.deployment import files
from decodeat_ops.deployment.store import Store
from decodeat_ops.engine.journal import unfinished
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.wiring.opening import layout_of


@contextmanager
def settings_for_restore(config: Path | None, env: str | None, file: Path | None, *, dry_run: bool) -> Iterator[Loaded]:
    """The settings that are here, or, on a machine that has none, those of the archive `file`, put in place first.

    They are taken away again when the restore left nothing else, be it refused, declined or undone. A dry run reads
    them from a place that is gone afterwards; its paths are those that a restore would use.
    """
    from decodeat_ops.targets.local.restore_actions import take_back_settings
    from decodeat_ops.wiring.settings import load

    if file is None or _there(config):
        yield load(config, env, {})
        return
    directory = config.absolute().parent if config else Path.cwd()
    if dry_run:
        with tempfile.TemporaryDirectory(prefix="decodeat-ops-settings-") as place:
            settings, _ = bootstrap(file, Path(place), elsewhere=False)
            yield load(settings, env, {}).model_copy(update={"directory": directory})
        return
    settings, stood = bootstrap(file, directory)
    loaded: Loaded | None = None
    try:
        loaded = load(settings, env, {})
        yield loaded
    except (OpsError, OSError):
        if loaded is None or not _begun(loaded):
            take_back_settings(stood)
        raise


def _there(config: Path | None) -> bool:
    from decodeat_ops.settings.load import find

    try:
        find(config, Path.cwd())
    except Configuration:
        return False
    return True


def _begun(loaded: Loaded) -> bool:
    """Something serves, or an open journal waits for `resume`, which needs the settings."""
    layout = layout_of(loaded)
    return unfinished(layout.journals) is not None or bool(Store(layout).active_id())


def bootstrap(file: Path, directory: Path, *, elsewhere: bool = True) -> tuple[Path, dict[str, str]]:
    """Put an archive's settings into `directory`; returns the settings file and what takes them back.

    With `elsewhere`, files of secrets that the settings name outside the directory are put there too. It runs
    before there is a deployment, hence no journal: secrets are written first and the settings file last, so that
    after a crash a second run does it again or finds it done.
    """
    from decodeat_ops.targets.local.restore_actions import below, put_settings, stood_before, take_back_settings

    files.private_directory(directory)
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
            take_back_settings(stood_before(unpacked))
            raise
        stood = stood_before(unpacked)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return directory / min(tomls, key=len), stood  # an overlay's name is the longer one
