"""`python -m benchmarks.replay`: signals a second through the whole policy and fill model, on one core.

Beside decoding the same files alone, in the same run, and beside whole decisions with every rule's value, as the live
buyer makes them; on real histories where they are there, and on a capture of generated signals with the memory at a
quarter, a half and all of it. CPU seconds, so that a busy machine counts less; what it does to caches still counts, so
a short run is made three times, in turn with decoding alone, and the fastest of both counts; all are shown.
"""

import argparse
import contextlib
import cProfile
import json
import os
import pstats
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from time import process_time
from typing import Any

from backtest.backtest import run_backtest
from backtest.domain.market_events import MarketEvent
from backtest.history.history_files import open_history
from backtest.results.result import BacktestResult
from backtest.simulation.run_models import RunModels
from backtest.simulation.simulator import SimulatedRun
from buyer.config import parse_args
from buyer.strategy.limits import TradingLimits
from shared.capture.capture import FolderWriter, Header
from shared.domain.leader_trade import LeaderTrade
from shared.domain.money import MICRO, from_micro
from shared.messages.base import SIGNALS, fact_id
from shared.messages.events import read_event, write_event
from shared.redis.streams import StreamEntry

BAR = 30_000
WIDE = ("max-day", "max-market", "max-event", "max-group", "max-leader", "max-total", "max-day-loss", "max-drawdown")
START_MS = 1_790_000_000_000
TOKENS = 400
LEADERS = 20
BANKROLL = 10**9 * MICRO
ALONE = 200_000
"""Market events that are decoded alone, for the floor."""
RUNS, SHORT_S = 3, 15.0
"""How often a run is made that takes less than so many CPU seconds."""
SOME = 5000
"""Signals under the profiler, and made into whole decisions."""
PARTS = {
    "reading and decoding": "take",
    "facts, book, balances": "_look",
    "the policy": "decide",
    "orders: intent, fill, outcome": "_carry_out",
    "counting skips": "_skip",
}


def main() -> None:
    """Measure, print a table, and the figures as one JSON line."""
    words = argparse.ArgumentParser(prog="python -m benchmarks.replay", description=__doc__)
    words.add_argument("--signals", type=int, default=1_000_000, help="Generated signals.")
    words.add_argument("--data", type=Path, default=Path(os.environ.get("HYBRID_REAL_DATA", "../shared/data")))
    words.add_argument("--one", nargs="*", type=Path, help=argparse.SUPPRESS)
    words.add_argument("--wide", action="store_true", help=argparse.SUPPRESS)
    words.add_argument("--points", nargs="*", type=int, default=[], help=argparse.SUPPRESS)
    asked = words.parse_args()
    if asked.one:
        print(json.dumps(measure(asked.one, limits(wide=asked.wide), asked.points)))
        return
    print(json.dumps(compare(asked.signals, asked.data)))


def compare(signals: int, data: Path) -> dict[str, Any]:
    """Measure each input in a process of its own, so that its memory is its own."""
    found: dict[str, Any] = {}
    wallets = [data / "wallets" / f"wallet_{number}.zip" for number in (1, 2, 3, 4)]
    if all(path.is_file() for path in wallets):
        files = [*wallets, data / "wallets" / "market_winners.csv"]
        found["real_default_limits"] = _apart(files)
        found["real_wide_limits"] = _apart(files, "--wide")
    with tempfile.TemporaryDirectory() as folder:
        capture = Path(folder) / "generated"
        generate(capture, signals)
        points = [str(signals // part) for part in (4, 2, 1)]
        found["generated"] = _apart([capture], "--points", *points)
    _print(found)
    rss = found["generated"]["rss_mb"]
    return {
        "benchmark": "replay",
        "bar_per_s": BAR,
        "slowest_per_s": min(row["per_s"] for row in found.values()),
        "grown_mb": max(rss.values()) - min(rss.values()),
    } | found


def _print(found: dict[str, Any]) -> None:
    heading = f"{'input':20}{'signals':>9}{'per s':>8}{'decoding alone':>16}{'times as long':>15}{'whole':>8}"
    print(f"{heading}{'bought':>8}{'sold':>7}{'peak MB':>9}")
    for name, row in found.items():
        print(
            f"{name:20}{row['signals']:>9}{row['per_s']:>8}{row['decode_per_s']:>16}{row['ratio']:>15}"
            f"{row['whole_per_s']:>8}{row['bought']:>8}{row['sold']:>7}{row['peak_mb']:>9}"
        )
    for name, row in found.items():
        print(f"all runs of {name}: {', '.join(map(str, row['runs_per_s']))} a second")
    points = found["generated"]["rss_mb"]
    print("memory of generated: " + ", ".join(f"{mb} MB after {count}" for count, mb in points.items()))
    for name, row in found.items():
        print(f"where the time goes, {name} (under the profiler, which makes calls dearer):")
        print("  " + ", ".join(f"{part} {share}%" for part, share in row["parts"].items()))
        for line in row["profile"]:
            print(f"  {line}")


def _apart(files: Sequence[Path], *flags: str) -> dict[str, Any]:
    words = [sys.executable, "-m", "benchmarks.replay", *flags, "--one", *map(str, files)]
    made = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(made.stdout.splitlines()[-1])


def measure(files: Sequence[Path], by: TradingLimits, points: Sequence[int]) -> dict[str, Any]:
    """Run, decode alone, and make whole decisions and a profile of a part."""
    histories = [path for path in files if path.suffix != ".csv"]
    resolved = [path for path in files if path.suffix == ".csv"]
    rss: dict[int, int] = {}

    def told(count: int, _at_ms: int) -> None:
        if count in points:
            rss[count] = _mb("VmRSS")

    def run() -> tuple[BacktestResult, float]:
        started = process_time()
        history = open_history(histories, resolved)
        result = run_backtest(history.market_events, by, BANKROLL, RunModels(), sink=lambda _: None, progress=told)
        return result, process_time() - started

    result, run_s = run()
    peak_mb = _mb("VmHWM")
    took_s, decoded = [run_s], [_decoded_per_s(histories, resolved)]
    while run_s < SHORT_S and len(took_s) < RUNS:
        took_s.append(run()[1])
        decoded.append(_decoded_per_s(histories, resolved))
    per_s = result.signals / min(took_s)
    return {
        "signals": result.signals,
        "per_s": round(per_s),
        "runs_per_s": [round(result.signals / one_s) for one_s in took_s],
        "decode_per_s": round(max(decoded)),
        "ratio": round(max(decoded) / per_s, 2),
        "whole_per_s": _whole_per_s(histories[:1], resolved, by),
        "bought": result.bought,
        "sold": result.sold,
        "peak_mb": peak_mb,
        "rss_mb": rss,
    } | _profile(histories[:1], resolved, by)


def _decoded_per_s(histories: Sequence[Path], resolved: Sequence[Path]) -> float:
    started = process_time()
    some = islice(open_history(histories, resolved).market_events, ALONE)
    decoded = sum(isinstance(item.what, LeaderTrade) for item in some)
    return decoded / (process_time() - started)


def _whole_per_s(histories: Sequence[Path], resolved: Sequence[Path], by: TradingLimits) -> int:
    run = SimulatedRun(_some(histories, resolved), by, BANKROLL, RunModels(), lambda _: None, whole=True)
    started = process_time()
    made = sum(1 for _ in run.steps())
    return round(made / (process_time() - started))


def _some(histories: Sequence[Path], resolved: Sequence[Path]) -> Iterable[MarketEvent]:
    return list(islice(open_history(histories, resolved).market_events, SOME))


def limits(*, wide: bool) -> TradingLimits:
    """Return the buyer's defaults, or caps so wide that every signal the other rules pass is bought."""
    caps = [word for name in WIDE for word in (f"--{name}-usdc", "100000000")] if wide else []
    return parse_args([*caps, *(("--max-orders-per-minute", "1000") if wide else ())]).limits


def _profile(histories: Sequence[Path], resolved: Sequence[Path], by: TradingLimits) -> dict[str, Any]:
    profile = cProfile.Profile()
    coming = islice(open_history(histories, resolved).market_events, SOME)
    profile.runcall(run_backtest, coming, by, BANKROLL, RunModels(), sink=lambda _: None)
    stats: Any = pstats.Stats(profile)
    rows = sorted(stats.stats.items(), key=lambda item: -item[1][2])
    shares = {part: sum(row[3] for place, row in rows if place[2] == name) for part, name in PARTS.items()}
    return {
        "parts": {part: round(100 * took / stats.total_tt) for part, took in shares.items()},
        "profile": [f"{row[2]:6.3f} s  {Path(place[0]).name}:{place[1]} {place[2]}" for place, row in rows[:8]],
    }


def generate(folder: Path, count: int) -> None:
    """Write a capture of `count` generated signals."""
    with contextlib.closing(FolderWriter(folder, Header(START_MS))) as out:
        batch: list[StreamEntry] = []
        for entry in _entries(count):
            batch.append(entry)
            if len(batch) == 500:
                out.write(batch)
                batch.clear()
        out.write(batch)


def _entries(count: int) -> Iterator[StreamEntry]:
    for number in range(count):
        text = _signal(number)
        if number < TOKENS and write_event(read_event(text)) != text:
            raise AssertionError(f"not as we write a signal: {text}")
        yield StreamEntry(SIGNALS, f"{START_MS + number * 250}-{number}", {"event": "ACTIONABLE_SIGNAL", "json": text})


def _signal(number: int) -> str:
    """Return a signal as the detector writes it: each leader buys its tokens four times, then sells."""
    token, at_ms = number * 7919 % TOKENS, START_MS + number * 250 // 1000 * 1000
    price, shares = (20 + number * 31 % 60) * 10_000, 5 + number % 200
    side = "SELL" if number // TOKENS % 5 == 4 else "BUY"
    usdc = format(from_micro(price * shares), "f")
    return (
        f'{{"event":"ACTIONABLE_SIGNAL","version":1,"id":"{fact_id("signal", number)}","emitted_at_ms":{at_ms + 1800},'
        f'"leader":"0x{number % LEADERS:040x}","leader_label":"","tx_hash":"0x{number:064x}",'
        f'"token_id":"{10**70 + token}","side":"{side}","cause":"TRADE","part":0,"shares":"{shares}","usdc":"{usdc}",'
        f'"price":"{from_micro(price):f}","fills":[{{"shares":"{shares}","usdc":"{usdc}","log_index":null,'
        f'"role":null}}],"traded_at_ms":{at_ms},"seen_at_ms":{at_ms + 1700},"seen_by":[{{"source":"data_api",'
        f'"seen_at_ms":{at_ms + 1700},"lag_ms":1700}}],"emitted_by":"first","catch_up":false,"market":{{"condition_id":'
        f'"0x{token:064x}","outcome_index":0,"outcome":"","title":"Market {token}","slug":"","event_slug":""}},'
        f'"facts":null}}'
    )


def _mb(what: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith(what))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    main()
