"""Keep the response times that each release had when it was measured, in the records directory."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from decodeat_ops.checks.load import Soak
from decodeat_ops.core.errors import Configuration
from decodeat_ops.deployment import files
from decodeat_ops.settings import trust

FORMAT = 1
KEPT = 50  # releases; far more than are usually kept on disk for a rollback


def read(directory: Path) -> dict[str, dict[str, Any]]:
    """Return the measurements by release id. Raises `Configuration` for a damaged file or one of a newer version."""
    path = directory / "baseline.json"
    try:
        raw = json.loads(path.read_bytes())
        if raw["format"] > FORMAT:
            raise Configuration(
                f"{path.name} was written by a newer version (format {raw['format']}).", hint="Use that version."
            )
        return {release: {**soak, "p95_ms": float(soak["p95_ms"])} for release, soak in raw["releases"].items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Configuration(
            f"{path.name} can't be read: {error.strerror}.",
            hint=f"Run decodeat-ops as the user to whom {path} belongs.",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Configuration(
            f"{path.name} is damaged.", hint=f"Remove {path}; the next pre-deploy checklist measures anew."
        ) from error


def write(directory: Path, release: str, soak: Soak) -> None:
    """Write a release's measurement before the others; only the `KEPT` that were measured last stay."""
    known = read(directory)
    known.pop(release, None)
    new = {**soak.as_json(), "at": datetime.now(UTC).isoformat(timespec="seconds")}
    kept = dict([(release, new), *known.items()][:KEPT])
    trust.private_directory(directory)
    files.write(directory / "baseline.json", json.dumps({"format": FORMAT, "releases": kept}, indent=1))
