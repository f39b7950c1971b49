"""Kill, pause, flatten and resume: what `hybrid kill` and its sisters do."""

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form, Request
from redis import Redis
from starlette.responses import Response

from ops.operator import controls
from ops.operator.pipeline_server import demand_pipeline
from ops.web.access import Operator
from ops.web.actions.acting import act_always, act_once
from ops.web.web_parts import parts_of
from shared.clock import Clock
from shared.domain.errors import BadConfig
from shared.domain.trading_words import MODES

router = APIRouter(prefix="/controls")
Turn = Callable[[Redis, str, str, Clock], bool]
_MOST_WHY = 500
_FROM_PAGE = "from the dashboard"
Why = Annotated[str, Form()]


@router.post("/kill")
def kill(request: Request, person: Operator, why: Why = "") -> Response:
    """Stop every order and transaction now, on paper and live: no question, and never refused as a repetition."""
    return act_always(request, person, "/", lambda: _turn_all(request, controls.kill_all, "killed", why))


@router.post("/pause")
def pause(request: Request, person: Operator, why: Why = "", what: Annotated[str, Form()] = "sells-only") -> Response:
    """Stop buys, or with `all` every order."""
    turns: dict[str, Turn] = {"sells-only": controls.pause_buys, "buys": controls.pause_buys, "all": controls.pause_all}
    if what not in turns:
        raise BadConfig(f"--what {what}: give sells-only, buys or all")
    return act_always(request, person, "/", lambda: _turn_all(request, turns[what], "paused", why))


@router.post("/flatten")
def flatten(
    request: Request,
    person: Operator,
    typed: Annotated[str, Form()] = "",
    why: Why = "",
    any_price: Annotated[str, Form()] = "",
) -> Response:
    """Stop buying and sell every lot, after the word was typed."""
    _need_word("flatten", typed)
    turn = controls.flatten_at_any_price if any_price else controls.flatten
    state = "lots are to be sold at any price" if any_price else "lots are to be sold"
    return act_once(request, person, "/", lambda: _turn_all(request, turn, state, why))


@router.post("/resume")
def resume(request: Request, person: Operator, typed: Annotated[str, Form()] = "", why: Why = "") -> Response:
    """Allow orders and redemptions of the buyer that runs, after the word was typed."""
    _need_word("resume", typed)

    def lift() -> str:
        parts = parts_of(request)
        demand_pipeline(parts.redis)
        mode = controls.mode_of_buyer(parts.redis)
        changed = controls.resume(parts.redis, mode, _reason(why), parts.clock)
        return f"{mode} orders are on{'' if changed else ' already'}"

    return act_once(request, person, "/", lift)


def _turn_all(request: Request, turn: Turn, state: str, why: str) -> str:
    """Turn a control of both ledgers, as the command does: who is in a hurry must not name one."""
    parts, reason = parts_of(request), _reason(why)
    server = demand_pipeline(parts.redis)
    turned = controls.turn_each(partial(turn, parts.redis, mode, reason, parts.clock) for mode in reversed(MODES))
    lines = [
        f"{mode} {state}{'' if changed else ' already'}: {server.words(mode)}"
        for mode, changed in zip(reversed(MODES), turned, strict=True)
    ]
    return "\n".join(lines)


def _reason(why: str) -> str:
    return why.strip()[:_MOST_WHY] or _FROM_PAGE


def _need_word(word: str, typed: str) -> None:
    """Refuse without the typed word.

    Raises:
        BadConfig: it is another, or none.
    """
    if typed.strip().lower() != word:
        raise BadConfig(f"type the word {word} to do it; nothing was done")
