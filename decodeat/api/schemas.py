"""What clients send and get: the contract's shapes."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from decodeat.images.location import LONGEST

_WEB = re.compile(r"https?://[^\s/?#]+", re.IGNORECASE)


def _address(text: str) -> str:
    text = text.strip()
    if not text:
        raise ValueError("must not be blank")
    if not _WEB.match(text):
        raise ValueError("must begin with http:// or https:// and a host")
    if not text.isprintable():
        raise ValueError("must not hold control characters")
    return text


Address = Annotated[str, Field(max_length=LONGEST), AfterValidator(_address)]


class AnalyzeRequest(BaseModel):
    """One or two pictures of the same product."""

    image_urls: Annotated[list[Address], Field(min_length=1, max_length=2)]
    product_id: Annotated[int | None, Field(ge=-(2**63), lt=2**63)] = None


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
    ok: bool
    detail: str


class Readiness(BaseModel):
    ready: bool
    release: str
    checks: dict[str, Check]
