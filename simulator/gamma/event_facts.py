"""Events in Gamma's words, without their markets: facts, tags, and the series of short markets."""

from datetime import UTC, datetime
from typing import Any

from simulator.core import identity
from simulator.core.amounts import MICRO
from simulator.core.market import Event

_SAME: dict[str, Any] = {
    "active": True,
    "archived": False,
    "automaticallyActive": True,
    "commentCount": 0,
    "competitive": 0,
    "countryName": "",
    "cumulativeMarkets": False,
    "cyom": False,
    "deploying": False,
    "electionType": "",
    "enableOrderBook": True,
    "estimateValue": False,
    "featured": False,
    "gmpChartMode": "default",
    "negRiskAugmented": False,
    "new": False,
    "openInterest": 0,
    "pendingDeployment": False,
    "requiresTranslation": False,
    "restricted": True,
    "showAllOutcomes": True,
    "showMarketImages": True,
    "sortBy": "price",
}
"""What an event says beside its facts, the same of all (captures of 2026)."""

_SPANS = ("volume24hr", "volume1wk", "volume1mo", "volume1yr", "volume")


def event_facts(event: Event, now_ms: int) -> dict[str, Any]:
    """Return an event as Gamma writes it, without its markets."""
    starts = min((market.start_ms for market in event.markets), default=0)
    ends = max((market.end_ms for market in event.markets), default=0)
    icon = event.markets[0].icon if event.markets else ""
    liquidity = sum(sum(market.book.bids.values()) for market in event.markets) / MICRO
    facts = _SAME | {
        "id": str(event.number),
        "ticker": event.slug,
        "slug": event.slug,
        "title": event.title,
        "description": f"A made-up event: {event.title}",
        "closed": all(market.closed(now_ms) for market in event.markets),
        "negRisk": event.neg_risk,
        "enableNegRisk": event.neg_risk,
        "negRiskMarketID": neg_risk_id(event),
        "icon": icon,
        "image": icon,
        "resolutionSource": "",
        "updatedAt": iso(now_ms),
        "endDate": iso(ends),
        "tags": tags_json(event),
    }
    facts |= dict.fromkeys(("createdAt", "creationDate", "startDate", "startTime", "deployingTimestamp"), iso(starts))
    facts |= dict.fromkeys(_SPANS, sum(market.volume for market in event.markets) / MICRO)
    facts |= dict.fromkeys(("liquidity", "liquidityClob"), liquidity)
    return facts | (_series(event, now_ms) if _categories(event) == ["Crypto"] else {})


def _series(event: Event, now_ms: int) -> dict[str, Any]:
    """Return what short markets have in common: each is the next of one series."""
    slug = "btc-up-or-down-sim"
    series = {
        "id": str(int(identity.digest("series", slug)[:5], 16)),
        "ticker": slug,
        "slug": slug,
        "title": "BTC Up or Down",
        "seriesType": "single",
        "recurrence": "5m",
        "image": "",
        "icon": "",
        "active": True,
        "closed": False,
        "archived": False,
        "featured": False,
        "restricted": True,
        "createdAt": iso(event.markets[0].start_ms),
        "updatedAt": iso(now_ms),
        "volume24hr": 0,
        "volume": 0,
        "liquidity": 0,
        "commentCount": 0,
        "requiresTranslation": False,
    }
    source = "https://data.chain.link/streams/btc-usd"
    return {"seriesSlug": slug, "series": [series], "resolutionSource": source}


def neg_risk_id(event: Event) -> str:
    """Return the id that the markets of a neg-risk event share, empty for others."""
    return identity.hash32("neg-risk", event.slug)[:-2] + "00" if event.neg_risk else ""


def tags_json(event: Event) -> list[dict[str, Any]]:
    """Return an event's tags: the categories of its markets."""
    at = iso(event.markets[0].start_ms) if event.markets else iso(0)
    return [
        {
            "id": str(int(identity.digest("tag", name)[:5], 16)),
            "label": name,
            "slug": name.lower(),
            "forceShow": False,
            "forceHide": False,
            "isCarousel": False,
            "createdBy": 15,
            "updatedBy": 15,
            "publishedAt": at.replace("T", " ").replace("Z", "+00"),
            "createdAt": at,
            "updatedAt": at,
            "requiresTranslation": False,
        }
        for name in _categories(event)
    ]


def _categories(event: Event) -> list[str]:
    return sorted({market.category for market in event.markets})


def iso(at_ms: int) -> str:
    """Return a time in ISO 8601 with a Z."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
