"""Follow, exit only and unfollow: what `hybrid follow` and `hybrid unfollow` do."""

import re
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from ops.operator import leaders
from ops.operator.leaders import AfterUnfollow
from ops.web.access import Operator
from ops.web.actions.acting import act_once
from ops.web.web_parts import WebParts, parts_of
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
    parts = parts_of(request)
    words = [word for word in _BETWEEN.split(wallets) if word]
    if not words:
        raise BadConfig("nobody to follow: paste the traders' wallets, as in the links of their profile pages")
    if len(words) > _MOST_AT_ONCE:
        raise BadConfig(f"{len(words)} wallets at once: give {_MOST_AT_ONCE} at most, or name a LEADERS_FILE")

    def act() -> str:
        wanted = [leaders.checked(word) for word in words]
        name = label.strip()[:_MOST_LABEL]
        return "\n".join(_follow(parts, address, name, offline=bool(offline)) for address in dict.fromkeys(wanted))

    return act_once(request, person, "/leaders", act)


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


def _follow(parts: WebParts, address: str, label: str, *, offline: bool) -> str:
    found = None if offline else leaders.look_up(address, parts.clock)
    wallet = found.address if found else address
    added = leaders.add(parts.redis, wallet, label, parts.clock)
    note = f" ({found.note})" if found and found.note else ""
    return f"{wallet} is followed{note}" if added else f"{wallet} was followed already{note}"
