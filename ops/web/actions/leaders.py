"""Follow, exit only and unfollow: what `hybrid follow` and `hybrid unfollow` do."""

import re
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from ops.operator import leaders
from ops.operator.leaders import AfterUnfollow
from ops.web.access import Operator
from ops.web.actions.acting import act_once, start_once
from ops.web.jobs.allowed_jobs import follow_job
from ops.web.web_parts import parts_of
from shared.domain.errors import BadConfig

router = APIRouter(prefix="/leaders")
_BETWEEN = re.compile(r"[\s,;]+")
_MOST_AT_ONCE = 50
_MOST_LABEL = 60
_LOTS: dict[str, AfterUnfollow] = {"mirror": "mirror", "sell": "sell", "keep": "keep"}


@router.post("/follow")
def follow(
    request: Request,
    person: Operator,
    wallets: Annotated[str, Form()] = "",
    label: Annotated[str, Form()] = "",
    offline: Annotated[str, Form()] = "",
) -> Response:
    """Follow every wallet that was pasted; all are read before the first one counts."""
    words = [word for word in _BETWEEN.split(wallets) if word]
    if not words:
        raise BadConfig("nobody to follow: paste the traders' wallets, as in the links of their profile pages")
    if len(words) > _MOST_AT_ONCE:
        raise BadConfig(f"{len(words)} wallets at once: give {_MOST_AT_ONCE} at most, or name a LEADERS_FILE")

    wanted = tuple(dict.fromkeys(leaders.checked(word) for word in words))
    return start_once(request, person, follow_job(wanted, label.strip()[:_MOST_LABEL], offline=bool(offline)))


@router.post("/unfollow")
def unfollow(
    request: Request, person: Operator, address: Annotated[str, Form()] = "", lots: Annotated[str, Form()] = "mirror"
) -> Response:
    """Follow a wallet's buys no more; `lots` says what becomes of what we hold of it."""
    if lots not in _LOTS:
        raise BadConfig(f"lots {lots}: give mirror, sell or keep")
    parts, wanted = parts_of(request), leaders.checked(address)

    def act() -> str:
        left = leaders.remove(parts.redis, wanted, parts.clock, _LOTS[lots])
        return f"{wanted} is not followed any more, until it is followed again{'; ' + left if left else ''}"

    return act_once(request, person, "/leaders", act)
