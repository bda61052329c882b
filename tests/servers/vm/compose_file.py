"""Read a Compose file as strictly as Compose does, as far as it is played."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.servers.vm.words import Refused

_HOLE = re.compile(r"\$(?:(\$)|\{(\w+)(?:(:?[-?+])([^}]*))?\}|(\w+))")
SERVICE_KEYS = {
    "image", "container_name", "user", "read_only", "cap_drop", "cap_add", "security_opt", "mem_limit", "cpus",
    "memswap_limit", "pids_limit", "tmpfs", "volumes", "networks", "environment", "env_file", "labels", "restart",
    "stop_grace_period", "stop_signal", "healthcheck", "ports", "logging", "command", "entrypoint", "depends_on",
    "init", "hostname", "ulimits", "sysctls", "working_dir", "shm_size", "group_add", "pull_policy",
}  # fmt: skip
KEYS = {"name", "services", "networks", "volumes"}


def read(path: Path, shown: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """Return a Compose file with its variables filled in. Raises `Refused`."""
    try:
        told = yaml.safe_load(path.read_text())
    except OSError as error:
        raise Refused(f"open {shown}: no such file or directory", 14) from error
    except yaml.YAMLError as error:
        raise Refused(f"yaml: {error}") from error
    if not isinstance(told, dict) or not told.get("services"):
        raise Refused("empty compose file")
    found: dict[str, Any] = _filled(told, variables, "")
    wrong = [name for name in found if name not in KEYS and not name.startswith("x-")]
    if wrong:
        raise Refused(f"validating {shown}:  additional properties '{wrong[0]}' not allowed")
    for name, service in found["services"].items():
        unknown = [key for key in service if key not in SERVICE_KEYS]
        if unknown:
            raise Refused(f"validating {shown}: services.{name} additional properties '{unknown[0]}' not allowed")
        if "image" not in service:
            raise Refused(f'service "{name}" has neither an image nor a build context specified')
    return found


def _filled(value: Any, variables: Mapping[str, str], at: str) -> Any:
    if isinstance(value, dict):
        return {name: _filled(one, variables, f"{at}.{name}".lstrip(".")) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, variables, f"{at}.[]") for one in value]
    if not isinstance(value, str):
        return value

    def one(hole: "re.Match[str]") -> str:
        if hole[1]:
            return "$"
        name, sign, text = hole[2] or hole[5], hole[3] or "", hole[4] or ""
        there = variables.get(name)
        given = bool(there) if sign.startswith(":") else there is not None
        if sign.endswith("?") and not given:
            raise Refused(f"error while interpolating {at}: required variable {name} is missing a value: {text}")
        if sign.endswith("-") and not given:
            return text
        if sign.endswith("+"):
            return text if given else ""
        return there or ""

    return _HOLE.sub(one, value)


def pairs(value: Any, given: Mapping[str, str]) -> dict[str, str]:
    """Return variables or labels of either form; those without a value are taken from the caller's own."""
    if isinstance(value, dict):
        made = {name: given.get(name) if one is None else _text(one) for name, one in value.items()}
        return {name: one for name, one in made.items() if one is not None}
    found = {}
    for one in value or ():
        name, equals, text = str(one).partition("=")
        if equals:
            found[name] = text
        elif name in given:
            found[name] = given[name]
    return found


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def env_file(path: Path, shown: str) -> dict[str, str]:
    """Return the variables of a file as Compose reads it: quotes are taken away, and `$` begins a variable."""
    try:
        text = path.read_text()
    except OSError as error:
        raise Refused(f"env file {shown} not found: stat {shown}: no such file or directory") from error
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if not equals or name.startswith("#"):
            continue
        if len(value) > 1 and value[0] == value[-1] == "'":
            value = value[1:-1]
        elif len(value) > 1 and value[0] == value[-1] == '"':
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        elif "$" in value.replace("$$", ""):
            raise Refused(f"{shown}: the value of {name} has a variable in it, which is not played")
        found[name] = value.replace("$$", "$")
    return found


def seconds(text: Any) -> float:
    """Return how long a duration such as "1m30s" is."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6}
    found = re.findall(r"([0-9.]+)(ms|us|h|m|s)", str(text))
    if not found or "".join(f"{count}{unit}" for count, unit in found) != str(text):
        raise Refused(f'time: invalid duration "{text}"')
    return sum(float(count) * units[unit] for count, unit in found)


def size(text: Any) -> int:
    found = re.fullmatch(r"([0-9.]+)([bkmg]?)b?", str(text).lower())
    if not found:
        raise Refused(f"invalid size: '{text}'")
    return int(float(found[1]) * {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30}[found[2]])
