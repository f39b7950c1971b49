"""Now: whether I am safe, in five seconds; then the money."""

import json

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from ops.web.access import Viewer
from ops.web.live.event_stream import stream_regions
from ops.web.live.regions import REGIONS
from ops.web.pages.equity_chart import chart_points, chart_shape
from ops.web.pages.page import show_page
from ops.web.web_parts import parts_of, session_of
from shared.domain.errors import BadConfig

router = APIRouter()


@router.get("/")
def now(request: Request, session: Viewer) -> HTMLResponse:
    """Show how everything stands."""
    board = parts_of(request).feed.look().board
    return show_page(request, session, "now.html", chart=chart_shape(board.equity_line) if board else None)


@router.get("/equity.json")
def equity(request: Request, session: Viewer) -> Response:  # noqa: ARG001 - a session is needed
    """Return the line of equity: seconds, and amounts in micro-units as the ledger has them."""
    board = parts_of(request).feed.look().board
    return Response(json.dumps(chart_points(board.equity_line if board else ())), media_type="application/json")


@router.get("/stream")
async def stream(request: Request, session: Viewer, regions: str = "state") -> StreamingResponse:  # noqa: ARG001 - a session is needed
    """Stream regions as they change, until the session is over."""
    names = tuple(dict.fromkeys(regions.split(",")))
    if not set(names) <= set(REGIONS):
        raise BadConfig(f"regions {regions}: give some of {', '.join(REGIONS)}")
    parts = parts_of(request)
    events = stream_regions(parts.feed, names, parts.clock, lambda: session_of(request) is not None)
    return StreamingResponse(events, media_type="text/event-stream", headers={"x-accel-buffering": "no"})
