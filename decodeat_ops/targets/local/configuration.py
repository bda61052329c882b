"""Make what a release on this machine is configured with: rendered files, the supervisor's unit, the fingerprint."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from decodeat_ops import rendering
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.secret import Secret
from decodeat_ops.deployment import plain
from decodeat_ops.deployment.configured import MIB, Configured, digest, digests, settings
from decodeat_ops.deployment.inputs import python
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.deployment.release import LocalRelease
from decodeat_ops.deployment.source import Source
from decodeat_ops.settings import envfile
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.supervisor.unit import FORMAT, Unit

WORKERS = 2  # one may be busy, or stopping to be replaced
# Set by this tool for every release; an operator's value would break the switch, the probes or a rollback.
OURS = {
    "RELEASE_ID": "the release's id is its own",
    "HOST": "set local.host instead",
    "PORT": "set local.port instead",
    "DATABASE_URL": "the local target keeps its own SQLite database, so that it can back it up and restore it",
    "ADMISSION_LINK": "it belongs to the switch",
    "ADMISSION_BUSY": "it belongs to the switch",
    "LISTEN_ON": "it belongs to the supervisor",
    "SERVICE_LOG": "it belongs to the supervisor",
    "PROMETHEUS_MULTIPROC_DIR": "it belongs to the release",
}


def variables(loaded: Loaded) -> dict[str, str]:
    """Return the service's plain variables as text, with the known label's origin allowed.

    Raises `Configuration` for a variable that this tool sets, or that is among the secrets too.
    """
    service, values = loaded.settings.service, plain.variables(loaded, OURS)
    # The service divides the processors by this number; without it, it would assume another one than gunicorn starts.
    values.setdefault("WORKERS", str(WORKERS))
    origin = _probe_origin(loaded)
    if origin:
        listed = service.environment.get("IMAGE_ALLOWED_ORIGINS", [])
        known = listed if isinstance(listed, list) else [o for o in str(listed).split(",") if o]
        values["IMAGE_ALLOWED_ORIGINS"] = ",".join(dict.fromkeys([*known, origin]))
    return values


def _probe_origin(loaded: Loaded) -> str:
    """Return the origin on this machine that serves the known label while a check runs, "" when it is elsewhere."""
    url = urlsplit(loaded.settings.checks.label_url)
    return f"{url.scheme}://{url.netloc}" if url.hostname in {"127.0.0.1", "localhost", "::1"} else ""


def files(loaded: Loaded) -> dict[str, str]:
    """Render every file of a release, by its path below the release's directory."""
    values = {
        "workers": max(1, plain.number(loaded, "WORKERS", WORKERS)),
        "max_requests": plain.number(loaded, "MAX_REQUESTS", 1000),
        "max_requests_jitter": plain.number(loaded, "MAX_REQUESTS_JITTER", 50),
        "request_timeout": plain.number(loaded, "REQUEST_TIMEOUT", 120),
        "log_level": str(loaded.settings.service.environment.get("LOG_LEVEL", "INFO")).lower(),
    }
    return {
        "config/gunicorn.conf.py": rendering.render("local/gunicorn.conf.py.j2", values),
        "service.env": envfile.render(variables(loaded)),
    }


def configured(loaded: Loaded, secrets: Mapping[str, Secret], salt: str) -> Configured:
    """Return the configuration that a deploy would make, for a comparison with a release's."""
    local, logs = loaded.settings.local, loaded.settings.logs
    shape = Unit(
        argv=(),
        host=local.host,
        port=local.port,
        drain_timeout=local.drain_timeout,
        log_bytes=int(logs.max_mb * MIB),
        log_files=logs.keep_files,
        log_days=logs.keep_days,
    )
    rendered = {Path(name).name: digest(text.encode()) for name, text in files(loaded).items() if "/" in name}
    return Configured(variables(loaded) | settings(shape), rendered, digests(secrets, salt))


def fingerprint(source: Source, loaded: Loaded) -> str:
    """Return the SHA-256 in hex over code, lock, templates and every setting of a release, without rendering any."""
    chosen = loaded.settings
    shape = {
        "code": source.code,
        "lock": source.lock,
        "templates": rendering.digest("local"),
        "variables": variables(loaded),
        "secrets": chosen.service.secrets,
        "listen": [chosen.local.host, chosen.local.port],
        "drain": chosen.local.drain_timeout,
        "logs": chosen.logs.model_dump(),
    }
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()


def unit(release: LocalRelease, machine: Machine) -> Unit:
    """Build the supervisor's unit of a release. It alone holds absolute paths, so a restore elsewhere makes it anew."""
    layout: Layout = machine.layout
    settings = machine.loaded.settings
    directory = layout.release(release.id)
    timeout = plain.number(machine.loaded, "REQUEST_TIMEOUT", 120) + 30
    return Unit(
        argv=(
            str(python(machine.environments, release.lock)),
            "-m",
            "gunicorn",
            "--config",
            str(layout.config(release.id) / "gunicorn.conf.py"),
            "decodeat.main:app",
        ),
        host=release.host,
        port=release.port,
        env={
            "PYTHONPATH": str(layout.code(release.id)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "RELEASE_ID": release.id,
            "SERVICE_LOG": str(layout.log(release.id)),
            "ADMISSION_LINK": str(layout.active),
            "ADMISSION_BUSY": str(layout.busy(release.id)),
            "PROMETHEUS_MULTIPROC_DIR": str(layout.metrics(release.id)),
            "DATABASE_URL": f"sqlite:///{directory / 'data' / 'decodeat.sqlite3'}",
        },
        env_files=(str(layout.environment(release.id)), str(layout.secrets(release.id))),
        drain_timeout=settings.local.drain_timeout,
        grace=max(settings.local.drain_timeout, timeout) + 10,
        log_bytes=int(settings.logs.max_mb * 1024 * 1024),
        log_files=settings.logs.keep_files,
        log_days=settings.logs.keep_days,
    )


def unit_today(release: LocalRelease, machine: Machine, secrets: Iterable[str]) -> Unit:
    """Return the unit of a release that is about to start: the staged one with today's paths and required variables.

    The state may have been moved since. It requires every variable that the release gets.
    """
    layout = machine.layout
    here = unit(release, machine)
    try:
        staged = Unit.load(layout.unit(release.id))
    except (OSError, ValueError, TypeError):
        staged = here  # missing or damaged: it is made anew
    required = sorted({*envfile.read(layout.environment(release.id)), *secrets})
    return replace(
        staged,
        argv=here.argv,
        env=here.env,
        env_files=here.env_files,
        requires=tuple(required),
        format=FORMAT,
    )
