"""Why not: signals that were not followed, added up by rule and by leader, as `hybrid why-not` adds them up."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from ops.domain.rule_descriptions import words_of
from ops.web.access import Viewer
from ops.web.jobs.asked_command import ask_command
from ops.web.pages.page import show_page
from ops.web.web_parts import parts_of
from shared.domain.errors import BadConfig
from shared.domain.plain_text import make_plain

router = APIRouter()
_MOST_HOURS = 24 * 366
_MOST_LEADER = 200
_NOTHING = "no decision"
SPANS = (("1", "last hour"), ("24", "last day"), ("168", "last week"), ("720", "last month"))


@router.get("/why-not")
def why_not(request: Request, session: Viewer, hours: str = "24", leader: str = "") -> HTMLResponse:
    """Show the totals of some hours, counted back from the newest event."""
    wanted = make_plain(leader).strip().lower()[:_MOST_LEADER]
    words = ("why-not", f"--hours={_hours(hours):g}", f"--leader={wanted}")
    try:
        found = ask_command(words, {"REDIS_URL": parts_of(request).settings.redis_url})
    except BadConfig as error:
        if not str(error).startswith(_NOTHING):
            raise
        found = None
    return show_page(
        request, session, "why_not.html", found=found, hours=hours, leader=leader, spans=SPANS, words_of=words_of
    )


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not 0.001 <= hours <= _MOST_HOURS:  # noqa: PLR2004 - the command's own least
        raise BadConfig(f"--hours {text}: a number from 0.001 to {_MOST_HOURS}")
    return hours
