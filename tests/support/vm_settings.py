"""Settings of `--target vm` for tests."""

from pathlib import Path

from decodeat_ops.settings.load import load
from decodeat_ops.settings.schema import Loaded

DIGEST = f"sha256:{'a' * 64}"
NGINX, REDIS, POSTGRES = (f"{name}@{DIGEST}" for name in ("nginx:1.22", "redis:7", "postgres:17"))
HEAD = 'name = "demo"\ntarget = "vm"\n'
SECTION = f"""[vm]
hosts = ["api1"]
domains = ["api.example.com", "www.example.com"]
nginx_image = "{NGINX}"
redis_image = "{REDIS}"
"""


def vm_settings(home: Path, more: str = "", section: str = SECTION) -> Loaded:
    """Load settings with a table [vm]; `more` follows it, with keys of that table first."""
    path = home / "decodeat-ops.toml"
    path.write_text(HEAD + section + more)
    return load(path, None, {}, environ={})
