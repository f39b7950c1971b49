"""A leader merges at the local venue: detector and buyer, over sockets, and the lot is gone once; in a backtest too."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import requests

from backtest.backtest import run_backtest
from backtest.history.history_files import open_history
from backtest.simulation.run_models import RunModels
from buyer.composition import build_buyer
from buyer.config import parse_args
from buyer.strategy.limits import TradingLimits
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.decisions import BuyEngineDecision
from shared.redis.client import connect_redis
from simulator import Settings, Simulator, serve
from tests.detector.venue import detecting, settings, signals, wait_until
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.server, pytest.mark.simulator]


def both_bought(sim: Simulator) -> str:
    """Let the first leader hold 40 of each outcome of the first market; return its condition."""
    market = sim.markets[0]
    for token in market.tokens:
        sim.call(lambda token=token: sim._app.traders.set_book(token, [["0.49", "1000"]], [["0.5", "1000"]]))
        sim.fill(leader=sim.leaders[0].address, token=token, side="BUY", shares="40", price="0.5")
    return market.condition_id


def test_a_leaders_merge_sells_our_lots_of_both_outcomes_once(valkey_url: str, tmp_path: Path) -> None:
    redis, told = connect_redis(valkey_url), list[BuyEngineDecision]()
    with serve(Settings(fills_per_minute=0, speed=20, resolve_after_s=1_000_000)) as sim:
        urls, stop = sim.urls, threading.Event()
        given = {
            "redis-url": valkey_url,
            "gamma-url": urls["gamma_url"],
            "clob-url": urls["clob_url"],
            "data-api-url": urls["data_api_url"],
            "other-outcome": "buy",
            "warm-tokens": "0",
            "run-dir": str(tmp_path),
        }
        words = [word for name, value in given.items() for word in (f"--{name}", value)]
        cfg = parse_args(words)
        buyer = build_buyer(cfg, stop=stop, emit=told.append).service
        thread = threading.Thread(target=buyer.run, args=(stop,))
        thread.start()
        ledger = RedisLedger(redis, "paper")
        try:
            with detecting(settings(sim, valkey_url)):
                condition = both_bought(sim)
                wait_until(lambda: len(open_lots(ledger)) == 2, "both outcomes are followed")
                for token in sim.markets[0].tokens:
                    sim.call(
                        lambda token=token: sim._app.traders.set_book(token, [["0.45", "1000"]], [["0.55", "1000"]])
                    )
                sim.merge(sim.leaders[0].address, condition, "40")
                wait_until(lambda: not open_lots(ledger), "both lots are sold")
            with detecting(settings(sim, valkey_url)):
                sim.fill(
                    leader=sim.leaders[1].address, token=sim.markets[0].tokens[0], side="BUY", shares="9", price="0.5"
                )
                wait_until(lambda: len(signals(redis)) == 5, "a restarted detector goes on")
            rows = activity(urls["data_api_url"], sim.leaders[0].address)
        finally:
            stop.set()
            thread.join(PATIENCE_S)

    merges = [signal for signal in signals(redis) if signal.cause == "MERGE"]
    assert sorted(signal.token_id for signal in merges) == sorted(sim.markets[0].tokens)
    assert {(signal.shares, signal.usdc, signal.price) for signal in merges} == {(40_000_000, 20_000_000, 0)}
    sold = [decision for decision in told if decision.verdict == "SELL"]
    assert {decision.signal_id for decision in sold} == {signal.id for signal in merges}
    assert exits(rows, cfg.limits, tmp_path) == {(signal.id, signal.token_id) for signal in merges}


def activity(url: str, leader: str) -> Any:
    """Return a leader's rows of every kind, as the venue serves them."""
    return requests.get(f"{url}/v2/activity", params={"user": leader, "start": 1}, timeout=PATIENCE_S).json()


def exits(rows: Any, limits: TradingLimits, folder: Path) -> set[tuple[str, str]]:
    """Return the exits of a backtest of the leader's rows alone: of which signal, in which token."""
    path = folder / "rows.json"
    path.write_text(json.dumps(rows))
    history = open_history([path])
    result = run_backtest(history.market_events, limits, 1_000_000_000, RunModels())
    assert not result.open
    (reading,) = history.readings
    assert (reading.trades, reading.kinds) == (2, {"MERGE": 1})
    return {(outcome.signal_id, outcome.token_id) for outcome in result.outcomes if outcome.verdict == "SELL"}
