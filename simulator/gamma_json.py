"""Markets and events in Gamma's words: lists are JSON inside JSON."""

import json
from datetime import UTC, datetime
from typing import Any

from simulator.amounts import MICRO, PRICE_ONE, TICK_TEXTS, number_of, plain
from simulator.contracts import UMA_ADAPTER
from simulator.market import Event, Market


def market_json(market: Market, now_ms: int, *, nested: bool = False) -> dict[str, Any]:
    """Return a market as Gamma writes it; events carry their markets without events."""
    body = _facts(market) | _state(market, now_ms) | _prices(market, now_ms)
    if not nested:
        body["events"] = [_event_facts(market.event, now_ms)]
    return body


def event_json(event: Event, now_ms: int) -> dict[str, Any]:
    """Return an event with its markets."""
    markets = [market_json(market, now_ms, nested=True) for market in event.markets]
    return _event_facts(event, now_ms) | {"markets": markets}


def _facts(market: Market) -> dict[str, Any]:
    charged = market.fee_rate > 0
    return {
        "id": str(market.number),
        "question": market.question,
        "conditionId": market.condition_id,
        "questionID": market.question_id,
        "slug": market.slug,
        "version": "v1",
        "icon": market.icon,
        "image": market.icon,
        "description": f"A made-up market: {market.question}",
        "category": market.category,
        "outcomes": json.dumps(market.outcomes),
        "clobTokenIds": json.dumps(market.tokens),
        "startDate": iso(market.start_ms),
        "endDate": iso(market.end_ms),
        "endDateIso": iso(market.end_ms)[:10],
        "createdAt": iso(market.start_ms),
        "enableOrderBook": True,
        "orderPriceMinTickSize": float(TICK_TEXTS[market.tick]),
        "orderMinSize": market.min_size / MICRO,
        "negRisk": market.neg_risk,
        "negRiskRequestID": "",
        "feesEnabled": charged,
        "feeType": "taker_fees" if charged else None,
        "feeSchedule": {
            "exponent": number_of(market.fee_exponent),
            "rate": float(market.fee_rate),
            "takerOnly": True,
            "rebateRate": 0.2,
        },
        "secondsDelay": 0,
    }


def _state(market: Market, now_ms: int) -> dict[str, Any]:
    closed = market.closed(now_ms)
    ended = market.resolution
    body: dict[str, Any] = {
        "active": True,
        "closed": closed,
        "archived": False,
        "acceptingOrders": market.trading(now_ms),
        "updatedAt": iso(now_ms),
        "umaResolutionStatus": "resolved" if closed else "",
    }
    if closed and ended:
        at = datetime.fromtimestamp(ended.chain_at_ms / 1000, UTC)
        body["closedTime"] = f"{at:%Y-%m-%d %H:%M:%S}+00"
        body["resolvedBy"] = UMA_ADAPTER
    return body


def _prices(market: Market, now_ms: int) -> dict[str, Any]:
    prices = [plain(market.worth(outcome, now_ms)) for outcome in (0, 1)]
    bid, ask = market.book.best(0)
    body: dict[str, Any] = {
        "outcomePrices": json.dumps(prices),
        "volume": str(market.volume / MICRO),
        "volumeNum": market.volume / MICRO,
        "volume24hr": market.volume / MICRO,
        "liquidityNum": sum(market.book.bids.values()) / MICRO,
    }
    if market.last_price is not None:
        body["lastTradePrice"] = market.last_price / PRICE_ONE
    if bid is not None and ask is not None and market.trading(now_ms):
        body |= {"bestBid": bid / PRICE_ONE, "bestAsk": ask / PRICE_ONE}
        body["spread"] = round((ask - bid) / PRICE_ONE, 4)
    return body


def _event_facts(event: Event, now_ms: int) -> dict[str, Any]:
    starts = [market.start_ms for market in event.markets]
    ends = [market.end_ms for market in event.markets]
    return {
        "id": str(event.number),
        "ticker": event.slug,
        "slug": event.slug,
        "title": event.title,
        "active": True,
        "closed": all(market.closed(now_ms) for market in event.markets),
        "archived": False,
        "negRisk": event.neg_risk,
        "startDate": iso(min(starts, default=0)),
        "endDate": iso(max(ends, default=0)),
    }


def iso(at_ms: int) -> str:
    """Return a time in ISO 8601 with a Z."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
