"""POST /api/v1/analyze: every outcome of the pipeline is a 200 with the contract's five keys."""

from fastapi import APIRouter, Depends

from decodeat.api.access import key_required
from decodeat.api.schemas import AnalyzeRequest, AnalyzeResponse, NutritionInfo
from decodeat.api.state import Parts, parts


def router(keys: tuple[str, ...]) -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["analysis"])

    @routes.post(
        "/analyze",
        dependencies=[Depends(key_required(keys))],
        responses={401: {"description": "The API key is missing or wrong"}},
        summary="Read nutrition and ingredients off one or two pictures of a label",
    )
    async def analyze(request: AnalyzeRequest, running: Parts = Depends(parts)) -> AnalyzeResponse:  # noqa: B008 FastAPI's way
        outcome = await running.pipeline.analyse(request.image_urls, request.product_id)
        return AnalyzeResponse(
            decodeStatus=outcome.status.value,
            product_name=outcome.product_name,
            nutrition_info=None if outcome.nutrition is None else NutritionInfo(**outcome.nutrition),
            ingredients=list(outcome.ingredients),
            message=outcome.message,
        )

    return routes
