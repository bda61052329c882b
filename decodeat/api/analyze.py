"""POST /api/v1/analyze: every outcome of the pipeline is a 200 with the contract's five keys."""

from fastapi import APIRouter, Depends, Security

from decodeat.api.access import Access
from decodeat.api.schemas import AnalyzeRequest, AnalyzeResponse, NutritionInfo, Refusal
from decodeat.api.state import Parts, parts


def router(access: Access) -> APIRouter:
    routes = APIRouter(prefix="/api/v1", tags=["analysis"])

    @routes.post(
        "/analyze",
        dependencies=[*(Security(scheme) for scheme in access.schemes), Depends(access)],
        responses={
            **access.responses,
            408: {"model": Refusal, "description": "The request was not sent in time"},
            413: {"model": Refusal, "description": "The request is too large"},
        },
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
