"""A leader's session at the local venue: what we get out of it live is what a backtest of his rows alone gets out."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from backtest.backtest import run_backtest
from backtest.history.history_files import open_history
from backtest.results.result import BacktestResult
from backtest.simulation.latency import ConstantDelay
from backtest.simulation.run_models import RunModels
from buyer.composition import build_buyer
from buyer.config import parse_args
from buyer.strategy.limits import TradingLimits
from redeemer.composition import build_inline
from redeemer.config import parse_args as redeemer_args
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.decisions import BuyEngineDecision
from shared.messages.redemptions import RedemptionResult
from shared.redis.client import connect_redis
from simulator import Settings, Simulator, serve
from simulator.core.market import Market
from tests.detector.venue import detecting, settings, signals, wait_until
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.server, pytest.mark.simulator]
CENT = 100
UPSTREAMS = ("gamma-url", "clob-url", "data-api-url")


@dataclass
class Pipeline:
    """A buyer and a redeemer on paper, and what they told."""

    sim: Simulator
    redis: Redis
    limits: TradingLimits
    decided: list[BuyEngineDecision] = field(default_factory=list[BuyEngineDecision])
    redeemed: list[RedemptionResult] = field(default_factory=list[RedemptionResult])

    @property
    def lots(self) -> int:
        """Return how many lots are open."""
        return len(open_lots(RedisLedger(self.redis, "paper")))

    def rows(self) -> Any:
        """Return the leader's rows of every kind, as the venue serves them."""
        asked = {"user": self.sim.leaders[0].address, "start": 1}
        url = f"{self.sim.urls['data_api_url']}/v2/activity"
        return requests.get(url, params=asked, timeout=PATIENCE_S).json()


@contextmanager
def following(sim: Simulator, valkey_url: str, folder: Path) -> Generator[Pipeline]:
    """Run a buyer and a redeemer in threads for as long as the block lasts."""
    stop, shared = threading.Event(), {"redis-url": valkey_url, "run-dir": str(folder)}
    urls = {name: sim.urls[name.replace("-", "_")] for name in UPSTREAMS}
    cfg = parse_args(words(shared | urls | {"other-outcome": "buy", "warm-tokens": "0"}))
    pays = {"data-api-url": urls["data-api-url"], "rpc-url": sim.urls["rpc_url"], "scan-every-s": "1"}
    found = Pipeline(sim, connect_redis(valkey_url), cfg.limits)
    buyer = build_buyer(cfg, stop=stop, emit=found.decided.append).service
    redeemer = build_inline(redeemer_args(words(shared | pays)), stop=stop, emit=found.redeemed.append)  # type: ignore[arg-type]  # it tells nothing else
    threads = [threading.Thread(target=part.run, args=(stop,)) for part in (buyer, redeemer)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_S)


def words(given: dict[str, str]) -> list[str]:
    return [word for name, value in given.items() for word in (f"--{name}", value)]


def market_at(sim: Simulator, place: int) -> Market:
    """Return one of the markets that trade in whole cents."""
    return [market for market in sim.markets if market.tick == CENT][place]


def quoted(sim: Simulator, place: int, bid: str, ask: str) -> None:
    """Let both outcomes of a market be quoted alike."""
    for token in market_at(sim, place).tokens:
        sim.call(lambda token=token: sim._app.traders.set_book(token, [[bid, "1000"]], [[ask, "1000"]]))


def bought(sim: Simulator, place: int, *outcomes: int) -> str:
    """Let the first leader buy 40 of some outcomes of a market; return its condition."""
    quoted(sim, place, "0.49", "0.51")
    for outcome in outcomes:
        token = market_at(sim, place).tokens[outcome]
        sim.fill(leader=sim.leaders[0].address, token=token, side="BUY", shares="40", price="0.5")
    return market_at(sim, place).condition_id


def backtested(rows: Any, limits: TradingLimits, folder: Path) -> tuple[BacktestResult, dict[str, int]]:
    """Return a backtest of the leader's rows alone, as fast as we were, and what those were."""
    path = folder / "rows.json"
    path.write_text(json.dumps(rows))
    history = open_history([path])
    models = RunModels(delay=ConstantDelay(0))
    result = run_backtest(history.market_events, limits, 1_000_000_000, models)
    (reading,) = history.readings
    assert reading.rows == reading.trades + sum(reading.kinds.values())
    return result, {"TRADE": reading.trades, **reading.kinds}


def exits(decisions: Any) -> set[tuple[str, str]]:
    """Return what was sold: because of which signal, which token."""
    return {(each.signal_id, each.token_id) for each in decisions if each.verdict == "SELL"}


def test_a_leaders_merge_sells_our_lots_of_both_outcomes_once(valkey_url: str, tmp_path: Path) -> None:
    with (
        serve(Settings(fills_per_minute=0, speed=20, resolve_after_s=1_000_000)) as sim,
        following(sim, valkey_url, tmp_path) as ours,
    ):
        with detecting(settings(sim, valkey_url)):
            condition = bought(sim, 0, 0, 1)
            wait_until(lambda: ours.lots == 2, "both outcomes are followed")
            quoted(sim, 0, "0.45", "0.55")
            sim.merge(sim.leaders[0].address, condition, "40")
            wait_until(lambda: not ours.lots, "both lots are sold")
        with detecting(settings(sim, valkey_url)):
            token = market_at(sim, 0).tokens[0]
            sim.fill(leader=sim.leaders[1].address, token=token, side="BUY", shares="9", price="0.5")
            wait_until(lambda: len(signals(ours.redis)) == 5, "a restarted detector goes on")
        result, kinds = backtested(ours.rows(), ours.limits, tmp_path)

    merges = [signal for signal in signals(ours.redis) if signal.cause == "MERGE"]
    assert sorted(signal.token_id for signal in merges) == sorted(market_at(sim, 0).tokens)
    assert {(signal.shares, signal.usdc, signal.price) for signal in merges} == {(40_000_000, 20_000_000, 0)}
    assert exits(ours.decided) == {(signal.id, signal.token_id) for signal in merges}
    assert (exits(result.outcomes), result.open, kinds) == (exits(ours.decided), (), {"TRADE": 2, "MERGE": 1})


def test_a_session_with_merges_splits_and_redemptions_exits_live_as_its_rows_alone_do(
    valkey_url: str, tmp_path: Path
) -> None:
    """One market is merged; one is bought, split and sold; one is bought, resolves and is redeemed."""
    with (
        serve(Settings(fills_per_minute=0, speed=20, resolve_after_s=1_000_000)) as sim,
        following(sim, valkey_url, tmp_path) as ours,
        detecting(settings(sim, valkey_url)),
    ):
        leader = sim.leaders[0].address
        resolved, merged, split = bought(sim, 2, 1), bought(sim, 0, 0, 1), bought(sim, 1, 0)
        wait_until(lambda: ours.lots == 4, "all that he bought is followed")
        sim.merge(leader, merged, "40")
        sim.split(leader, split, "40")
        wait_until(lambda: ours.lots == 2, "what he merged is sold, what he split is not")
        for token in market_at(sim, 1).tokens:
            sim.fill(leader=leader, token=token, side="SELL", shares="40", price="0.49")
        wait_until(lambda: ours.lots == 1, "what he sold is sold")
        wait_until(lambda: len(ours.decided) >= 8, "what he sold of the split is decided on")
        sim.resolve(resolved, (0, 1))
        sim.redeem(leader, resolved)
        wait_until(lambda: not ours.lots, "what he redeemed is redeemed")
        wait_until(lambda: len(ours.rows()["data"]) == 9, "all his rows are shown")
        rows = ours.rows()

    result, kinds = backtested(rows, ours.limits, tmp_path)
    assert kinds == {"TRADE": 6, "MERGE": 1, "SPLIT": 1, "REDEEM": 1}
    assert len(exits(ours.decided)) == 3
    assert (exits(result.outcomes), result.open) == (exits(ours.decided), ())
    assert [(each.condition_id, each.payouts) for each in ours.redeemed] == [(resolved, ("0", "1"))]
    assert {each.condition_id: each.payouts for each in result.markets}[resolved] == ("0", "1")
    (own,) = result.leaders
    assert (own.theirs.realized, own.theirs.unknown) == (19_200_000, 0)
