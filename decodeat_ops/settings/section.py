"""Define what all tables of the settings have in common: unknown keys and other types are refused."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Hold one table of the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
