"""Configure gunicorn for a container; a deployment on one machine brings its own configuration.

FORWARDED_ALLOW_IPS (gunicorn's own variable, default 127.0.0.1,::1) names the proxies whose X-Forwarded-* headers are
trusted; set it to the proxy's address where the proxy is another container, and to `*` only where nothing else can
connect. On a unix socket nobody has an address, and its mode decides who connects: there the default is `*`.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from decodeat import private, settings

try:
    _given = settings.load()
except settings.SettingsError as error:
    sys.stdout.write(f"{error}\n")
    raise SystemExit(3) from error

if _given.socket:
    bind = f"unix:{_given.socket}"
    umask = 0o007  # owner and group: the proxy's user is in the group, and nobody else gets in
    forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "*")
else:
    bind = f"[{_given.host}]:{_given.port}" if ":" in _given.host else f"{_given.host}:{_given.port}"
backlog = 2048
workers = _given.workers
worker_class = "decodeat.worker.ReleaseWorker"
max_requests = _given.max_requests
max_requests_jitter = _given.max_requests_jitter
preload_app = False  # clients, threads and database connections do not survive a fork
control_socket_disable = True

# In this order: a request ends, gunicorn gives up a worker or a stop, the platform's grace period ends.
timeout = _given.request_timeout + 30
graceful_timeout = _given.request_timeout + 30

# With a read-only root the heartbeat files must be in memory; /dev/shm exists in containers and on machines alike.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 only ever unlinked files

accesslog = None  # the application writes one line a request itself
errorlog = "-"
loglevel = _given.log_level.lower()
proc_name = _given.release_id
logconfig_dict: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "decodeat.observability.JsonLines"}},
    "handlers": {"stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "json"}},
    "root": {"level": _given.log_level, "handlers": ["stdout"]},
    "loggers": {
        "gunicorn.error": {"level": _given.log_level, "handlers": ["stdout"], "propagate": False},
        "gunicorn.access": {"level": "WARNING", "handlers": [], "propagate": False},
    },
}

# Set before a worker imports prometheus_client, which decides once, at import, whether counters are shared.
_own = "PROMETHEUS_MULTIPROC_DIR" not in os.environ
_counters = Path(os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp("-decodeat", dir=worker_tmp_dir)))


def on_starting(server: Any) -> None:
    """Delete the counters of an earlier start, which must not be added to those of this one."""
    shutil.rmtree(_counters, ignore_errors=True)
    private.directory(_counters)


def child_exit(server: Any, worker: Any) -> None:
    """Keep a dead worker's counters, but drop its gauges: they describe the present moment."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    if _own:
        shutil.rmtree(_counters, ignore_errors=True)
