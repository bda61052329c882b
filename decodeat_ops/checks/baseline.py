"""What a release's response times were when it was measured, by release, in the records directory."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from decodeat_ops.checks.load import Soak
from decodeat_ops.core.errors import Configuration
from decodeat_ops.deployment import files
from decodeat_ops.settings import trust

FORMAT = 1
KEPT = 50  # releases; far more than are kept on disk to go back to


def read(directory: Path) -> dict[str, dict[str, Any]]:
    """Measurements by release id. Raises `Configuration` when the file can't be read as such."""
    path = directory / "baseline.json"
    try:
        raw = json.loads(path.read_bytes())
        if raw["format"] > FORMAT:
            raise Configuration(
                f"{path.name} was written by a newer version (format {raw['format']}).", hint="Use that version."
            )
        return {str(release): dict(soak) for release, soak in raw["releases"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Configuration(
            f"{path.name} is damaged.", hint=f"Remove {path}; the next pre-deploy checklist measures anew."
        ) from error


def write(directory: Path, release: str, soak: Soak) -> None:
    """Remember a release's measurement; the `KEPT` that were measured last stay, and stand first."""
    known = read(directory)
    known.pop(release, None)
    new = {**soak.as_json(), "at": datetime.now(UTC).isoformat(timespec="seconds")}
    kept = dict([(release, new), *known.items()][:KEPT])
    trust.private_directory(directory)
    files.write(directory / "baseline.json", json.dumps({"format": FORMAT, "releases": kept}, indent=1))
