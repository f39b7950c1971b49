"""Leaders: who is followed, what came of it, and whom to follow next."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from ops.operator.account.leader_counts import NEWEST, LeaderCounts, leader_counts
from ops.operator.account.leader_table import table
from ops.web.access import Viewer
from ops.web.pages.page import show_page
from ops.web.web_parts import parts_of

router = APIRouter()


@router.get("/leaders")
def leaders(request: Request, session: Viewer) -> HTMLResponse:
    """Show every leader, with where he comes from and who watches him."""
    parts = parts_of(request)
    board = parts.feed.look().board
    known = {row.address: row for row in board.leaders} if board else {}
    counts = leader_counts(parts.redis, board.mode if board else "paper")
    rows, nothing = table(parts.redis), LeaderCounts()
    return show_page(
        request, session, "leaders.html", rows=rows, known=known, counts=counts, nothing=nothing, newest=NEWEST
    )
