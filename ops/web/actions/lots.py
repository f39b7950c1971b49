"""Sell a lot, or write it off: what `hybrid sell` does."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from ops.operator import lots
from ops.web.access import Operator
from ops.web.actions.acting import act_once
from ops.web.domain.mode import check_mode
from ops.web.web_parts import parts_of
from shared.domain.errors import BadConfig

router = APIRouter(prefix="/positions")


@router.post("/sell")
def sell(
    request: Request,
    person: Operator,
    lot: Annotated[str, Form()] = "",
    mode: Annotated[str, Form()] = "paper",
    floor: Annotated[str, Form()] = "",
    write_off: Annotated[str, Form()] = "",
    why: Annotated[str, Form()] = "",
) -> Response:
    """Tell the buyer to sell one lot, above its floor or the one that was typed; or end it in the ledger alone."""
    if floor and write_off:
        raise BadConfig("--floor and --write-off: give one of them")
    check_mode(mode)
    parts = parts_of(request)
    least = lots.read_floor(floor) if floor else None

    def act() -> str:
        found, reason = lots.find_lot(parts.redis, mode, lot), why.strip() or "from the dashboard"
        if write_off:
            return lots.write_off(parts.redis, mode, found, reason, parts.clock.now_ms())
        return lots.sell(parts.redis, mode, found, least, reason, parts.clock.now_ms())

    return act_once(request, person, "/positions", act)
