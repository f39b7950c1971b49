"""Times at which the matching engine takes no orders, or only some: restarts, post-only and cancel-only windows."""

import json
from dataclasses import dataclass
from typing import Literal

from simulator.core.world import World
from simulator.gateway.faults import Fault
from simulator.gateway.http_messages import Answer

Wish = Literal["order", "post_only", "cancel"]
_POST_ONLY_S = 120


@dataclass(frozen=True)
class _Mode:
    status: int
    error: str
    allowed: frozenset[Wish]
    code: str = ""


_MODES: dict[str, _Mode] = {
    "restarting": _Mode(425, "the matching engine is restarting", frozenset()),
    "post_only": _Mode(
        503,
        "post-only mode: only post-only orders and cancels are allowed",
        frozenset({"post_only", "cancel"}),
        "post_only_mode",
    ),
    "cancel_only": _Mode(503, "Trading is currently cancel-only. New orders are not accepted.", frozenset({"cancel"})),
    "disabled": _Mode(503, "Trading is currently disabled.", frozenset()),
}


def refusal(world: World, route: str, wish: Wish) -> Answer | None:
    """Return what the engine answers instead of doing as asked, None when it would do it."""
    now = world.now_ms()
    fault = world.faults.find("engine", "clob", route, now)
    if fault is None:
        return None
    mode = _MODES[_name(fault, now)]
    if wish in mode.allowed or world.faults.take("engine", "clob", route, now) is None:
        return None
    body: dict[str, object] = {"error": mode.error, "retry_after_seconds": fault.number("retry_after", 5)}
    if mode.code:
        body["code"] = mode.code
    return Answer(json.dumps(body), mode.status)


def _name(fault: Fault, now_ms: int) -> str:
    """Return the mode in force; a `restart` ends with two minutes of post-only."""
    name = str(fault.params.get("mode", "restarting"))
    if name != "restart":
        return name if name in _MODES else "restarting"
    left = 0 if fault.until_ms is None else fault.until_ms - now_ms
    return "restarting" if left > fault.number("post_only_s", _POST_ONLY_S) * 1000 else "post_only"
