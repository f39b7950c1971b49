"""Decisions: found by leader, verdict, rule, time and text; each opens the whole story of its fill."""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from ops.domain.fill_timeline import find_stories, tell_story
from ops.domain.rule_descriptions import words_of
from ops.explain import timeline_words
from ops.recording.event_source import of_streams
from ops.web.access import Viewer
from ops.web.domain.decision_filter import read_filter
from ops.web.pages.decision_search import search_decisions
from ops.web.pages.page import show_page
from ops.web.web_parts import parts_of
from shared.domain.errors import BadConfig

router = APIRouter()
_BEFORE_MS = 3_600_000
"""How long before its decision a signal's first event may stand."""


@router.get("/decisions")
def decisions(
    request: Request,
    session: Viewer,
    leader: str = "",
    verdict: str = "",
    rule: str = "",
    text: str = "",
    since: str = "",
    until: str = "",
    before: str = "",
) -> HTMLResponse:
    """Show a page of decisions."""
    asked = {"leader": leader, "verdict": verdict, "rule": rule, "text": text, "since": since, "until": until}
    found = search_decisions(parts_of(request).redis, read_filter(**asked), before)
    given = {name: value for name, value in asked.items() if value}
    older = urlencode({**given, "before": found.after}) if found.after else ""
    return show_page(
        request, session, "decisions.html", found=found, asked=asked, filtered=bool(given), older=older, before=before
    )


@router.get("/decisions/{name}")
def story(request: Request, session: Viewer, name: str, at: str = "") -> HTMLResponse:
    """Tell the whole story of one fill, as `hybrid why` does."""
    since_ms = max(0, int(at) - _BEFORE_MS) if at.isdecimal() and len(at) < 16 else 0  # noqa: PLR2004 - ms of any year
    events = of_streams(parts_of(request).redis, since_ms)
    stories = tell_story(events(), find_stories(events(), name))
    if not stories:
        raise BadConfig(
            f"{name}: no signal, decision, order or transaction in the running system's streams begins with it"
        )
    told = [timeline_words.told_story(each) for each in stories]
    template = "parts/stories.html" if request.headers.get("hx-request") else "story.html"
    return show_page(request, session, template, stories=told, name=name, words_of=words_of)
