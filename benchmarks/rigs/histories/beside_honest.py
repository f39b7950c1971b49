"""`python -m benchmarks.rigs.histories.beside_honest WALLET.zip WINNERS.csv`: every buy, by honest-backtest and by us.

One wallet's buys in markets that have resolved, 5 pUSD behind each, no caps. Each of the other's fills is matched with
our order for the same transaction and outcome; the table leads from its result to ours, and its lines add up.
"""

import csv
import json
import sys
from collections import defaultdict
from importlib import import_module
from operator import add
from pathlib import Path
from typing import Any, NamedTuple

from backtest.backtest import run_backtest
from backtest.history.history_files import open_history
from backtest.results.result import BacktestResult, SignalOutcome
from backtest.settings import decided_settings
from backtest.simulation.run_models import RunModels
from benchmarks.rigs.histories.mutations import Rows, read_log
from benchmarks.rigs.replay.replay_workloads import EVERY_BUY
from shared.messages.signals import ActionableSignal

honest: Any = import_module("honest_backtest")
"""It ships no types."""
FIRST = frozenset({"up", "yes", "over"})
TICK, DEEP, STAKE, FEE_RATE, MICRO = 0.01, 200.0, 5.0, 0.07, 1e6
LIMITS = {**EVERY_BUY, "max_slippage_ticks": "2", "max_slippage_pct": "0"}
"""Two ticks above the leader's price at most, as it is asked to."""
BANKROLL = 10**9 * 10**6
Key = tuple[str, str, str]
"""Transaction, market, outcome."""


class Filled(NamedTuple):
    """What one side bought for a key: shares, what they cost, the fee, how many fills; what it brought in the end."""

    shares: float
    cost: float
    fee: float
    fills: int
    pnl: float


class EveryBuy:
    """Buys at every row what the leader bought there, two ticks above his price at most."""

    mode, once = "taker", False

    def __init__(self, keys: dict[str, list[Key]]) -> None:
        self._keys = keys

    def decide(self, ctx: Any, i: int) -> Any:  # noqa: ANN401 - its interface
        """Answer the row with an order of its own outcome."""
        price = float(ctx.tr_px[i])
        tag = "\n".join(self._keys[ctx.meta.condition_id][i])
        return honest.Decision(
            i, int(ctx.ts[i]), bool(ctx.tr_yes[i]), "taker", min(0.99, price + 2 * TICK), STAKE / price, tag
        )


def main() -> None:
    """Print the table, and the same as one JSON line."""
    wallet, winners = map(Path, sys.argv[1:])
    won = _winners(winners)
    rows = [row for row in read_log(wallet) if row["side"] == "BUY" and won.get(row["market"])]
    theirs, ours = _by_them(rows, won), _by_us(wallet, winners, won)
    lines = _lines(theirs, *ours)
    width = max(map(len, lines))
    for name, (count, amount) in lines.items():
        print(f"{name:{width}}{count:>9,}{amount:>14,.2f}")
    print(json.dumps({"benchmark": "beside_honest", "wallet": wallet.stem, "lines": lines}))


def _lines(theirs: dict[Key, Filled], ours: dict[Key, Filled], reasons: dict[Key, str]) -> dict[str, tuple[int, float]]:
    """Return each step from their result to ours: how many orders it concerns, and what it brings."""
    steps: dict[str, list[float]] = defaultdict(list)
    for key, fill in theirs.items():
        mine = ours.get(key)
        if mine is None:
            steps[f"not bought by us: {reasons.get(key, 'no signal of ours')}"].append(-fill.pnl)
            continue
        once = fill.pnl / fill.fills
        if fill.fills > 1:
            steps["one order for all fills of a transaction, where it stakes each"].append(once - fill.pnl)
        sized = once * mine.shares * fill.fills / fill.shares
        steps["sizes: 2 decimals, venue's minimum, depth taken"].append(sized - once)
        dearer = mine.cost - fill.cost / fill.shares * mine.shares
        steps["prices: our ask stands a tick above the last trade, its own at it"].append(-dearer)
        steps["fees, of those prices"].append(mine.pnl - sized + dearer)
    for key in ours.keys() - theirs.keys():
        steps["bought by us only: it saw the ask above its limit"].append(ours[key].pnl)
    total = sum(fill.pnl for fill in theirs.values())
    result = {"honest-backtest": (len(theirs), total)}
    result |= {name: (len(step), sum(step)) for name, step in sorted(steps.items(), key=lambda item: -len(item[1]))}
    return result | {"ours": (len(ours), sum(fill.pnl for fill in ours.values()))}


def _by_them(rows: Rows, won: dict[str, str]) -> dict[Key, Filled]:
    by_market: dict[str, Rows] = defaultdict(list)
    for row in rows:
        by_market[row["market"]].append(row)
    keys = dict[str, list[Key]]()
    slots = [_slot(market, sorted(told, key=_second), won, keys) for market, told in by_market.items()]
    grades: list[Any] = honest.run_signal(EveryBuy(keys), slots)
    found: dict[Key, Filled] = {}
    for grade in grades:
        if grade["crossable"] and grade["persisted"]:
            price, size = grade["fill_px"], grade["size"]
            cost, fee = size * price, size * honest.fee_per_share(price, fee_rate=FEE_RATE)
            tx, market, outcome = grade["tag"].split("\n")
            had = found.get((tx, market, outcome), Filled(0, 0, 0, 0, 0))
            pnl = (size if grade["won"] else 0.0) - cost - fee
            new = (size, cost, fee, 1, pnl)
            found[tx, market, outcome] = Filled._make(map(add, had, new))
    return found


def _slot(market: str, rows: Rows, won: dict[str, str], keys: dict[str, list[Key]]) -> Any:  # noqa: ANN401 - its type
    keys[market] = [(row["tx_hash"], market, row["outcome"]) for row in rows]
    ends_ms = _second(rows[-1]) * 1000
    meta = honest.SlotMeta(
        condition_id=market,
        coin="btc",
        duration="5m",
        duration_s=300,
        open_ts=_second(rows[0]),
        close_ts=_second(rows[-1]),
        strike=0.0,
        spot_at_open=0.0,
        spot_at_close=0.0,
        yes_token_id="1",  # noqa: S106 - an outcome's id
        no_token_id="2",  # noqa: S106 - ditto
        resolved_side="Yes" if won[market].lower() in FIRST else "No",
        fee_rate=FEE_RATE,
        rebate_rate=None,
    )
    prints = [(_second(row) * 1000, _side(row), float(row["price"]), float(row["size"]), 1) for row in rows]
    return honest.SlotCtx.from_rows(meta, [_book(row, ends_ms) for row in rows], prints)


def _book(row: dict[str, str], ends_ms: int) -> tuple[float, ...]:
    """Return the top of both books around the leader's price, a tick wide."""
    at_ms, price = _second(row) * 1000, float(row["price"])
    ask, other = (price, 1 - price + TICK) if _side(row) == "1" else (1 - price + TICK, price)
    return at_ms, (ends_ms - at_ms) // 1000, ask - TICK, ask, DEEP, DEEP, other - TICK, other, DEEP, DEEP, 0.0


def _by_us(wallet: Path, winners: Path, won: dict[str, str]) -> tuple[dict[Key, Filled], dict[Key, str]]:
    """Return our fills, and why each other signal brought none."""
    keys: dict[str, Key] = {}
    history = open_history([wallet], [winners])

    def noted() -> Any:  # noqa: ANN401 - an iterator of market events
        for event in history.market_events:
            what = event.what
            if isinstance(what, ActionableSignal) and what.side == "BUY" and won.get(what.market.title):
                keys[what.id] = (what.tx_hash, what.market.title, what.market.outcome)
            yield event

    result = run_backtest(noted(), decided_settings((), LIMITS).limits, BANKROLL, RunModels(), keep_skips=True)
    return _sorted(result, keys, won)


def _sorted(
    result: BacktestResult, keys: dict[str, Key], won: dict[str, str]
) -> tuple[dict[Key, Filled], dict[Key, str]]:
    ours: dict[Key, Filled] = {}
    reasons: dict[Key, str] = {}
    for outcome in result.outcomes:
        key = keys.get(outcome.signal_id)
        if key is None:
            continue
        if outcome.shares:
            ours[key] = _filled(outcome, paid=key[2].lower() == won[key[1]].lower())
        else:
            reasons[key] = outcome.reason if outcome.verdict == "SKIP" else f"order missed ({outcome.reason})"
    return ours, reasons


def _filled(outcome: SignalOutcome, *, paid: bool) -> Filled:
    shares, cost, fee = outcome.shares / MICRO, outcome.usdc / MICRO, outcome.fee / MICRO
    return Filled(shares, cost, fee, 1, (shares if paid else 0.0) - cost - fee)


def _winners(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["market"]: row["winner"] for row in csv.DictReader(file) if row["winner"]}


def _second(row: dict[str, str]) -> int:
    return int(row["timestamp"])


def _side(row: dict[str, str]) -> str:
    return "1" if row["outcome"].lower() in FIRST else "2"


if __name__ == "__main__":
    main()
