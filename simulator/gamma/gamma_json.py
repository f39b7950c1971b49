"""Markets and events in Gamma's words: lists are JSON inside JSON."""

import json
from datetime import UTC, datetime
from typing import Any

from simulator.core.amounts import MICRO, PRICE_ONE, TICK_TEXTS, number_of, plain
from simulator.core.contracts import UMA_ADAPTER, USDC_E, is_position
from simulator.core.market import Event, Market
from simulator.gamma.event_facts import event_facts, iso, neg_risk_id

_SAME: dict[str, Any] = {
    "approved": True,
    "automaticallyActive": True,
    "automaticallyResolved": True,
    "clearBookOnStart": True,
    "comboStatus": "disabled",
    "competitive": 0,
    "customLiveness": 0,
    "cyom": False,
    "deploying": False,
    "featured": False,
    "funded": False,
    "groupItemThreshold": "0",
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
    "seriesColor": "",
    "showGmpOutcome": False,
    "showGmpSeries": False,
    "takerBaseFee": 1000,
    "umaBond": "500",
    "umaReward": "5",
}
"""What a market says beside its facts, the same of all: readers written by others need the keys (captures of 2026)."""

_SPANS = ("24hr", "1wk", "1mo", "1yr")
_VOLUMES = ("volumeNum", "volumeClob", *(f"volume{span}{of}" for span in _SPANS for of in ("", "Clob")))


def market_json(market: Market, now_ms: int, *, nested: bool = False) -> dict[str, Any]:
    """Return a market as Gamma writes it; events carry their markets without events."""
    body = _SAME | _facts(market) | _state(market, now_ms) | _prices(market, now_ms)
    if not nested:
        body["events"] = [event_facts(market.event, now_ms)]
    return body


def event_json(event: Event, now_ms: int) -> dict[str, Any]:
    """Return an event with its markets."""
    markets = [market_json(market, now_ms, nested=True) for market in event.markets]
    return event_facts(event, now_ms) | {"markets": markets}


def _facts(market: Market) -> dict[str, Any]:
    charged = market.fee_rate > 0
    grouped = {"negRiskMarketID": neg_risk_id(market.event)} if market.neg_risk else {}
    return (
        _of_category(market)
        | grouped
        | {
            "id": str(market.number),
            "question": market.question,
            "conditionId": market.condition_id,
            "questionID": market.question_id,
            "slug": market.slug,
            "icon": market.icon,
            "image": market.icon,
            "description": f"A made-up market: {market.question}",
            "category": market.category,
            "outcomes": json.dumps(market.outcomes),
            **_tokens(market),
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
            "negRiskRequestID": market.question_id if market.neg_risk else "",
            "groupItemTitle": group_title(market),
            "submitted_by": UMA_ADAPTER,
            "deployingTimestamp": iso(market.start_ms),
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
    )


def version_of(market: Market) -> str:
    """Return which protocol a market belongs to, told by the shape of its tokens' ids."""
    return "v2" if is_position(market.tokens[0]) else "v1"


def _tokens(market: Market) -> dict[str, Any]:
    """Return the version and the tokens in its words: positions stand in a list of their own."""
    if version_of(market) == "v2":
        return {"version": "v2", "positionIds": list(market.tokens)}
    return {"version": "v1", "clobTokenIds": json.dumps(market.tokens)}


def _of_category(market: Market) -> dict[str, Any]:
    """Return what only markets of a kind have: a game begins, a short market begins and follows a price."""
    if market.category == "Sports":
        rewards = [_reward(market)]
        return {"gameStartTime": iso(market.end_ms).replace("T", " ").replace("Z", "+00"), "clobRewards": rewards}
    if market.category == "Crypto":
        return {"eventStartTime": iso(market.start_ms), "resolutionSource": "https://data.chain.link/streams/btc-usd"}
    return {}


def _reward(market: Market) -> dict[str, Any]:
    return {
        "id": str(market.number),
        "conditionId": market.condition_id,
        "assetAddress": USDC_E,
        "rewardsAmount": 0,
        "rewardsDailyRate": 30,
        "startDate": iso(market.start_ms)[:10],
        "endDate": "2500-12-31",
    }


def group_title(market: Market) -> str:
    """Return what a market is called within its event: empty where it stands alone."""
    return market.question if len(market.event.markets) > 1 else ""


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
        "umaResolutionStatuses": json.dumps(["proposed"] if closed else []),
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
