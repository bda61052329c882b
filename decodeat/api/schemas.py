"""Define what clients send and get: the contract's models."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from decodeat.images.location import LONGEST

# The addresses accepted at all; whether one is fetched is decided later. The OpenAPI document shows the pattern as is.
_WEB = r"^ *[Hh][Tt][Tt][Pp][Ss]?://[^\x00-\x20\x7f/?#][^\x00-\x1f\x7f]*$"


def _address(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    if not re.fullmatch(_WEB, text):
        raise ValueError("must begin with http:// or https:// and a host, and hold no control characters")
    return text.strip()


def _number(value: object) -> object:
    """Raise ValueError for text and booleans: to JSON 7 and 7.0 are the same number, but "7" and true are none."""
    if isinstance(value, bool | str):
        raise ValueError("must be a whole number")
    return value


def _int64(number: int) -> int:
    if not -(2**63) <= number < 2**63:
        raise ValueError("must be a whole number of 64 bits")
    return number


Address = Annotated[str, Field(max_length=LONGEST, json_schema_extra={"pattern": _WEB}), AfterValidator(_address)]
# Bounds would become floats in the OpenAPI document, and be wrong by hundreds.
Int64 = Annotated[int, Field(json_schema_extra={"format": "int64"}), BeforeValidator(_number), AfterValidator(_int64)]


class AnalyzeRequest(BaseModel):
    """One or two pictures of the same product."""

    image_urls: Annotated[list[Address], Field(min_length=1, max_length=2)]
    product_id: Int64 | None = None


class NutritionInfo(BaseModel):
    """Plain decimals without units; null is unknown. Per the quantity that the label states first."""

    calcium: str | None = Field(description="mg")
    carbohydrate: str | None = Field(description="g")
    cholesterol: str | None = Field(description="mg")
    dietary_fiber: str | None = Field(description="g")
    energy: str | None = Field(description="kcal")
    fat: str | None = Field(description="g")
    protein: str | None = Field(description="g")
    sat_fat: str | None = Field(description="g")
    sodium: str | None = Field(description="mg")
    sugar: str | None = Field(description="g")
    trans_fat: str | None = Field(description="g")


class AnalyzeResponse(BaseModel):
    """All five keys are always there. `nutrition_info` is an object when COMPLETED, even if all in it is null."""

    decodeStatus: Literal["COMPLETED", "CANCELLED", "FAILED"]
    product_name: str | None
    nutrition_info: NutritionInfo | None
    ingredients: list[str]
    message: str


class Refusal(BaseModel):
    """Every refusal but 422, whose `detail` is a list."""

    detail: str


class Health(BaseModel):
    status: Literal["healthy"]
    service: Literal["nutrition-label-api"]
    version: str
    release: str


class Check(BaseModel):
    """Without a `needed` part this instance can't work, and another may; a failure of any other is everybody's."""

    ok: bool
    needed: bool
    detail: str


class Readiness(BaseModel):
    ready: bool
    release: str
    checks: dict[str, Check]
