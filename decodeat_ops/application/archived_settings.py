"""Read settings from an archive for a machine that has none, and decide where their files may be written."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from decodeat_ops import archive
from decodeat_ops.archive import Manifest
from decodeat_ops.core.errors import Configuration, Locked, Usage
from decodeat_ops.core.plan import Plan
from decodeat_ops.deployment.places import layout_of
from decodeat_ops.settings.schema import Loaded

NOTHING: Mapping[str, str] = {}
Held = Mapping[Path, bytes]  # content by path of settings files that are in an archive and not on disk yet


def settings_for_restore(
    config: Path | None, env: str | None, file: Path | None, overrides: Mapping[str, str] = NOTHING
) -> tuple[Loaded, Held | None]:
    """Return this machine's settings or, where it has none, those of the archive `file` with their files.

    The archive's settings are only read; a step of the restore writes them, once it is approved. `overrides` are flags
    by dotted key.
    """
    if file is None or _there(config):
        from decodeat_ops.application.settings import load

        return load(config, env, overrides), None
    manifest, contents = archive.settings(file)
    loaded = _load(manifest, contents, config.absolute().parent if config else Path.cwd(), env, overrides)
    return loaded, {loaded.path(belongs): contents[name] for name, belongs in manifest.settings.items()}


def _load(
    manifest: Manifest,
    contents: Mapping[str, bytes],
    directory: Path,
    env: str | None,
    overrides: Mapping[str, str] = NOTHING,
) -> Loaded:
    """Return the archived settings as they would apply in that directory. Raises `Configuration`."""
    from decodeat_ops.application.settings import load

    tomls = {belongs: contents[name] for name, belongs in manifest.settings.items() if _is_settings(belongs)}
    if not tomls:
        raise Configuration(
            f"The archive {manifest.snapshot} holds no settings.",
            hint="Write some with `decodeat-ops init`, then restore.",
        )
    with tempfile.TemporaryDirectory(prefix="decodeat-ops-settings-") as place:  # settings name secrets but hold none
        for belongs, content in tomls.items():
            (Path(place) / belongs).write_bytes(content)
        read = load(Path(place) / min(tomls, key=len), env, overrides)  # an overlay's name is the longer one
    there = tuple(directory / path.name for path in read.files)
    return read.model_copy(update={"directory": directory, "files": there})


def check_same(file: Path, loaded: Loaded) -> None:
    """Refuse archived settings of another deployment or state directory. Raises `Usage`.

    They would hide what is deployed here, its journal included.
    """
    archived = _load(*archive.settings(file), loaded.directory, loaded.env)
    there, here = layout_of(archived).root, layout_of(loaded).root
    if (archived.deployment, there) != (loaded.deployment, here):
        raise Usage(
            f"The settings in {file.name} are of {archived.deployment} with its state in {there}, "
            f"and here they are of {loaded.deployment} with its state in {here}.",
            state="Nothing was changed.",
            hint="Put them into a directory of their own: run "
            f"`decodeat-ops restore --archive {file} --only settings` in an empty one.",
        )


def check_interrupted(plan: Plan, file: Path) -> None:
    """Refuse to continue an interrupted change unless it restores this archive. Raises `Locked`."""
    began_with = {step.do.params.get("manifest") for step in plan.steps}
    if plan.verb == "restore" and archive.inspect(file).digest in began_with:
        return
    raise Locked(
        f"An interrupted {plan.verb} of {plan.subject} is waiting to be settled here, and it is not of {file.name}.",
        hint="`decodeat-ops restore --archive FILE` goes on with the archive it began with."
        if plan.verb == "restore"
        else "Put its settings back, then `decodeat-ops resume` goes on with it, or `decodeat-ops resume --undo` takes "
        "it back.",
    )


def _is_settings(belongs: str) -> bool:
    return belongs.endswith(".toml") and "/" not in belongs


def _there(config: Path | None) -> bool:
    from decodeat_ops.settings.load import find

    try:
        find(config, Path.cwd())
    except Configuration:
        return False
    return True


def places(manifest: Manifest, loaded: Loaded, outside: Sequence[Path], *, new: bool) -> dict[str, str]:
    """Return where each file of archived settings is written, by its name in the archive.

    That is below the settings' directory, or where the settings in force here name a file of secrets. The operator
    has to allow other places with `outside`: a file, or a directory above it. `new` says that the settings in force
    are the archive's own: then its places for state, environments and archives have to be allowed too. Raises `Usage`
    for places that are not allowed.
    """
    allowed = [path.expanduser().resolve() for path in outside]
    ours = set() if new else _named(loaded)
    targets = {name: loaded.path(belongs) for name, belongs in manifest.settings.items()}
    wrong = [
        target
        for name, target in targets.items()
        if not below(manifest.settings[name]) and target not in ours and not _within(target, allowed)
    ]
    if new:
        wrong += [place for place in _directories(loaded) if not _within(place, allowed)]
    if wrong:
        flags = " ".join(f"--outside {path}" for path in dict.fromkeys(wrong))
        raise Usage(
            f"The archive {manifest.snapshot} would write outside {loaded.directory}: "
            + ", ".join(str(path) for path in dict.fromkeys(wrong))
            + ".",
            state="Nothing was written.",
            hint=f"If that is where they belong, say so: {flags}. A directory stands for all that is below it.",
        )
    return {name: str(target) for name, target in targets.items()}


def below(belongs: str) -> bool:
    """Return whether a path in the settings lies below the settings' own directory."""
    path = Path(belongs)
    return not path.is_absolute() and ".." not in path.parts and not belongs.startswith("~")


def _within(path: Path, allowed: Sequence[Path]) -> bool:
    return any(path.is_relative_to(place) for place in allowed)


def _named(loaded: Loaded) -> set[Path]:
    """Return the files of secrets that the settings in force name."""
    service = loaded.settings.service
    return {loaded.path(text) for text in (service.env_file, *service.references("file").values())}


def _directories(loaded: Loaded) -> Iterator[Path]:
    """Yield the outside directories that the archive's settings name; those from variables are the operator's own."""
    settings = loaded.settings
    files = {path.name for path in loaded.files}
    for key, text in (
        ("local.state_dir", settings.local.state_dir),
        ("local.environments_dir", settings.local.environments_dir),
        ("backup.directory", settings.backup.directory),
    ):
        if text and not below(text) and loaded.origins.get(key) in files:
            yield loaded.path(text)
