"""Histories from elsewhere become the stream a backtest reads."""

import contextlib
import csv
import gzip
import io
import json
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.domain.market_events import MarketEvent
from backtest.domain.market_state import ResolvedMarket
from backtest.history.external_sort import SortedRows
from backtest.history.history_files import open_history
from backtest.history.reading.csv_rows import CsvRows, _micro
from backtest.history.reading.history_row import HistoryRow
from backtest.history.reading.row_counts import RowCounts
from backtest.simulation.latency import MOST_LEAD_MS, ConstantDelay, DrawnDelay, LagSamples, RecordedDelay, read_delay
from shared.capture.capture import FolderWriter, Header
from shared.domain.errors import BadConfig
from shared.domain.money import to_micro
from shared.messages.base import SIGNALS
from shared.messages.events import read_event, write_event
from shared.messages.signals import ActionableSignal, FillConfirmed, SeenBy
from shared.redis.streams import StreamEntry
from tests.amounts import D
from tests.backtest.histories import START_MS, at
from tests.backtest.history.leader_pnl import leader_results
from tests.buyer.builders import a_signal

A, B = "0x" + "a1" * 20, "0x" + "b2" * 20
HEADING = "wallet_addr,tx_hash,timestamp,side,outcome,price,size,usdc,market,collected_at"
S = START_MS // 1000


def a_line(second: int, number: int = 1, *, leader: str = A, outcome: str = "Up", side: str = "BUY") -> str:
    return f"{leader},0x{number:064x},{S + second},{side},{outcome},0.5,10.0,5.0,BTC up?,{S + second + 40}.5"


def csv_file(folder: Path, *lines: str) -> Path:
    path = folder / "rows.csv"
    path.write_text("\n".join((HEADING, *lines)) + "\n")
    return path


def read(*paths: Path, resolved: tuple[Path, ...] = ()) -> list[MarketEvent]:
    return list(open_history(paths, resolved).market_events)


def signals_in(found: list[MarketEvent]) -> list[ActionableSignal]:
    return [market_event.what for market_event in found if isinstance(market_event.what, ActionableSignal)]


def test_rows_of_one_transaction_token_and_side_are_one_signal_in_time_order(tmp_path: Path) -> None:
    path = csv_file(tmp_path, a_line(9, 3), a_line(5), a_line(5), a_line(5, outcome="Down"), a_line(5, side=""))

    found = signals_in(read(path))

    assert [(s.traded_at_ms, s.shares, s.usdc, s.price) for s in found] == [
        (at(5), D(20), D(10), D("0.5")),
        (at(5), D(10), D(5), D("0.5")),
        (at(9), D(10), D(5), D("0.5")),
    ]
    assert [s.market.outcome_index for s in found] == [0, 1, 0]
    assert len(found[0].fills) == 2
    assert found[0].seen_at_ms == at(45) + 500
    assert read_event(write_event(found[0])) == found[0]


def test_files_of_several_leaders_are_merged_in_time_order(tmp_path: Path) -> None:
    one = csv_file(tmp_path, a_line(1), a_line(7, 2))
    packed = tmp_path / "two.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("two.csv", "\n".join((HEADING, a_line(4, 3, leader=B))))

    found = signals_in(read(one, packed))

    assert [(s.leader, s.traded_at_ms) for s in found] == [(A, at(1)), (B, at(4)), (A, at(7))]


def test_a_market_without_a_time_closes_so_long_after_its_last_trade(tmp_path: Path) -> None:
    winners = tmp_path / "winners.csv"
    winners.write_text("market,winner\nBTC up?,Down\nnever traded,Up\nunknown,\n")
    rows = csv_file(tmp_path, a_line(1), a_line(7, 2))

    found = read(rows, resolved=(winners,))
    sooner = list(open_history([rows], [winners], lingers_s=3.5).market_events)

    assert (found[-1].at_ms, sooner[-1].at_ms) == (at(67), at(10) + 500)
    assert isinstance(found[-1].what, ResolvedMarket)
    assert (found[-1].what.payouts, found[-1].what.when) == ((0, 1), "assumed")


def test_what_cannot_be_read_is_counted_with_the_first_reason(tmp_path: Path) -> None:
    path = csv_file(tmp_path, a_line(1), "torn,line", a_line(2, side=""))

    history = open_history([path])

    assert len(list(history.market_events)) == 1
    (reading,) = history.readings
    assert (reading.rows, reading.trades, reading.kinds) == (3, 1, {"without a side": 1})
    assert [(part.rows, part.first[:8]) for part in reading.left_out] == [(1, "line 3: ")]


@pytest.mark.parametrize("packed", [False, True])
def test_rows_of_the_venue_are_read_whatever_their_version(packed: bool, tmp_path: Path) -> None:  # noqa: FBT001
    v1: dict[str, Any] = {"proxyWallet": A, "timestamp": S, "conditionId": "0xC0", "type": "TRADE", "size": 10}
    v1 |= {"usdcSize": 5.000001, "transactionHash": "0x" + "1" * 64, "asset": "77", "side": "BUY", "outcomeIndex": 1}
    v2: dict[str, Any] = {"proxy_wallet": B, "timestamp": S + 1, "condition_id": "0xc0", "type": "TRADE", "size": 10}
    v2 |= {"usdc_size": 5, "transaction_hash": "0x" + "2" * 64, "token_id": "77", "side": "SELL", "outcome_index": 1}
    rows = [v1, v1 | {"type": "REDEEM"}, v2]
    text = json.dumps(rows) if not packed else "\n".join(json.dumps(row) for row in rows)
    path = tmp_path / ("rows.json.gz" if packed else "rows.json")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())

    found = signals_in(read(path))

    assert [(s.leader, s.side, s.usdc) for s in found] == [(A, "BUY", D("5.000001")), (B, "SELL", D(5))]
    assert {s.market.condition_id for s in found} == {"0xc0"}


AMOUNTS = st.sampled_from(["10.0", "2.8000000000000003", "0.0000005", "1e3", "0", "-1", "nan", "ten", "", "1_0", " 7 "])
CELLS = {
    "wallet_addr": st.sampled_from([A, B.upper()]),
    "tx_hash": st.sampled_from(["0x" + "A" * 64, "0x" + "b" * 64]),
    "timestamp": st.sampled_from([str(S), str(S + 1), "soon", ""]),
    "side": st.sampled_from(["BUY", "BUY", "SELL", "", "buy"]),
    "outcome": st.sampled_from(["Up", "no", "X"]),
    "size": AMOUNTS,
    "usdc": AMOUNTS,
    "market": st.sampled_from(["BTC up?", "ETH, up?", ""]),
    "collected_at": st.sampled_from(["", f"{S}.5", "nan", "inf"]),
    "outcome_index": st.sampled_from(["", "0", "1", "z"]),
}


@given(st.lists(st.fixed_dictionaries(CELLS), max_size=20), st.sets(st.sampled_from(["collected_at", "outcome_index"])))
def test_rows_read_together_are_read_as_each_alone(rows: list[dict[str, str]], left_out: set[str]) -> None:
    heading = [name for name in CELLS if name not in left_out]
    cells = [[row[name] for name in heading] for row in rows] + [["torn"], [*heading, "more"]]

    together = CsvRows(RowCounts("all"))
    found = list(together.read(csv_text(heading, *cells)))

    alone = [CsvRows(RowCounts("one")) for _ in cells]
    each = [list(reader.read(csv_text(heading, row))) for reader, row in zip(alone, cells, strict=True)]
    assert found == [row for one in each for row in one]
    said = together.counts
    assert said.unread == sum(reader.counts.unread for reader in alone)
    assert len(found) + said.unread + said.kinds.total() == len(cells) == said.rows


def csv_text(*rows: list[str]) -> list[str]:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("text", "error"),
    [("a,b\n1,2\n", "no column"), ("[{", "no JSON"), (HEADING + "\n" + a_line(1, outcome="X"), "outcome_index")],
)
def test_a_file_of_another_kind_is_named(text: str, error: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text)

    with pytest.raises(BadConfig, match=error):
        read(path)
    with pytest.raises(BadConfig, match="No such file"):
        read(tmp_path / "none.csv")


def test_a_history_larger_than_memory_is_sorted_by_way_of_files() -> None:
    rows = [
        HistoryRow(number * 7919 % 101, A, f"0x{number}", "7", "BUY", 1, 1, 0, ("c", 0, "", "", "", ""))
        for number in range(101)
    ]

    assert list(SortedRows(rows, run=10)) == list(SortedRows(rows)) == sorted(rows)


def test_a_delay_is_constant_recorded_drawn_or_measured(tmp_path: Path) -> None:
    witness = SeenBy(source="rtds", seen_at_ms=1, lag_ms=1500)
    signals = [a_signal(id=f"{number:064x}", seen_by=(witness,)) for number in range(40)]
    with contextlib.closing(FolderWriter(tmp_path / "c", Header(1))) as out:
        out.write([StreamEntry(SIGNALS, "1-0", {"event": s.event, "json": write_event(s)}) for s in signals])
    measured = open_history([tmp_path / "c"], measure=True).measured
    one = signals[0]

    assert read_delay("2.5", {}) == ConstantDelay(2500)
    assert read_delay("recorded", {}).arrival_ms(one) == one.seen_at_ms
    assert isinstance(read_delay("recorded", {}), RecordedDelay)
    drawn = read_delay("1,2,30", {})
    arrivals = {drawn.arrival_ms(trade) - trade.traded_at_ms for trade in signals}
    assert isinstance(drawn, DrawnDelay)
    assert len(arrivals) > 30
    assert 1000 <= min(arrivals) < 2000 < max(arrivals) <= 30_000
    assert 1500 <= read_delay("measured:rtds", measured).arrival_ms(one) - one.traded_at_ms <= 1530


def test_a_pending_sight_is_measured_against_its_block_and_can_lead_it(tmp_path: Path) -> None:
    witness = SeenBy(source="pending", seen_at_ms=10_000, lag_ms=0)
    signal = a_signal(pending=True, seen_by=(witness,), traded_at_ms=10_000)
    confirmed = FillConfirmed(
        id="c" * 64,
        emitted_at_ms=12_000,
        signal_id=signal.id,
        leader=signal.leader,
        tx_hash=signal.tx_hash,
        token_id=signal.token_id,
        side=signal.side,
        source="chain_logs",
        seen_at_ms=12_000,
        lag_ms=1_000,  # its block was at 11,000: a second after the sight
        behind_first_ms=2_000,
        first_source="pending",
    )
    with contextlib.closing(FolderWriter(tmp_path / "c", Header(1))) as out:
        rows = [{"event": each.event, "json": write_event(each)} for each in (signal, confirmed)]
        out.write([StreamEntry(SIGNALS, "1-0", row) for row in rows])

    delay = read_delay("measured:pending", open_history([tmp_path / "c"], measure=True).measured)

    trade = a_signal()
    assert -1_000 <= delay.arrival_ms(trade) - trade.traded_at_ms <= -970
    assert 970 <= delay.lead_ms <= 1_000


def test_no_lead_is_longer_than_a_match_can_be_before_its_block() -> None:
    lags = LagSamples({})
    lags.add_lag(-60_000)

    assert 1_450 <= lags.drawn_delay("pending").lead_ms <= MOST_LEAD_MS


@pytest.mark.parametrize("text", ["soon", "3,2", "-1", "measured:moon"])
def test_a_delay_that_is_none_is_named(text: str) -> None:
    with pytest.raises(BadConfig, match="delay"):
        read_delay(text, {})


@pytest.mark.real_data
@pytest.mark.process  # no process of its own: out of the fast tier for its seconds
def test_the_four_real_wallets_results_are_those_of_a_few_lines_of_polars(real_data: Path) -> None:
    pl = pytest.importorskip("polars")
    winners_file = real_data / "wallets" / "market_winners.csv"
    paths = [real_data / "wallets" / f"wallet_{number}.zip" for number in (1, 2, 3, 4)]
    winners = pl.read_csv(winners_file).filter(pl.col("winner").is_not_null()).select("market", "winner")
    texts = {"size": pl.String, "usdc": pl.String}
    files = [zipfile.ZipFile(path).read(path.stem + ".csv") for path in paths]
    rows = pl.concat([pl.read_csv(file, schema_overrides=texts) for file in files])
    rows = rows.filter(pl.col("side").is_not_null() & pl.col("market").is_not_null()).join(winners, "market", "left")
    rows = rows.with_columns((pl.col("size", "usdc").str.to_decimal(scale=18).round(6) * 1_000_000).cast(pl.Int64))
    won = pl.col("size").filter(pl.col("outcome") == pl.col("winner")).sum()
    cost = pl.col("usdc").filter(pl.col("winner").is_not_null()).sum()
    expected = rows.group_by("wallet_addr").agg(paid=won, pnl=won - cost, spent=pl.col("usdc").sum())

    theirs = leader_results(open_history(paths, [winners_file]).market_events)

    assert expected.height == 4
    for row in expected.to_dicts():
        sums = theirs.sums[row["wallet_addr"]]
        assert (sums.paid_out, sums.realized, sums.spent) == (row["paid"], row["pnl"], row["spent"])


@given(st.from_regex(r"[0-9]{1,18}(\.[0-9]{1,9})?", fullmatch=True) | st.floats(0, 1e15).map(str))
def test_an_amount_in_a_file_rounds_as_its_decimal_does(text: str) -> None:
    assert _micro(text) == to_micro(Decimal(text))


@pytest.mark.parametrize("text", ["0.0000005", "0.0000015", "2.8000000000000003", "99999999.9999995"])
def test_an_amount_at_a_half_rounds_as_its_decimal_does(text: str) -> None:
    assert _micro(text) == to_micro(Decimal(text))
