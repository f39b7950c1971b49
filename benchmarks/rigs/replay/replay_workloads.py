"""What `benchmarks.replay` runs: real histories with their limits, and a capture of generated signals."""

import contextlib
import csv
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from shared.capture.capture import FolderWriter, Header
from shared.domain.money import from_micro
from shared.messages.base import SIGNALS, fact_id
from shared.messages.events import read_event, write_event
from shared.redis.streams import StreamEntry

START_MS = 1_790_000_000_000
TOKENS = 400
LEADERS = 20
CAPS = ("day", "market", "event", "group", "leader", "total", "day_loss", "drawdown")
UNPROTECTED = {
    "max_slippage_pct": "2",
    "slippage_bound": "larger",
    "max_spread": "0",
    "max_over_fair_pct": "0",
    "max_over_others_pct": "0",
    "min_resale_pct": "0",
    "min_liquidity_usdc": "0",
    "check_own_exits": "false",
    "stake_window_s": "0",
    "cooldown_s": "0",
    "other_outcome": "buy",
    "mark_losses": "false",
    "breaker_rejections": "0",
    "breaker_losses": "0",
    "breaker_fall_usdc": "0",
    "exit_floor_pct": "100",
    "trigger_looks": "1",
    "trigger_s": "0",
    "min_leader_sell_pct": "0",
    "check_later_sale": "false",
    "min_nodes": "1",
}
"""The protections off that buy and sell less, so that workloads hold as many orders as they are there for.

So the code of a commit before there were any decides alike, and replays as much.
"""
WIDE = {**UNPROTECTED, **{f"max_{cap}_usdc": "100000000" for cap in CAPS}, "max_orders_per_minute": "1000"}
"""Caps so wide that every signal the other rules pass is bought."""
PERCENT = {
    **UNPROTECTED,
    **{f"max_{cap}_usdc": "100000" for cap in (*CAPS, "stake")},
    "max_orders_per_minute": "1000000",
    "sizing": "percent",
    "leader_pct": "2",
    "mirror_sells": "all",
    "stop_loss_pct": "5",
    "take_profit_pct": "5",
    "max_hold_s": "60",
}
"""As people follow a few leaders with much money: a part of each trade, out when the leader is or when it turns."""
EVERY_BUY = {
    **WIDE,
    "max_orders_per_minute": "1000000",
    "max_slippage_ticks": "100",
    "max_slippage_pct": "100",
    "min_leader_usdc": "0",
    "min_price": "0",
    "max_price": "1",
    "max_signal_age_s": "86400",
}
"""No rule but the caps and the book says no."""
SELLERS = ("busy_leader_3500", "one_page_500")
"""Histories that hold sells (582 in half an hour), of 2026-03-17."""
LATER_S = 6 * 86_400
"""So much later they are joined: into the day of the wallets' logs, as nobody trades in the days between."""
DAY_S, AGAIN = 86_400, " (again)"
"""A log's next day has markets of its own, so that a day's caps and lots are no other's."""


@dataclass(frozen=True)
class Workload:
    """Files to follow, how their markets resolved, and the limits that differ from the buyer's defaults."""

    files: tuple[Path, ...]
    resolved: tuple[Path, ...] = ()
    limits: Mapping[str, str] = field(default_factory=dict[str, str])
    points: tuple[int, ...] = ()
    """Numbers of signals at which the memory is noted."""

    def job(self, *, alone: bool) -> str:
        """Return it as the worker reads it."""
        made: dict[str, Any] = {"files": [str(path) for path in self.files], "limits": dict(self.limits)}
        made |= {"resolved": [str(path) for path in self.resolved], "points": self.points, "alone": alone}
        return json.dumps(made)


def workloads(data: Path, folder: Path, signals: int) -> dict[str, Workload]:
    """Return what there is to run, in the table's order; real histories where they are there.

    Args:
        data: Captured real data, as `HYBRID_REAL_DATA` names it.
        folder: Where joined and generated histories are written.
        signals: How many are generated.
    """
    wallets, winners = _wallets(data), (data / "wallets" / "market_winners.csv",)
    found: dict[str, Workload] = {}
    if all(path.is_file() for path in wallets):
        sellers = tuple(_later(data / "activity_v1" / f"{name}.json", folder) for name in SELLERS)
        joined = (wallets[0], _next_day(wallets[1], folder), *sellers)
        found["percent, stops, sells"] = Workload(joined, (*winners, _again(*winners, folder)), PERCENT)
        found["default limits"] = Workload(wallets, winners)
        found["defaults, unprotected"] = Workload(wallets, winners, UNPROTECTED)
        found["wide limits"] = Workload(wallets, winners, WIDE)
    capture = folder / "generated"
    generate(capture, signals)
    found["generated"] = Workload((capture,), points=tuple(signals // part for part in (4, 2, 1)))
    return found


def every_buy(data: Path) -> Workload | None:
    """Return one wallet whose buys are all followed, None where it is not there."""
    wallet = _wallets(data)[0]
    return Workload((wallet,), (data / "wallets" / "market_winners.csv",), EVERY_BUY) if wallet.is_file() else None


def _wallets(data: Path) -> tuple[Path, ...]:
    return tuple(data / "wallets" / f"wallet_{number}.zip" for number in (1, 2, 3, 4))


def _later(path: Path, folder: Path) -> Path:
    """Write a history of the Data API's rows again, some days later."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    for row in rows:
        row["timestamp"] += LATER_S
    (folder / path.name).write_text(json.dumps(rows), encoding="utf-8")
    return folder / path.name


def _next_day(log: Path, folder: Path) -> Path:
    """Write a wallet's log again, a day later and in markets of their own."""
    with zipfile.ZipFile(log) as archive, archive.open(archive.namelist()[0]) as member:
        rows = list(csv.DictReader(io.TextIOWrapper(member, encoding="utf-8", newline="")))
    for row in rows:
        row["market"] += AGAIN
        for when in ("timestamp", "collected_at"):
            row[when] = str(Decimal(row[when]) + DAY_S)
    return _written(rows, folder / f"{log.stem}_next_day.csv")


def _again(winners: Path, folder: Path) -> Path:
    """Write how those markets resolved: as the first did."""
    with winners.open(encoding="utf-8", newline="") as file:
        rows = [{**row, "market": row["market"] + AGAIN} for row in csv.DictReader(file)]
    return _written(rows, folder / "winners_next_day.csv")


def _written(rows: Sequence[Mapping[str, str]], path: Path) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    return path


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
