"""The parts that pages and actions share, built once for a dashboard."""

from dataclasses import dataclass

from fastapi import Request
from redis import Redis

from ops.web.jobs.job_runner import JobRunner
from ops.web.live.board_feed import BoardFeed
from ops.web.pages.running_settings import RunningSettings
from ops.web.security.gatekeeper import Gatekeeper
from ops.web.security.tokens import Pass
from ops.web.settings import WebSettings
from ops.web.templating import PageWriter
from shared.clock import Clock


@dataclass(frozen=True)
class WebParts:
    """What a dashboard is made of."""

    settings: WebSettings
    redis: Redis
    clock: Clock
    keeper: Gatekeeper
    writer: PageWriter
    feed: BoardFeed
    jobs: JobRunner
    told: RunningSettings
    cookie: str


def parts_of(request: Request) -> WebParts:
    """Return the parts of the dashboard that a request came to."""
    return request.app.state.parts


def session_of(request: Request) -> Pass | None:
    """Return who asks; None for nobody we know."""
    parts = parts_of(request)
    return parts.keeper.session_of(request.cookies.get(parts.cookie, ""))
