"""Follow, exit only and unfollow: what `hybrid follow` and `hybrid unfollow` do."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from ops.operator import leaders
from ops.operator.leaders import AfterUnfollow
from ops.web.access import Operator
from ops.web.actions.acting import act_once, start_once
from ops.web.jobs import allowed_jobs
from ops.web.web_parts import parts_of
from shared.domain.errors import BadConfig
from shared.polymarket.wire.leader_words import read_leader, split_words

router = APIRouter(prefix="/leaders")
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
    words = split_words(wallets)
    if not words:
        raise BadConfig("nobody to follow: paste the traders' wallets, as in the links of their profile pages")
    if len(words) > _MOST_AT_ONCE:
        raise BadConfig(f"{len(words)} wallets at once: give {_MOST_AT_ONCE} at most, or name a LEADERS_FILE")

    wanted = tuple(dict.fromkeys(_read(word) for word in words))
    return start_once(request, person, allowed_jobs.follow(wanted, label.strip()[:_MOST_LABEL], offline=bool(offline)))


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


def _read(word: str) -> str:
    """Return a leader as `hybrid follow` takes it: an address in our form, or a handle, which it looks up.

    Raises:
        BadConfig: it names nobody.
    """
    named = read_leader(word)
    return f"@{named.handle}" if named and named.handle else leaders.checked(word)
