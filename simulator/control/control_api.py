"""The simulator's own API: the truth, and the levers tests and demos pull."""

from collections.abc import Callable
from typing import Any, TypeVar

from simulator.core.amounts import TICKS, micro, price_units
from simulator.core.book import Side
from simulator.core.deal import Deal, match_of
from simulator.core.fill import Fill, Role
from simulator.core.market import Market
from simulator.core.world import World
from simulator.gateway.http_messages import Answer, Call, Json, RefusedError, Route, answer
from simulator.gateway.limits import Limits
from simulator.gateway.request_log import RequestLog
from simulator.gateway.sockets import Hub
from simulator.operator.pending_hub import FORGED, PendingNodes

Result = TypeVar("Result")


class Control:
    """Serve the routes under /sim; every lever is also a method."""

    def __init__(
        self, world: World, limits: Limits, requests: RequestLog, hubs: list[Hub], pending: PendingNodes
    ) -> None:
        """Pull the levers of a world."""
        self._pending = pending
        self._world = world
        self._limits = limits
        self._requests = requests
        self._hubs = hubs
        self.urls: dict[str, str] = {}

    def routes(self) -> list[Route]:
        """Return what is served."""
        return [
            Route("GET", "/world", self._get_world),
            Route("GET", "/fills", self._get_fills),
            Route("POST", "/fill", self._post_fill),
            Route("GET", "/pending", self._get_pending),
            Route("GET", "/requests", self._get_requests),
            Route("DELETE", "/requests", self._delete_requests),
            Route("GET", "/resolutions", self._get_resolutions),
            Route("POST", "/resolve", self._post_resolve),
            Route("POST", "/redeem", self._post_redeem),
            Route("POST", "/tick", self._post_tick),
            Route("POST", "/end", self._post_end),
            Route("GET", "/faults", self._get_faults),
            Route("POST", "/faults", self._post_fault),
            Route("DELETE", "/faults", lambda _: answer({"ended": self.heal()})),
            Route("DELETE", "/faults/{}", self._delete_fault),
            Route("GET", "/limits", lambda _: answer(self._limits.record())),
            Route("POST", "/limits", self._post_limits),
            Route("POST", "/pause", lambda _: self._pause(paused=True)),
            Route("POST", "/resume", lambda _: self._pause(paused=False)),
        ]

    def fill(
        self,
        *,
        leader: str,
        token: str,
        side: Side,
        shares: str | float,
        price: str | float,
        at_ms: int | None = None,
        role: Role | None = None,
        fills: int = 1,
        mint: bool = False,
        counterparty: str = "",
        tx_hash: str | None = None,
    ) -> list[Fill]:
        """Let a wallet trade; return its fills and its counterparty's.

        `fills` > 1 are that many equal maker fills in one transaction. With `mint` the other
        side trades the complementary token. `tx_hash` puts several calls into one transaction.
        """
        market = self._market(token=token)
        deal = Deal(
            wallet=leader.lower(),
            token_id=token,
            side=side,
            shares=micro(shares),
            price=price_units(price),
            role=role or ("taker" if fills == 1 else "maker"),
            fills=fills,
            mint=mint,
            counterparty=counterparty.lower(),
            tx_hash=tx_hash,
        )
        at = self._world.now_ms() if at_ms is None else at_ms
        return self._world.settle(match_of(market, deal, at))

    def fault(self, kind: str, upstream: str = "*", **given: Json) -> int:
        """Put a fault in force; return its id. Reorgs and socket closings happen at once."""
        world = self._world
        fault = world.faults.add({"kind": kind, "upstream": upstream, **given}, world.now_ms())
        if kind == "reorg":
            blocks, again = int(fault.number("blocks", 2)), bool(fault.params.get("reinclude"))
            world.advance()
            world.reorg(blocks, reinclude=again)
            world.faults.clear(fault.id)
        elif kind == FORGED:
            self._pending.forge(fault.upstream, fault.params)
            world.faults.clear(fault.id)
        elif kind == "close_socket":
            for hub in self._hubs:
                if fault.reaches(hub.upstream, ""):
                    hub.close_all(int(fault.number("code", 1006)))
            if fault.count is None and fault.until_ms is None:
                world.faults.clear(fault.id)
        return fault.id

    def heal(self, fault_id: int | None = None) -> int:
        """End one fault or all."""
        return self._world.faults.clear(fault_id)

    def resolve(self, condition_id: str, payouts: tuple[int, int]) -> None:
        """End a market now."""
        self._world.resolve(self._market(condition_id), payouts, self._world.now_ms())

    def change_tick(self, condition_id: str, tick: str) -> None:
        """Change a market's tick size."""
        if tick not in TICKS:
            msg = f"tick must be one of {', '.join(TICKS)}"
            raise ValueError(msg)
        self._world.change_tick(self._market(condition_id), TICKS[tick])

    def change_end(self, condition_id: str, end_ms: int) -> None:
        """Change a market's planned end; it trades on until it resolves."""
        self._market(condition_id).end_ms = end_ms

    def limit(self, overrides: dict[str, dict[str, Any]]) -> None:
        """Change what the venue allows."""
        self._limits.change(overrides)

    def world(self) -> dict[str, object]:
        """Return leaders, markets and addresses."""
        world, now = self._world, self._world.now_ms()
        settings = world.settings
        return {
            "now_ms": now,
            "speed": settings.speed,
            "seed": settings.seed,
            "era": settings.era,
            "paused": world.paused,
            "head": world.chain.head(now),
            "fills": len(world.fills),
            "urls": self.urls,
            "leaders": [{"address": each.address, "name": each.name, "habit": each.habit} for each in world.leaders],
            "markets": [_listed(market, now) for market in world.catalog.markets],
        }

    def _get_world(self, _: Call) -> Answer:
        return answer(self.world())

    def _get_fills(self, call: Call) -> Answer:
        query = call.query
        after, limit = query.integer("after_seq", 0), query.integer("limit", 1000)
        leader, crowd = query.get("leader").lower(), query.flag("all", default=False)
        chosen = (
            fill for fill in self._world.fills[after:] if (fill.wallet == leader if leader else crowd or fill.tracked)
        )
        records = [fill.record() for fill, _ in zip(chosen, range(limit), strict=False)]
        return answer({"fills": records})

    def _post_fill(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        fills = _tried(lambda: self.fill(**asked))
        return answer({"fills": [fill.record() for fill in fills]})

    def _get_pending(self, _: Call) -> Answer:
        """Tell what was sent by the operator, and what of it is in no block."""
        operator = self._world.operator
        gone = [
            {"tx_hash": each.hash, "wallets": each.wallets, "failed": each.failed} for each in operator.taken_back()
        ]
        return answer({"sent": len(operator.all), "taken_back": gone})

    def _get_requests(self, call: Call) -> Answer:
        query = call.query
        limit = query.integer("limit", 100_000)
        found = self._requests.after(query.integer("after", 0), query.get("upstream"), limit)
        return answer({"requests": [request.record() for request in found]})

    def _delete_requests(self, _: Call) -> Answer:
        self._requests.clear()
        return answer({"cleared": True})

    def _get_resolutions(self, _: Call) -> Answer:
        ended = [market for market in self._world.catalog.markets if market.resolution]
        now = self._world.now_ms()
        return answer({"resolutions": [_listed(market, now) for market in ended]})

    def _post_resolve(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        first, second = asked.get("payouts", [1, 0])
        _tried(lambda: self.resolve(str(asked.get("condition_id")), (first, second)))
        return answer({"resolved": True})

    def _post_redeem(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        world = self._world
        market = self._market(str(asked.get("condition_id")))
        wallet = str(asked.get("wallet")).lower()
        payout = _tried(lambda: world.redeem(wallet, market, world.now_ms()))
        return answer({"payout_micro": payout})

    def _post_tick(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        condition_id, tick = str(asked.get("condition_id")), str(asked.get("tick"))
        _tried(lambda: self.change_tick(condition_id, tick))
        return answer({"tick": tick})

    def _post_end(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        end_ms = int(asked.get("end_ms", 0))
        _tried(lambda: self.change_end(str(asked.get("condition_id")), end_ms))
        return answer({"end_ms": end_ms})

    def _get_faults(self, _: Call) -> Answer:
        return answer({"faults": [fault.record() for fault in self._world.faults.faults]})

    def _post_fault(self, call: Call) -> Answer:
        asked: dict[str, Any] = call.json()
        return answer({"id": _tried(lambda: self.fault(**asked))})

    def _delete_fault(self, call: Call) -> Answer:
        return answer({"ended": self.heal(int(call.parts[0]))})

    def _post_limits(self, call: Call) -> Answer:
        _tried(lambda: self.limit(call.json()))
        return answer(self._limits.record())

    def _pause(self, *, paused: bool) -> Answer:
        self._world.paused = paused
        return answer({"paused": paused})

    def _market(self, condition_id: str = "", *, token: str = "") -> Market:
        catalog = self._world.catalog
        market = catalog.by_token.get(token) or catalog.by_condition.get(condition_id.lower())
        if market is None:
            msg = f"no market with condition {condition_id!r} or token {token!r}"
            raise ValueError(msg)
        return market


def _tried(action: Callable[[], Result]) -> Result:
    try:
        return action()
    except (ValueError, TypeError, KeyError) as error:
        raise RefusedError(400, str(error)) from error


def _listed(market: Market, now_ms: int) -> dict[str, object]:
    ended = market.resolution
    return {
        "id": market.number,
        "condition_id": market.condition_id,
        "slug": market.slug,
        "event_slug": market.event.slug,
        "tokens": list(market.tokens),
        "outcomes": list(market.outcomes),
        "tick": next(text for text, units in TICKS.items() if units == market.tick),
        "fee_rate": str(market.fee_rate),
        "neg_risk": market.neg_risk,
        "min_size_micro": market.min_size,
        "trading": market.trading(now_ms),
        "closed": market.closed(now_ms),
        "end_ms": market.end_ms,
        "payouts": list(ended.payouts) if ended else None,
        "decided_at_ms": ended.decided_at_ms if ended else None,
        "chain_at_ms": ended.chain_at_ms if ended else None,
        "gamma_at_ms": ended.gamma_at_ms if ended else None,
        "redeemable_at_ms": ended.redeemable_at_ms if ended else None,
    }
