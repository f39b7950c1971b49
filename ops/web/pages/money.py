"""Money: what is due and was redeemed, what has not ended, and what a person has to settle."""

import contextlib
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Form, Request
from redis import Redis
from starlette.responses import HTMLResponse, Response

from buyer.domain.wallet_words import gap_words, known_gaps
from ops.operator.account.unfinished_orders import unfinished
from ops.web.access import Operator, Viewer
from ops.web.actions.acting import start_once
from ops.web.jobs import allowed_jobs
from ops.web.pages.page import show_page
from ops.web.web_parts import parts_of
from shared.domain.errors import Malformed
from shared.domain.record_kinds import WALLET
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import REDEMPTIONS
from shared.messages.events import read_event
from shared.messages.redemptions import RedemptionResult
from shared.redis.streams import stream_tail

router = APIRouter(prefix="/money")
_SHOWN = 50


@router.get("")
def money(request: Request, session: Viewer) -> HTMLResponse:
    """Show what was paid back, and what is open between ledger, wallet and venue."""
    parts = parts_of(request)
    board = parts.feed.look().board
    ledger = RedisLedger(parts.redis, board.mode if board else "paper")
    jobs = [job for job in parts.jobs.reports() if job.title.startswith(("redeem", "look", "reconcile", "lift"))]
    return show_page(
        request,
        session,
        "money.html",
        redeemed=list(_redeemed(parts.redis)),
        unfinished=unfinished(ledger, parts.clock.now_ms()),
        gaps=[gap_words(gap) for gap in known_gaps(ledger.records(WALLET))],
        jobs=jobs[:5],
    )


@router.post("/redeem")
def redeem(request: Request, person: Operator, now: Annotated[str, Form()] = "") -> Response:
    """List what is due, or with `now` have it redeemed."""
    return start_once(request, person, allowed_jobs.redeem(now=bool(now)))


@router.post("/lift")
def lift(request: Request, person: Operator, condition: Annotated[str, Form()] = "") -> Response:
    """Lift the alarm of a condition."""
    return start_once(request, person, allowed_jobs.lift_alarm(condition))


@router.post("/reconcile")
def reconcile(
    request: Request,
    person: Operator,
    mode: Annotated[str, Form()] = "paper",
    what: Annotated[str, Form()] = "list",
    name: Annotated[str, Form()] = "",
    why: Annotated[str, Form()] = "",
) -> Response:
    """End an order, post cash, or settle the wallet."""
    return start_once(request, person, allowed_jobs.reconcile(mode, what, name.strip(), why))


def _redeemed(redis: Redis) -> Iterator[RedemptionResult]:
    for entry in reversed(stream_tail(redis, REDEMPTIONS, _SHOWN)):
        with contextlib.suppress(Malformed):
            event = read_event(entry.json)
            if isinstance(event, RedemptionResult):
                yield event
