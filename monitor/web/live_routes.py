"""The route of live updates."""

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import StreamingResponse

from monitor.web.live import Live, TooManyListenersError
from monitor.web.refusals import READING, refusal

LIVE_PATH = "/api/v1/live"


def live_routes(live: Live) -> APIRouter:
    """The route of live updates."""
    routes = APIRouter(tags=["cameras"])

    @routes.get(
        LIVE_PATH, summary="Server-sent events: `state`, then `change` with those that did; `beat`",
        response_class=StreamingResponse,
        responses={
            **READING,
            200: {"description": "Until you leave", "content": {"text/event-stream": {}}},
            **refusal(503, "Too many listen already"),
        },
    )  # fmt: skip
    async def listen(request: Request) -> StreamingResponse:
        try:
            messages = live.listen(request.state.holds)
        except TooManyListenersError:
            raise HTTPException(
                503, "as many listen as may; close another page, or ask /api/v1/status",
                {"retry-after": "30"},
            ) from None  # fmt: skip
        return StreamingResponse(
            messages, media_type="text/event-stream", headers={"x-accel-buffering": "no"}
        )

    return routes
