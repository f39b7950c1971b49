"""Data API v2's facts: freshness, resolutions, tokens, and markets named by a query."""

from simulator.core import identity
from simulator.core.market import Market
from simulator.core.world import World
from simulator.gamma.event_facts import iso
from simulator.gateway.http_messages import Answer, Call, Query, RefusedError, Route, answer

_MAX_MARKETS = 20


class DataFacts:
    """Serve the small routes under /data/v2, which the CDN does not keep."""

    def __init__(self, world: World) -> None:
        """Look at a world."""
        self._world = world

    def routes(self) -> list[Route]:
        """Return what is served."""
        return [
            Route("GET", "/v2/status", self.status),
            Route("GET", "/v2/resolutions", self.resolutions),
            Route("GET", "/v2/tokens", self.tokens),
        ]

    def status(self, call: Call) -> Answer:
        """Return how far behind the chain the feed is."""
        settings, now = self._world.settings, call.now_ms
        lag = settings.data_delay_s / settings.speed
        late = [fill for fill in self._world.fills[-200:] if fill.chain_at_ms <= now]
        waiting = [fill for fill in late if fill.data_at_ms > now]
        oldest = min((fill.chain_at_ms for fill in waiting), default=now - lag * 500)
        age = round((now - oldest) / 1000, 3)
        behind = int((now - oldest) // self._world.chain.block_ms)
        names = ("activity_feed", "custody_balances", "pnl")
        mechanisms = [{"name": n, "age_seconds": age, "blocks_behind": behind} for n in names]
        serving = {"lag_seconds": age, "worst": "activity_feed", "mechanisms": mechanisms}
        computed = (now + self._world.faults.skew_ms("data", now)) // 1000
        body = {"computed_at": computed, "age_seconds": 0, "serving": serving, "ingestion": {}}
        return answer({"data": body})

    def resolutions(self, call: Call) -> Answer:
        """Return how markets ended, by condition, question or event."""
        query = call.query.in_snake_case()
        questions = set(query.every("question_id"))
        chosen = markets_of(self._world, query) or set[str]()
        markets = [
            market
            for market in self._world.catalog.markets
            if market.condition_id in chosen or market.question_id in questions
        ]
        if not chosen and not questions:
            raise RefusedError(400, "one of condition, question_id, event_id is required")
        return answer({"data": [self._resolution(m, call.now_ms) for m in markets]})

    def tokens(self, call: Call) -> Answer:
        """Return what tokens stand for."""
        query = call.query.in_snake_case()
        catalog = self._world.catalog
        ids = query.every("token_id")
        for condition_id in query.every("condition"):
            market = catalog.by_condition.get(condition_id.lower())
            ids += market.tokens if market else ()
        if not ids:
            raise RefusedError(400, "token_id or condition is required", parameter="token_id")
        known = [each for each in ids if each in catalog.by_token]
        return answer({"data": [self._token(each, call.now_ms) for each in known]})

    def _resolution(self, market: Market, now_ms: int) -> dict[str, object]:
        ended = market.resolution
        known: dict[str, object] = {
            "condition_id": market.condition_id,
            "question_id": market.question_id,
            "event_id": str(market.event.number),
            "status": "active",
            "extended_review": False,
            "was_disputed": False,
            "new_version_q": False,
            "market_type": "BINARY",
            "last_update_timestamp": market.start_ms // 1000,
        }
        if ended is None or now_ms < ended.gamma_at_ms:
            return known
        return known | {
            "status": "resolved",
            "payouts": [int(ended.share(outcome) * 1_000_000) for outcome in (0, 1)],
            "resolution_source": "reported" if now_ms >= ended.chain_at_ms else "derived",
            "reporter": "UMA_OO",
            "transaction_hash": identity.hash32("resolution", market.condition_id),
            "log_index": 0,
            "resolved_block": ended.block,
            "resolved_at": iso(ended.chain_at_ms),
            "last_update_timestamp": ended.chain_at_ms // 1000,
        }

    def _token(self, token_id: str, now_ms: int) -> dict[str, object]:
        market = self._world.catalog.by_token[token_id]
        outcome = market.outcome_of(token_id)
        closed = market.closed(now_ms)
        return {
            "token_id": token_id,
            "condition_id": market.condition_id,
            "structural_condition_id": None,
            "module": "v1_ctf",
            "outcome_index": outcome,
            "clob_index": outcome,
            "outcome": market.outcomes[outcome],
            "opposite_token_id": market.tokens[1 - outcome],
            "resolved": closed,
            "final_price": float(market.worth(outcome, now_ms)) if closed else None,
            "closed": closed,
            "neg_risk": market.neg_risk,
            "neg_risk_market_id": None,
            "question_index": None,
            "title": market.question,
            "market_slug": market.slug,
            "event_id": market.event.number,
            "event_slug": market.event.slug,
        }


def markets_of(world: World, query: Query) -> set[str] | None:
    """Return the conditions a query names by condition or by event, None if it names none."""
    conditions = query.every("condition") + query.every("condition_id")
    events = query.every("event_id")
    if conditions and events:
        raise RefusedError(400, "condition and event_id exclude each other")
    if len(conditions) > _MAX_MARKETS or len(events) > _MAX_MARKETS:
        raise RefusedError(400, "at most 20 markets", parameter="condition")
    if events:
        found = (e for e in world.catalog.events if str(e.number) in events)
        return {market.condition_id for event in found for market in event.markets}
    return {each.lower() for each in conditions} if conditions else None
