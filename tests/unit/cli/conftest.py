"""A directory with settings, whose state is its own."""

import socket
from pathlib import Path

import pytest


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    text = f'name = "tested"\n[local]\nport = {port}\nstate_dir = "state"\nenvironments_dir = "environments"\n'
    (tmp_path / "decodeat-ops.toml").write_text(text)
    (tmp_path / "decodeat-ops.env").touch(mode=0o600)
    return tmp_path
