"""Check that the settings are safe: readable files, debug mode, plain secrets, an open address, the user it runs as."""

import ipaddress
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.manual import signed_by_a_person
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.deployment.configured import SECRET_NAME, URL_PASSWORD
from decodeat_ops.deployment.tools import Subject
from decodeat_ops.settings import trust

FILES = "security.files"
SETTINGS = "security.settings"
ADDRESS = "security.address"
ORIGINS = "security.origins"
USER = "security.user"


def files(subject: Subject) -> Finding:
    """Check that no other user may read secrets or data, reach the private sockets, or replace our files."""
    present = [path for path in dict.fromkeys(_private(subject)) if path.exists()]
    open_ones = [f"{path.name} {path.stat().st_mode & 0o777:04o}" for path in present if path.stat().st_mode & 0o077]
    open_ones += [f"{place} {why}" for place, why in dict.fromkeys(_strange(subject))]
    if open_ones:
        return answer(FILES, Status.FAIL, "security.readable", count=len(open_ones), files=open_ones)
    return answer(FILES, Status.PASS, "security.private", count=len(present))


def _private(subject: Subject) -> Iterator[Path]:
    tools = subject.tools
    service = tools.loaded.settings.service
    yield tools.loaded.path(service.env_file)
    yield from map(tools.loaded.path, service.references("file").values())
    layout = tools.layout
    # All else is below the state directory, which only its owner may enter; these are checked in case that changed.
    yield from (layout.root, layout.run, layout.data, layout.records)
    yield from layout.releases.glob("*/secrets.env")
    yield from layout.data.glob("*/*.sqlite3*")
    yield from tools.backups.glob("*.tar.zst*")


def _strange(subject: Subject) -> Iterator[tuple[Path, str]]:
    """Yield the places where another user could replace our files, directories above them included."""
    tools = subject.tools
    for path in (*tools.loaded.files, tools.layout.root, tools.environments, tools.backups):
        if untrusted := trust.flaw(path):
            yield untrusted[0], untrusted[1]


def settings(subject: Subject) -> Finding:
    environment = subject.tools.loaded.settings.service.environment
    unsafe = []
    for name, value in environment.items():
        text = str(value)
        if name == "DEBUG" and text.lower() in ("true", "1", "yes", "on"):
            unsafe.append("DEBUG")
        elif (SECRET_NAME.search(name) and text.strip()) or URL_PASSWORD.search(text):
            unsafe.append(name)
    if unsafe:
        return answer(SETTINGS, Status.FAIL, "security.unsafe", names=unsafe)
    return answer(SETTINGS, Status.PASS, "security.plain_ok", count=len(environment))


def address(subject: Subject) -> Finding:
    host = subject.tools.loaded.settings.local.host
    if _loopback(host):
        return answer(ADDRESS, Status.PASS, "security.loopback", host=host)
    return answer(ADDRESS, Status.WARN, "security.reachable", host=host)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def origins(subject: Subject) -> Finding:
    """Check that the allow list, which opens private addresses to downloads, holds at most the known label's origin."""
    loaded = subject.tools.loaded.settings
    value = loaded.service.environment.get("IMAGE_ALLOWED_ORIGINS", "")
    texts = value if isinstance(value, list) else re.split(r"[\s,\[\]\"']+", str(value))
    allowed = [text.strip() for text in texts if text.strip()]
    label = urlsplit(loaded.checks.label_url)
    extra = [origin for origin in allowed if origin != f"{label.scheme}://{label.netloc}"]
    if extra:
        return answer(ORIGINS, Status.WARN, "security.origins_open", origins=extra)
    if allowed:
        return answer(ORIGINS, Status.PASS, "security.origins_label", origins=allowed)
    return answer(ORIGINS, Status.PASS, "security.origins_none")


def user(subject: Subject) -> Finding:
    uid = os.geteuid()
    if uid == 0:
        return answer(USER, Status.WARN, "security.root", uid=uid)
    return answer(USER, Status.PASS, "security.not_root", uid=uid)


CHECKS = (
    Check(FILES, files, gate=True),
    Check(SETTINGS, settings),
    Check(ADDRESS, address),
    Check(ORIGINS, origins),
    Check(USER, user),
    signed_by_a_person("security.review"),
)
