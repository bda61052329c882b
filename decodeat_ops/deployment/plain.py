"""Make the plain variables of the service out of the settings, without those that a target sets itself."""

from collections.abc import Mapping

from decodeat_ops.core.errors import Configuration
from decodeat_ops.settings.schema import Loaded


def variables(loaded: Loaded, ours: Mapping[str, str]) -> dict[str, str]:
    """Return `service.environment` as text.

    Raises `Configuration` for a variable that this tool sets (`ours` says why), or that is among the secrets too.
    """
    service = loaded.settings.service
    for name in [*service.environment, *service.secrets]:
        if name in ours:
            raise Configuration(
                f"service.environment may not set {name}: {ours[name]}.",
                hint=f"Remove {name} from the settings.",
                where=f"service.environment.{name}",
            )
    both = sorted(set(service.environment) & set(service.secrets))
    if both:
        raise Configuration(
            f"{both[0]} stands under service.environment and under service.secrets.",
            hint="Keep it in one of them; a secret belongs under service.secrets.",
            where=f"service.secrets.{both[0]}",
        )
    return {name: _text(value) for name, value in service.environment.items()}


def number(loaded: Loaded, name: str, default: int) -> int:
    """Return a variable that is a whole number. Raises `Configuration` when it is anything else."""
    value = loaded.settings.service.environment.get(name, default)
    try:
        found = int(str(value))
    except ValueError:
        found = -1
    if found < 0:
        raise Configuration(
            f"service.environment.{name} must be a whole number and not negative; it is {value!r}.",
            hint=f"Its default is {default}.",
            where=f"service.environment.{name}",
        )
    return found


def _text(value: str | int | float | bool | list[str]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, list) else str(value)
