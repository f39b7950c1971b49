"""Markets and events in Gamma's words: lists are JSON inside JSON."""

import json
from datetime import UTC, datetime
from typing import Any

from simulator.core import identity
from simulator.core.amounts import MICRO, PRICE_ONE, TICK_TEXTS, number_of, plain
from simulator.core.contracts import UMA_ADAPTER
from simulator.core.market import Event, Market

_SAME: dict[str, Any] = {
    "approved": True,
    "automaticallyActive": True,
    "automaticallyResolved": True,
    "clearBookOnStart": True,
    "comboStatus": "disabled",
    "competitive": 0,
    "cyom": False,
    "deploying": False,
    "featured": False,
    "funded": False,
    "groupItemThreshold": "0",
    "groupItemTitle": "",
    "hasReviewedDates": True,
    "holdingRewardsEnabled": False,
    "liquidityAmm": 0,
    "makerBaseFee": 1000,
    "makerRebatesFeeShareBps": 10000,
    "manualActivation": False,
    "marketMakerAddress": "",
    "negRiskOther": False,
    "new": False,
    "oneDayPriceChange": 0,
    "oneHourPriceChange": 0,
    "oneMonthPriceChange": 0,
    "oneWeekPriceChange": 0,
    "pagerDutyNotificationEnabled": False,
    "pendingDeployment": False,
    "ready": False,
    "requiresTranslation": False,
    "resolutionSource": "",
    "restricted": True,
    "rewardsMaxSpread": 4.5,
    "rewardsMinSize": 50,
    "rfqEnabled": False,
    "showGmpOutcome": False,
    "showGmpSeries": False,
    "takerBaseFee": 1000,
    "umaBond": "500",
    "umaResolutionStatuses": "[]",
    "umaReward": "5",
}
"""What a market says beside its facts, the same of all: readers written by others need the keys (captures of 2026)."""

_SPANS = ("24hr", "1wk", "1mo", "1yr")
_VOLUMES = ("volumeNum", "volumeClob", *(f"volume{span}{of}" for span in _SPANS for of in ("", "Clob")))


def market_json(market: Market, now_ms: int, *, nested: bool = False) -> dict[str, Any]:
    """Return a market as Gamma writes it; events carry their markets without events."""
    body = _SAME | _facts(market) | _state(market, now_ms) | _prices(market, now_ms)
    if not nested:
        body["events"] = [_event_facts(market.event, now_ms)]
    return body


def event_json(event: Event, now_ms: int) -> dict[str, Any]:
    """Return an event with its markets."""
    markets = [market_json(market, now_ms, nested=True) for market in event.markets]
    return _event_facts(event, now_ms) | {"markets": markets}


def tags_json(event: Event) -> list[dict[str, str]]:
    """Return an event's tags: the categories of its markets."""
    return [{"id": _tag(name), "label": name, "slug": name.lower()} for name in _categories(event)]


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
        "startDateIso": iso(market.start_ms)[:10],
        "acceptingOrdersTimestamp": iso(market.start_ms),
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
        body["umaEndDate"] = iso(ended.chain_at_ms)
        body["resolvedBy"] = UMA_ADAPTER
    return body


def _prices(market: Market, now_ms: int) -> dict[str, Any]:
    prices = [plain(market.worth(outcome, now_ms)) for outcome in (0, 1)]
    bid, ask = market.book.best(0)
    volume, liquidity = market.volume / MICRO, sum(market.book.bids.values()) / MICRO
    body: dict[str, Any] = {"outcomePrices": json.dumps(prices), "volume": str(volume), "liquidity": str(liquidity)}
    body |= dict.fromkeys(_VOLUMES, volume) | dict.fromkeys(("liquidityNum", "liquidityClob"), liquidity)
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
        "negRiskAugmented": False,
        "negRiskMarketID": "",
        "enableOrderBook": True,
        "new": False,
        "featured": False,
        "restricted": True,
        "createdAt": iso(min(starts, default=0)),
        "updatedAt": iso(now_ms),
        "volume": sum(market.volume for market in event.markets) / MICRO,
        "tags": tags_json(event),
        "startDate": iso(min(starts, default=0)),
        "endDate": iso(max(ends, default=0)),
    }


def _categories(event: Event) -> list[str]:
    return sorted({market.category for market in event.markets})


def _tag(name: str) -> str:
    """Return a tag's number, made of its name."""
    return str(int(identity.digest("tag", name)[:5], 16))


def iso(at_ms: int) -> str:
    """Return a time in ISO 8601 with a Z."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
