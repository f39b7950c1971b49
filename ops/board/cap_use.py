"""The limits of an account and how much of each is used: of a limit for many, the fullest. Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from ops.board.money_rows import CapUse, Position
from shared.domain.errors import Malformed
from shared.domain.ledger_accounts import TOTAL, day_account, pnl_account
from shared.domain.money import Usdc, to_micro
from shared.messages.account import LotMark

Values = Mapping[str, int]
Naming = Callable[[str], str]
_FINE = 10**9
"""Parts of a limit by which leaders are compared."""


def cap_uses(
    limits: Mapping[str, Any], values: Values, losses: Mapping[str, int] | None, now_ms: int, naming: Naming
) -> tuple[CapUse, ...]:
    """Return every limit in money, with what is used of it; none where no buyer told its limits.

    Args:
        limits: What the buyer decides by, as it told it: amounts are decimal strings.
        values: Every account of the ledger.
        losses: By leader, how far lots stand below their cost now; None where nobody knows.
        now_ms: The time.
        naming: Returns how a market, event or leader is called, '' for nothing.
    """
    day = values.get(day_account(now_ms), 0)
    found = (
        _cap(limits, "max_day_usdc", "today", day),
        _cap(limits, "max_total_usdc", "in all", values.get(TOTAL, 0)),
        _fullest(limits, "max_market_usdc", "a market", _of(values, "market:"), naming),
        _fullest(limits, "max_event_usdc", "an event", _of(values, "event:"), naming),
        _fullest(limits, "max_group_usdc", "a neg-risk event", _of(values, "group:"), naming),
        _leader_cap(limits, "max_leader_usdc", "a leader", _of(values, "leader:"), naming),
        _cap(limits, "max_day_loss_usdc", "lost today", _day_loss(values, losses, limits, now_ms)),
        _leader_cap(limits, "max_drawdown_usdc", "lost since a leader's best", _fallen(values, losses, limits), naming),
    )
    return tuple(cap for cap in found if cap is not None)


def losses_of(positions: Sequence[Position], marks: Mapping[str, LotMark]) -> dict[str, int] | None:
    """Return by leader what lots would bring below their cost, as the buyer's own rules count it; None if unknown."""
    found: dict[str, int] = {}
    for one in positions:
        mark = marks.get(one.key)
        if mark is None:
            return None
        found[one.leader] = found.get(one.leader, 0) + max(0, one.cost - mark.paid)
    return found


def _day_loss(values: Values, losses: Mapping[str, int] | None, limits: Mapping[str, Any], now_ms: int) -> int | None:
    realized = -values.get(pnl_account(now_ms), 0)
    if not limits.get("mark_losses"):
        return max(0, realized)
    return None if losses is None else max(0, realized + sum(losses.values()))


def _fallen(values: Values, losses: Mapping[str, int] | None, limits: Mapping[str, Any]) -> dict[str, int] | None:
    """Return by leader how far he is below his best."""
    fallen = {
        leader: values.get(f"peak:{leader}", 0) - realized for leader, realized in _of(values, "realized:").items()
    }
    if not limits.get("mark_losses"):
        return fallen
    if losses is None:
        return None
    return {leader: fallen.get(leader, 0) + losses.get(leader, 0) for leader in {*fallen, *losses}}


def _of(values: Values, prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}


def _cap(limits: Mapping[str, Any], name: str, scope: str, used: int | None, of: str = "") -> CapUse | None:
    limit = _amount(limits.get(name))
    if limit is None:
        return None
    return CapUse(name=name.upper(), used=None if used is None else Usdc(used), limit=limit, scope=scope, of=of)


def _fullest(
    limits: Mapping[str, Any], name: str, scope: str, used: Mapping[str, int], naming: Naming
) -> CapUse | None:
    of = max(used, key=lambda one: used[one], default="")
    return _cap(limits, name, scope, used.get(of, 0), naming(of))


def _leader_cap(
    limits: Mapping[str, Any], name: str, scope: str, used: Mapping[str, int] | None, naming: Naming
) -> CapUse | None:
    """Return the leader who has used the largest part of his limit, which may be one of his own."""
    if used is None:
        return _cap(limits, name, scope, None)
    own = {leader: _own_limit(limits, leader, name) for leader in used}
    parts = {leader: used[leader] * _FINE // limit for leader, limit in own.items() if limit}
    of = max(parts, key=lambda one: parts[one], default="")
    cap = _cap(limits, name, scope, used.get(of, 0), naming(of))
    limit = own.get(of)
    return CapUse(name=cap.name, used=cap.used, limit=limit, scope=scope, of=cap.of) if cap and limit else cap


def _own_limit(limits: Mapping[str, Any], leader: str, name: str) -> Usdc | None:
    given = _given(limits).get(leader, {})
    return _amount(given.get(name, limits.get(name)))


def _given(limits: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Return the limits of single leaders; nothing where they cannot be read."""
    try:
        found = json.loads(limits.get("leader_limits") or "{}")
    except (TypeError, ValueError):
        return {}
    return cast("Mapping[str, Mapping[str, Any]]", found) if isinstance(found, dict) else {}


def _amount(said: Any) -> Usdc | None:  # noqa: ANN401 - as another process told it
    try:
        return None if said is None else Usdc(to_micro(str(said)))
    except Malformed:
        return None
