"""`python -m benchmarks.replay`: signals a second through the whole policy and fill model, on one core.

Beside decoding the same files alone, in the same run; on real histories where they are there, and on a capture of
generated signals, in two lengths, to see whether memory grows. CPU seconds, so that a busy machine does not count.
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
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from time import process_time
from typing import Any

from backtest.backtest import backtest
from backtest.history.files import open_history
from backtest.run import Models
from buyer.config import parse_args
from buyer.limits import Limits
from shared.capture import FolderWriter, Header
from shared.events import SIGNALS, ActionableSignal, Fill, MarketHint, SeenBy, fact_id, write_event
from shared.money import MICRO
from shared.streams import Entry

BAR = 30_000
WIDE = ("max-day", "max-market", "max-event", "max-group", "max-leader", "max-total", "max-day-loss", "max-drawdown")
START_MS = 1_790_000_000_000
TOKENS = 400
LEADERS = 20


def main() -> None:
    """Measure, print a table, and the figures as one JSON line."""
    words = argparse.ArgumentParser(prog="python -m benchmarks.replay", description=__doc__)
    words.add_argument("--signals", type=int, default=1_000_000, help="Generated signals in the long capture.")
    words.add_argument("--data", type=Path, default=Path(os.environ.get("HYBRID_REAL_DATA", "../shared/data")))
    words.add_argument("--one", nargs="*", type=Path, help=argparse.SUPPRESS)
    words.add_argument("--wide", action="store_true", help=argparse.SUPPRESS)
    asked = words.parse_args()
    if asked.one:
        print(json.dumps(measure(asked.one, wide=asked.wide)))
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
        for name, count in (("generated_tenth", signals // 10), ("generated", signals)):
            generate(Path(folder) / name, count)
            found[name] = _apart([Path(folder) / name])
    print(
        f"{'input':22}{'signals':>9}{'per s':>9}{'decoding alone':>16}{'times as long':>15}{'peak MB':>9}{'bought':>8}"
    )
    for name, row in found.items():
        print(
            f"{name:22}{row['signals']:>9}{row['per_s']:>9}{row['decode_per_s']:>16}{row['ratio']:>15}"
            f"{row['peak_mb']:>9}{row['bought']:>8}"
        )
    print("where the time goes, generated (own seconds under the profiler):")
    for line in found["generated"]["profile"]:
        print(f"  {line}")
    slowest = min(row["per_s"] for name, row in found.items() if name != "generated_tenth")
    grown = found["generated"]["peak_mb"] - found["generated_tenth"]["peak_mb"]
    return {"benchmark": "replay", "bar_per_s": BAR, "slowest_per_s": slowest, "grown_mb": grown} | found


def _apart(files: Sequence[Path], *flags: str) -> dict[str, Any]:
    words = [sys.executable, "-m", "benchmarks.replay", *flags, "--one", *map(str, files)]
    made = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(made.stdout.splitlines()[-1])


def measure(files: Sequence[Path], *, wide: bool) -> dict[str, Any]:
    """Decode alone, run, and run a part of it under the profiler."""
    histories = [path for path in files if path.suffix != ".csv"]
    resolved = [path for path in files if path.suffix == ".csv"]
    started = process_time()
    decoded = sum(isinstance(item.what, ActionableSignal) for item in open_history(histories, resolved).happenings)
    decode_s, started = process_time() - started, process_time()
    result = _run(histories, resolved, limits(wide=wide))
    run_s = process_time() - started
    return {
        "signals": result.signals,
        "decoded": decoded,
        "per_s": round(result.signals / run_s),
        "decode_per_s": round(decoded / decode_s),
        "ratio": round(run_s / decode_s, 2),
        "peak_mb": _peak_mb(),
        "bought": result.bought,
        "profile": _profile(histories[:1], resolved, limits(wide=wide)),
    }


def _run(histories: Sequence[Path], resolved: Sequence[Path], by: Limits) -> Any:  # noqa: ANN401 - a Result
    history = open_history(histories, resolved)
    return backtest(history.happenings, by, 10**9 * MICRO, Models(), sink=lambda _: None)


def limits(*, wide: bool) -> Limits:
    """Return the buyer's defaults, or caps so wide that every signal the other rules pass is bought."""
    caps = [word for name in WIDE for word in (f"--{name}-usdc", "100000000")] if wide else []
    return parse_args([*caps, *(("--max-orders-per-minute", "1000") if wide else ())]).limits


def _profile(histories: Sequence[Path], resolved: Sequence[Path], by: Limits) -> list[str]:
    profile = cProfile.Profile()
    coming = open_history(histories, resolved).happenings
    some = (happening for happening, _ in zip(coming, range(5000), strict=False))
    profile.runcall(backtest, some, by, 10**9 * MICRO, Models(), sink=lambda _: None)
    stats: Any = pstats.Stats(profile)
    rows = sorted(stats.stats.items(), key=lambda item: -item[1][2])[:8]
    return [f"{row[2]:6.3f} s  {Path(place[0]).name}:{place[1]} {place[2]}" for place, row in rows]


def generate(folder: Path, count: int) -> None:
    """Write a capture of `count` generated signals."""
    with contextlib.closing(FolderWriter(folder, Header(START_MS))) as out:
        batch: list[Entry] = []
        for entry in _entries(count):
            batch.append(entry)
            if len(batch) == 500:
                out.write(batch)
                batch.clear()
        out.write(batch)


def _entries(count: int) -> Iterator[Entry]:
    for number in range(count):
        event = _signal(number)
        fields = {"event": event.event, "json": write_event(event)}
        yield Entry(SIGNALS, f"{event.emitted_at_ms}-{number}", fields)


def _signal(number: int) -> ActionableSignal:
    token, at_ms = number * 7919 % TOKENS, START_MS + number * 250 // 1000 * 1000
    price, shares = Decimal(20 + number * 31 % 60) / 100, Decimal(5 + number % 200)
    leader, tx_hash = f"0x{number % LEADERS:040x}", f"0x{number:064x}"
    return ActionableSignal(
        id=fact_id("signal", number),
        emitted_at_ms=at_ms + 1800,
        leader=leader,
        tx_hash=tx_hash,
        token_id=str(10**70 + token),
        side="BUY" if number % 5 else "SELL",
        shares=shares,
        usdc=price * shares,
        price=price,
        fills=(Fill(shares=shares, usdc=price * shares),),
        traded_at_ms=at_ms,
        seen_at_ms=at_ms + 1700,
        seen_by=(SeenBy(source="data_api", seen_at_ms=at_ms + 1700, lag_ms=1700),),
        market=MarketHint(condition_id=f"0x{token:064x}", outcome_index=0, title=f"Market {token}"),
    )


def _peak_mb() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    main()
