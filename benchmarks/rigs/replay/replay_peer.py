"""One wallet through `honest-backtest`: every buy of its log followed, floats, no caps.

`python -m benchmarks.rigs.replay.replay_peer WALLET.zip WINNERS.csv`: a market is a slot, a row is a look at its book
(the asks around what the leader paid) and a print on its tape, and each is answered by a taker order of 5 pUSD, graded
by its `run_signal`. The CPU covers reading the files, as ours does, and not its leaderboard, whose bootstraps take a
hundred times as long.
"""

import csv
import io
import json
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from time import process_time
from typing import Any

honest: Any = import_module("honest_backtest")
"""It ships no types."""
FIRST = frozenset({"up", "yes", "over"})
TOKENS = ("first", "second")
TICK, DEEP, STAKE = 0.01, 200.0, 5.0
Row = tuple[int, bool, float, float]
"""Time in milliseconds, whether of the first outcome, price, shares."""


class FollowLeader:
    """Buys at every row what the leader bought there."""

    mode, once = "taker", False

    def decide(self, ctx: Any, i: int) -> Any:  # noqa: ANN401 - its interface
        """Answer the row with an order of its own outcome, two ticks above its price."""
        price = float(ctx.tr_px[i])
        return honest.Decision(
            i, int(ctx.ts[i]), bool(ctx.tr_yes[i]), "taker", min(0.99, price + 2 * TICK), STAKE / price
        )


def main() -> None:
    """Grade the wallet; print rows, followed rows and CPU seconds as JSON."""
    wallet, winners = map(Path, sys.argv[1:])
    started, slots = process_time(), list(_slots(wallet, _winners(winners)))
    grades: list[Any] = honest.run_signal(FollowLeader(), slots)
    took_s, rows = process_time() - started, sum(slot.n for slot in slots)
    bought = sum(grade["crossable"] and grade["persisted"] for grade in grades)
    print(json.dumps({"cpu_s": took_s, "signals": rows, "bought": bought}))


def _winners(path: Path) -> dict[str, bool]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["market"]: row["winner"].lower() in FIRST for row in csv.DictReader(file)}


def _slots(wallet: Path, winners: dict[str, bool]) -> Iterator[Any]:
    """Yield each market that is known to have resolved, its rows in time order."""
    for market, rows in _by_market(wallet).items():
        rows.sort()
        ends_ms = rows[-1][0]
        meta = honest.SlotMeta(
            condition_id=market,
            coin="btc",
            duration="5m",
            duration_s=300,
            open_ts=rows[0][0] // 1000,
            close_ts=ends_ms // 1000,
            strike=0.0,
            spot_at_open=0.0,
            spot_at_close=0.0,
            yes_token_id=TOKENS[0],
            no_token_id=TOKENS[1],
            resolved_side="Yes" if winners.get(market) else "No",
            fee_rate=0.07,
            rebate_rate=None,
        )
        prints = [(at_ms, TOKENS[0] if first else TOKENS[1], price, size, 1) for at_ms, first, price, size in rows]
        yield honest.SlotCtx.from_rows(meta, [_book(row, ends_ms) for row in rows], prints)


def _by_market(wallet: Path) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    with zipfile.ZipFile(wallet) as archive, archive.open(archive.namelist()[0]) as member:
        reader = csv.reader(io.TextIOWrapper(member, encoding="utf-8", newline=""))
        at = {name: place for place, name in enumerate(next(reader))}
        when, side, outcome, price, size, market = (
            at[name] for name in ("timestamp", "side", "outcome", "price", "size", "market")
        )
        for row in reader:
            if row[side] == "BUY":
                first = row[outcome].lower() in FIRST
                found[row[market]].append((int(row[when]) * 1000, first, float(row[price]), float(row[size])))
    return found


def _book(row: Row, ends_ms: int) -> tuple[float, ...]:
    """Return the top of both books around the leader's price: a tick wide, as our own model."""
    at_ms, first, price, _ = row
    ask = price if first else 1 - price + TICK
    other = 1 - price + TICK if first else price
    left_s = (ends_ms - at_ms) // 1000
    return at_ms, left_s, ask - TICK, ask, DEEP, DEEP, other - TICK, other, DEEP, DEEP, 0.0


if __name__ == "__main__":
    main()
