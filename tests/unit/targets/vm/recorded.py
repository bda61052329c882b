"""What machines said of a deployment, with engines of several versions.

looks/engine-20.10.txt was printed by a real machine with Debian's Docker 20.10.24 and without Compose; its directory
held nothing. Names of its file system, kernel and start were changed. Those of 24.0 and 28.2 were written by hand
to the formats of these versions.
"""

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from decodeat_ops.targets.vm import labels
from decodeat_ops.targets.vm.names import Names

LOOKS = Path(__file__).parent / "looks"
NAMES = Names("demo-production", PurePosixPath("/opt/decodeat-ops/demo-production"))
ONE, TWO = "20260101T000000Z-aaaaaaa", "20260102T000000Z-bbbbbbb"
IMAGE = f"sha256:{'1' * 64}"


def look(version: str) -> str:
    return (LOOKS / f"engine-{version}.txt").read_text()


def record(release: str, **more: Any) -> dict[str, Any]:
    """Return the record of a release as it lies on a machine."""
    return {
        "id": release, "fingerprint": f"f-{release}", "code": "c", "lock": "l", "secrets": "s", "revision": "r",
        "created_at": "2026-01-01T00:00:00+00:00", "created_by": "ops", "origin": "deploy", "data": "",
        "sequence": int(release[7]), "image": IMAGE, "served": True, **more,
    }  # fmt: skip


def container(part: str, release: str = "", *, state: str = "running", **more: Any) -> dict[str, Any]:
    """Return what Docker says of a container of ours; `more` goes over it."""
    marks = {labels.DEPLOYMENT: NAMES.deployment} | ({labels.RELEASE: release} if release else {})
    ports = {"8443/tcp": [{"HostIp": "", "HostPort": "443"}]} if part == "nginx" else {}
    return {
        "Name": f"/{NAMES.container(part)}", "Image": IMAGE, "RestartCount": 0, "User": "10001:10010", "Cmd": [],
        "Labels": marks,
        "State": {"Status": state, "StartedAt": "2026-01-01T00:00:10.5Z", "ExitCode": 0},
        "HostConfig": {
            "ReadonlyRootfs": True, "CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges:true"], "Memory": 1 << 30,
            "PidsLimit": 256, "PortBindings": ports,
        },
        **more,
    }  # fmt: skip


def said(
    *,
    links: Mapping[str, str] | None = None,
    records: Mapping[str, str] | None = None,
    containers: tuple[Mapping[str, Any], ...] = (),
    extra: str = "",
) -> str:
    """Return what a machine with an engine says that has these."""
    lines = ["= clock 1767225605.5", "= user 0", "= root", "= space 0", " /dev/sda1 100 50 10485760 50% /"]
    for name, leads in (links or {}).items():
        lines += [f"= link {name} 1767225600", f" {leads}"]
    for name, text in (records or {}).items():
        lines += [f"= release {name}", *(f" {line}" for line in text.splitlines())]
    version = {"Server": {"Version": "24.0.7"}}
    lines += ["= engine 0", f" {json.dumps(version)}", "= compose 0", " 2.21.0", "= containers 0"]
    lines += [f" {json.dumps(one)}" for one in containers]
    row = {"ID": IMAGE, "Repository": "<none>", "Digest": "<none>"}
    lines += ["= listed 0", "= images 0", f" {json.dumps(row)}"]
    return "\n".join([*lines, *extra.splitlines(), "= end", ""])


def serving(release: str = ONE, colour: str = "blue", **more: Any) -> str:
    """Return what a machine says where a release serves, with nginx and Redis, and more containers, beside it."""
    beside = more.pop("beside", ())
    given: dict[str, Any] = {
        "links": {"active": colour, colour: f"../releases/{release}", "edge": "0123456789ab"},
        "records": {release: json.dumps(record(release))},
        "containers": (container(colour, release), container("nginx"), container("redis"), *beside),
        **more,
    }
    return said(**given)
