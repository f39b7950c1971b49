"""Shadows: other settings beside the real buyer, as `hybrid pnl --by shadow` compares them."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from ops.shadow.comparison_reader import compared_shadows
from ops.shadow.shadow_table import ABOUT
from ops.web.access import Viewer
from ops.web.pages.page import show_page
from ops.web.web_parts import parts_of

router = APIRouter()


@router.get("/shadows")
def shadows(request: Request, session: Viewer) -> HTMLResponse:
    """Show each shadow with its settings, its result and the real buyer's over the same time."""
    parts = parts_of(request)
    board = parts.feed.look().board
    mode = board.mode if board else "paper"
    lines = compared_shadows(parts.redis, mode)
    return show_page(request, session, "shadows.html", lines=lines, about=ABOUT, mode=mode)
