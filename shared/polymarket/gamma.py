"""Gamma: market facts by outcome token."""

from collections.abc import Iterable, Sequence
from typing import Any

from shared.domain.errors import Malformed
from shared.domain.market import MarketFacts
from shared.http.client import Upstream
from shared.polymarket.wire.parsing import as_list, as_object, parse_market
from shared.rate_limit.limits import GateLane

MOST_TOKENS = 50
"""Tokens asked for in one request (50 verified, venue reference 2)."""


def fetch_event(gamma: Upstream, slug: str, *, lane: GateLane) -> tuple[list[MarketFacts], list[str]]:
    """Return the facts of all markets of one event, and what could not be read.

    Raises:
        TryAgain: throttled or away.
        GiveUp: no such event (`Rejected`, 404), or the answer is none.
    """
    event = as_object(gamma.get(f"/events/slug/{slug}", lane=lane), "event")
    about = [{name: event.get(name) for name in ("id", "slug", "category")}]
    markets = [{"events": about, **as_object(raw, "market")} for raw in as_list(event.get("markets"), "markets")]
    return parse_markets(markets)


def fetch_markets(
    gamma: Upstream, token_ids: Sequence[str], *, closed: bool, lane: GateLane
) -> tuple[list[MarketFacts], list[str]]:
    """Return the facts of up to `MOST_TOKENS` tokens' markets, and what could not be read.

    Gamma silently leaves out resolved markets unless `closed` is asked for, so an unknown token takes two questions.

    Raises:
        TryAgain: throttled or away.
        GiveUp: refused, or the answer is no list of markets.
    """
    if len(token_ids) > MOST_TOKENS:
        raise ValueError(f"{len(token_ids)} tokens in one request; at most {MOST_TOKENS}")
    return parse_markets(raw_markets(gamma, "clob_token_ids", token_ids, closed=closed, lane=lane))


def raw_markets(gamma: Upstream, key: str, names: Sequence[str], *, closed: bool, lane: GateLane) -> list[Any]:
    """Return markets as Gamma serves them, by `clob_token_ids` or `condition_ids`.

    Raises:
        TryAgain: throttled or away.
        GiveUp: refused, or the answer is no list of markets.
    """
    params = {key: list(names), "closed": str(closed).lower(), "limit": 2 * MOST_TOKENS}
    return as_list(gamma.get("/markets", params, lane=lane), "markets")


def fetch_condition(
    gamma: Upstream, condition_id: str, *, closed: bool, lane: GateLane
) -> tuple[list[MarketFacts], list[str]]:
    """Return the facts of each outcome of one market, and what could not be read; nothing where it is not known.

    Raises:
        TryAgain: throttled or away.
        GiveUp: refused, or the answer is no list of markets.
    """
    params = {"condition_ids": condition_id, "closed": str(closed).lower()}
    return parse_markets(as_list(gamma.get("/markets", params, lane=lane), "markets"))


def parse_markets(markets: Iterable[object]) -> tuple[list[MarketFacts], list[str]]:
    """Return the facts of each outcome of some markets, and of which they cannot be read."""
    facts: list[MarketFacts] = []
    problems: list[str] = []
    for market in markets:
        try:
            facts += parse_market(market)
        except Malformed as error:
            problems.append(str(error))
    return facts, problems
