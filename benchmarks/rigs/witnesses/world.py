"""The venue that witnesses look at: some trades, ended markets, funded wallets of each type, at the real time."""

from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from eth_account import Account
from eth_utils.address import to_checksum_address

from benchmarks.rigs.witnesses.control import lever
from benchmarks.rigs.witnesses.official import environment
from simulator import Settings, Simulator, WallClock, serve

KEYS = {kind: f"0x{number:064x}" for number, kind in enumerate(("eoa", "proxy", "safe", "deposit"), 1)}
ASKS = [["0.50", "400"], ["0.51", "400"], ["0.52", "400"]]
BIDS = [["0.49", "400"], ["0.48", "400"], ["0.47", "400"]]
_PAST_MS = 600_000
_SPEED = 20.0


class LateClock:
    """Real time, or some minutes before it: what happened then is long known now."""

    def __init__(self) -> None:
        """Start in the past."""
        self.behind_ms = _PAST_MS
        self._wall = WallClock()

    def now_ms(self) -> int:
        """Return the present of this world, in epoch milliseconds."""
        return self._wall.now_ms() - self.behind_ms


@contextmanager
def witnessed_world(*, orders: bool = False) -> Generator[tuple[Simulator, dict[str, Any]]]:
    """Serve the venue; give it and its facts, which a client's driver needs.

    With `orders` one more wallet, a Safe, has an order that was filled and one that rests.
    """
    clock = LateClock()
    quiet = Settings(fills_per_minute=0.0, leaders=2, markets=6, resolve_after_s=86_400.0, speed=_SPEED, limits=False)
    with serve(quiet, clock) as sim:
        sim.world.paused = True
        _live(sim)
        clock.behind_ms = 0
        wallets = {kind: sim.fund(Account.from_key(key).address, "1000", kind=kind) for kind, key in KEYS.items()}
        sim.call(sim.world.advance)
        facts = _facts(sim, wallets)
        yield sim, facts | {"prepared": _prepared(sim, facts) if orders else None}


def _prepared(sim: Simulator, facts: dict[str, Any]) -> dict[str, str]:
    """Place two orders with the official client, for witnesses that cannot sign today's orders."""
    key, token = f"0x{5:064x}", facts["ordered"]["tokens"][0]
    wallet = sim.fund(Account.from_key(key).address, "1000", kind="safe")
    lever(facts, "book", {"token": token, **facts["book"]})
    client = import_module("polymarket").SecureClient.create(
        private_key=key, wallet=to_checksum_address(wallet), environment=environment(sim.urls)
    )
    client.place_market_order(asset_id=token, side="BUY", amount="10", max_price="0.51")
    client.place_limit_order(asset_id=token, side="BUY", price="0.10", size="10")
    client.close()
    return {"key": key, "wallet": to_checksum_address(wallet)}


def _live(sim: Simulator) -> None:
    """Let a wallet trade in three markets, of which two end: one has a winner, one is halved."""
    leader = sim.leaders[0].address
    ended, traded, halved = sim.markets[:3]

    def fill(token: str, **more: Any) -> None:
        facts: dict[str, Any] = {"leader": leader, "token": token, "side": "BUY", "shares": "10", "price": "0.5"}
        sim.fill(**(facts | more))

    for _ in range(5):
        fill(ended.tokens[0])
    fill(ended.tokens[0], side="SELL", shares="5", role="maker")
    for token in (*traded.tokens, ended.tokens[1], halved.tokens[0]):
        fill(token, shares="8", price="0.4")
    fill(traded.tokens[0], mint=True)
    sim.merge(leader, traded.condition_id, "2")
    sim.resolve(ended.condition_id, (1, 0))
    sim.resolve(halved.condition_id, (1, 1))
    sim.redeem(leader, halved.condition_id)


def _facts(sim: Simulator, wallets: dict[str, str]) -> dict[str, Any]:
    ended, traded, halved = sim.markets[:3]
    ordered = next(market for market in sim.markets[3:] if market.tick == 100 and not market.neg_risk)
    return {
        "urls": sim.urls,
        "leader": sim.leaders[0].address,
        "ended": _market(ended),
        "market": _market(traded),
        "halved": _market(halved),
        "ordered": _market(ordered),
        "fine": _market(next(market for market in sim.markets if market.tick == 10)),
        "book": {"asks": ASKS, "bids": BIDS},
        "keys": KEYS,
        "wallets": wallets,
    }


def _market(market: Any) -> dict[str, Any]:
    return {
        "id": str(market.number),
        "slug": market.slug,
        "condition": market.condition_id,
        "question": market.question_id,
        "tokens": list(market.tokens),
        "event": {"id": market.event.number, "slug": market.event.slug},
    }
