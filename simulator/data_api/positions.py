"""Positions as the Data API lists them, in both versions' words."""

from collections.abc import Iterable
from datetime import UTC, datetime

from simulator.core.market import Market
from simulator.core.position_ledger import Position
from simulator.core.world import World
from simulator.data_api import cursor, pages
from simulator.gateway.http_messages import Answer, Query, RefusedError

_STATUSES = {"OPEN", "REDEEMABLE", "REDEEMABLE_LOST", "MERGEABLE", "CLOSED"}
_NEEDS_USER = {"REDEEMABLE_LOST", "MERGEABLE"}
_DUST = 100_000
_V2_NAMES = {
    "proxyWallet": "proxy_wallet",
    "asset": "token_id",
    "conditionId": "condition_id",
    "size": "current_size",
    "avgPrice": "avg_price",
    "initialValue": "entry_cost_usdc",
    "currentValue": "current_value",
    "cashPnl": "unrealized_pnl",
    "percentPnl": "percent_pnl",
    "totalBought": "total_size",
    "realizedPnl": "realized_pnl",
    "percentRealizedPnl": "percent_realized_pnl",
    "curPrice": "current_price",
    "eventSlug": "event_slug",
    "eventId": "event_id",
    "outcomeIndex": "outcome_index",
    "oppositeOutcome": "opposite_outcome",
    "oppositeAsset": "opposite_token_id",
    "endDate": "end_date",
    "negativeRisk": "negative_risk",
}


class Holdings:
    """Read the indexed ledger."""

    def __init__(self, world: World) -> None:
        """Look at a world."""
        self._world = world

    def v2(self, query: Query, now_ms: int, window: tuple[int, int], filters: str) -> Answer:
        """Return one page of positions of a status, dust left out; a window is where it starts and how large it is."""
        status = query.get("status", "OPEN")
        if status not in _STATUSES:
            raise RefusedError(400, f"status must be one of {sorted(_STATUSES)}", parameter="status")
        if status in _NEEDS_USER and not query.get("user"):
            raise RefusedError(400, f"status {status} needs user", parameter="user")
        chosen = [p for p in self._asked(query) if self._is(p, status, now_ms)]
        start, limit = window
        page = chosen[start : start + limit]
        more = start + limit < len(chosen)
        following = cursor.encode(cursor.Place((start + limit, 0), limit), filters) if more else None
        rows = [pages.dump(self._v2_row(p, now_ms)) for p in page]
        return pages.enveloped(rows, pages.pagination(following, limit))

    def v1(self, query: Query, user: str, now_ms: int) -> Answer:
        """Return v1's bare list: above the size threshold, largest value first."""
        threshold = _threshold(query)
        wanted = {name: query.flag(name, default=False) for name in ("redeemable", "mergeable")}
        rows = [
            self._row(position, now_ms)
            for position in self._world.indexed.of_wallet(user)
            if position.shares and position.shares / 1_000_000 >= threshold
        ]
        markets = {each.lower() for each in query.every("market")}
        fitting = [
            row
            for row in rows
            if all(row[name] or not asked for name, asked in wanted.items())
            and (not markets or row["conditionId"] in markets)
        ]
        fitting.sort(key=lambda row: -float(str(row["currentValue"])))
        limit = min(query.integer("limit", 100), 500)
        offset = query.integer("offset", 0, 0, 10_000)
        return pages.bare([pages.dump(row) for row in fitting[offset : offset + limit]])

    def value(self, user: str, now_ms: int, name: str) -> dict[str, object]:
        """Return the worth of everything a wallet holds."""
        positions = self._world.indexed.of_wallet(user)
        worth = sum(p.shares * p.market.worth(p.outcome, now_ms) for p in positions)
        return {name: user, "value": round(float(worth) / 1_000_000, 6)}

    def _asked(self, query: Query) -> Iterable[Position]:
        user, conditions = query.get("user").lower(), query.every("condition") + query.every("condition_id")
        if user:
            held = self._world.indexed.of_wallet(user)
            return [p for p in held if not conditions or p.market.condition_id in conditions]
        if len(conditions) != 1:
            raise RefusedError(400, "user or exactly one condition is required", parameter="user")
        return self._world.indexed.of_condition(conditions[0])

    def _is(self, position: Position, status: str, now_ms: int) -> bool:
        market, held = position.market, position.shares >= _DUST
        if status == "CLOSED":
            return position.shares == 0 and position.bought > 0
        if status == "MERGEABLE":
            return held and self._other(position) >= _DUST
        pays = market.resolution is not None and market.resolution.payouts[position.outcome] > 0
        if status == "OPEN":  # the superset: winners that wait to be redeemed are in it too
            return held and (pays or not market.redeemable(now_ms))
        return held and market.redeemable(now_ms) and pays == (status == "REDEEMABLE")

    def _other(self, position: Position) -> int:
        other = position.market.tokens[1 - position.outcome]
        return self._world.indexed.shares(position.wallet, other)

    def _row(self, position: Position, now_ms: int) -> dict[str, object]:
        market, outcome = position.market, position.outcome
        price = market.worth(outcome, now_ms)
        value = position.shares * price
        average = position.spent / position.bought if position.bought else 0.0
        gain = float(value) - position.cost
        return {
            "proxyWallet": position.wallet,
            "asset": position.token_id,
            "conditionId": market.condition_id,
            "size": position.shares / 1_000_000,
            "avgPrice": round(average, 6),
            "initialValue": position.cost / 1_000_000,
            "currentValue": round(float(value) / 1_000_000, 6),
            "cashPnl": round(gain / 1_000_000, 6),
            "percentPnl": _percent(gain, position.cost),
            "totalBought": position.bought / 1_000_000,
            "realizedPnl": position.realized / 1_000_000,
            "percentRealizedPnl": _percent(position.realized, position.spent),
            "curPrice": float(price),
            "redeemable": market.redeemable(now_ms),
            "mergeable": bool(position.shares and self._other(position)),
            **_labels(market, outcome),
            "negativeRisk": market.neg_risk,
        }

    def _v2_row(self, position: Position, now_ms: int) -> dict[str, object]:
        row = self._row(position, now_ms)
        renamed = {_V2_NAMES.get(name, name): value for name, value in row.items()}
        fees = position.fees / 1_000_000
        gains = float(str(row["cashPnl"])) + float(str(row["realizedPnl"]))
        ended = "REDEEMABLE" if position.market.redeemable(now_ms) else "OPEN"
        return renamed | {
            "entry_fees_usdc": fees,
            "total_cost_usdc": round(position.cost / 1_000_000 + fees, 6),
            "total_pnl": round(gains, 6),
            "status": ended if position.shares else "CLOSED",
            "archived": False,
            "verified": False,
            "first_entry_at": position.first_at,
            "last_event_at": position.last_at,
        }


def _labels(market: Market, outcome: int) -> dict[str, object]:
    return {
        "title": market.question,
        "slug": market.slug,
        "icon": market.icon,
        "eventId": str(market.event.number),
        "eventSlug": market.event.slug,
        "outcome": market.outcomes[outcome],
        "outcomeIndex": outcome,
        "oppositeOutcome": market.outcomes[1 - outcome],
        "oppositeAsset": market.tokens[1 - outcome],
        "endDate": datetime.fromtimestamp(market.end_ms / 1000, UTC).date().isoformat(),
    }


def _threshold(query: Query) -> float:
    try:
        return float(query.get("sizeThreshold", "1"))
    except ValueError as error:
        raise RefusedError(400, "invalid sizeThreshold", parameter="sizeThreshold") from error


def _percent(part: float, whole: float) -> float:
    return round(100 * part / whole, 4) if whole else 0.0
