"""Positions: what is held, what it would bring now, and the sale of one lot by hand."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from ops.operator.lots import find_lot
from ops.web.access import Viewer
from ops.web.domain.mode import check_mode
from ops.web.pages.page import show_page
from ops.web.web_parts import parts_of

router = APIRouter()


@router.get("/positions")
def positions(request: Request, session: Viewer) -> HTMLResponse:
    """Show every open lot."""
    return show_page(request, session, "positions.html")


@router.get("/positions/sell")
def sell_form(request: Request, session: Viewer, lot: str = "", mode: str = "paper") -> HTMLResponse:
    """Ask how one lot is to be sold."""
    check_mode(mode)
    found = find_lot(parts_of(request).redis, mode, lot)
    board = parts_of(request).feed.look().board
    known = next((each for each in board.positions if each.key == found.key), None) if board else None
    return show_page(request, session, "sell.html", lot=found, position=known, mode=mode)
