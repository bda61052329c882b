"""Write and read the line of a machine's lock file that names the owner: which command, whose, and its token."""

import json
import os
import re
import socket
from dataclasses import asdict, fields
from datetime import UTC, datetime

from decodeat_ops.core.owner import Owner
from decodeat_ops.engine.lock import operator

UNKNOWN = Owner("unknown", "unknown", 0, "unknown")
_LONGEST = 100  # letters of a user and a machine, since the file's lines have a fixed length
_TOKEN = re.compile(r"[0-9a-f]{32}")


def this_command(verb: str) -> Owner:
    """Return the owner that this process is."""
    user = f"{operator()}@{socket.gethostname()}"[:_LONGEST]
    return Owner(verb, user, os.getpid(), datetime.now(UTC).isoformat(timespec="seconds"))


def line(owner: Owner, token: str) -> str:
    return json.dumps({**asdict(owner), "token": token})


def owner(line: str) -> Owner:
    """Return whom a line names, `UNKNOWN` for one that is damaged."""
    try:
        told = json.loads(line)
        return Owner(**{one.name: told[one.name] for one in fields(Owner)})
    except (ValueError, TypeError, KeyError):
        return UNKNOWN


def token(line: str) -> str:
    """Return the token of a line, "" for one that has none."""
    try:
        found = str(json.loads(line)["token"])
    except (ValueError, TypeError, KeyError):
        return ""
    return found if _TOKEN.fullmatch(found) else ""
