"""Gamma: market facts by outcome token."""

from collections.abc import Sequence

from shared.errors import Malformed
from shared.gate_limits import Lane
from shared.http import Upstream
from shared.market import MarketFacts
from shared.polymarket.payloads import as_list, parse_market

MOST_TOKENS = 50
"""Tokens asked for in one request (50 verified, venue reference 2)."""


def fetch_markets(
    gamma: Upstream, token_ids: Sequence[str], *, closed: bool, lane: Lane
) -> tuple[list[MarketFacts], list[str]]:
    """Return the facts of up to `MOST_TOKENS` tokens' markets, and what could not be read.

    Gamma silently leaves out resolved markets unless `closed` is asked for, so an unknown token takes two questions.

    Raises:
        TryAgain: throttled or away.
        GiveUp: refused, or the answer is no list of markets.
    """
    if len(token_ids) > MOST_TOKENS:
        raise ValueError(f"{len(token_ids)} tokens in one request; at most {MOST_TOKENS}")
    params = {"clob_token_ids": list(token_ids), "closed": str(closed).lower(), "limit": 2 * MOST_TOKENS}
    raw = gamma.get("/markets", params, lane=lane)
    facts: list[MarketFacts] = []
    problems: list[str] = []
    for market in as_list(raw, "markets"):
        try:
            facts += parse_market(market)
        except Malformed as error:
            problems.append(str(error))
    return facts, problems
