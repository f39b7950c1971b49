"""Why not: signals that were not followed, added up by rule and by leader."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from ops.domain.rule_descriptions import words_of
from ops.domain.skip_stats import skip_stats
from ops.explain import timeline_words
from ops.recording.event_source import of_streams
from ops.web.access import Viewer
from ops.web.pages.page import show_page
from ops.web.web_parts import parts_of
from shared.domain.errors import BadConfig

router = APIRouter()
HOUR_MS = 3_600_000
_MOST_HOURS = 24 * 366
SPANS = (("1", "last hour"), ("24", "last day"), ("168", "last week"), ("720", "last month"))


@router.get("/why-not")
def why_not(request: Request, session: Viewer, hours: str = "24", leader: str = "") -> HTMLResponse:
    """Show the totals of some hours, as `hybrid why-not --hours` does."""
    parts = parts_of(request)
    end_ms = parts.clock.now_ms()
    start_ms = end_ms - round(_hours(hours) * HOUR_MS)
    found = skip_stats(of_streams(parts.redis, start_ms)(), start_ms, end_ms, leader.strip().lower())
    return show_page(
        request,
        session,
        "why_not.html",
        found=found,
        hours=hours,
        leader=leader,
        spans=SPANS,
        words_of=words_of,
        values=timeline_words.values,
    )


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not 0.001 <= hours <= _MOST_HOURS:  # noqa: PLR2004 - the command's own least
        raise BadConfig(f"--hours {text}: a number from 0.001 to {_MOST_HOURS}")
    return hours
