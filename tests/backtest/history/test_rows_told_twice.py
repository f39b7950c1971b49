"""Rows that files, pages and blocks tell twice count once, and keep the order in which they happened."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.history.reading.file_reader import RowOptions, open_rows
from backtest.history.reading.row_counts import RowCounts
from backtest.history.reading.text_files import file_members
from shared.domain.errors import Malformed
from shared.messages.signals import ActionableSignal
from tests.amounts import D
from tests.backtest.history import files_people_have as have
from tests.backtest.history.files_people_have import LEADER, Row, a_row, json_file, opened, text_file

THREE = [a_row(60 * n, number=n) for n in (1, 2, 3)]


def signals(*paths: Path, leader: str = "") -> list[ActionableSignal]:
    events = [event.what for event in opened(*paths, leader=leader).market_events]
    return [what for what in events if isinstance(what, ActionableSignal)]


def account(*paths: Path) -> list[tuple[int, int, int]]:
    """Return rows, trades and repeated rows of each file, once all was read."""
    history = opened(*paths)
    list(history.market_events)
    return [(reading.rows, reading.trades, reading.repeated) for reading in history.readings]


@pytest.mark.pitfall(58)
def test_files_that_overlap_count_once_and_the_second_one_says_so(tmp_path: Path) -> None:
    one, two = json_file(tmp_path, *THREE[:2]), json_file(tmp_path, *THREE[1:], name="two.json")

    assert len(signals(one, two)) == 3
    assert account(one, two) == [(2, 2, 0), (2, 1, 1)]


@pytest.mark.pitfall(58)
def test_a_page_that_begins_as_the_one_before_ended_counts_the_border_once(tmp_path: Path) -> None:
    pages = "\n".join(json.dumps(page) for page in (THREE[:2], THREE[1:]))
    path = text_file(tmp_path, pages, "pages.jsonl")

    assert [signal.shares for signal in signals(path)] == [D(100)] * 3
    assert account(path) == [(4, 3, 1)]


def test_a_block_that_was_appended_again_counts_once(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps(row) for row in (*THREE, *THREE[1:]))

    assert account(text_file(tmp_path, lines, "rows.jsonl")) == [(5, 3, 2)]


def test_equal_rows_that_stand_together_are_fills_of_their_own(tmp_path: Path) -> None:
    (signal,) = signals(json_file(tmp_path, a_row(), a_row()))

    assert (len(signal.fills), signal.shares) == (2, D(200))


def test_a_transaction_cut_by_two_files_is_one_signal(tmp_path: Path) -> None:
    one = json_file(tmp_path, a_row())
    two = json_file(tmp_path, a_row(), a_row(size=50, usdcSize=20.0), name="two.json")

    (signal,) = signals(one, two)

    assert signal.shares == D(150)


def test_files_that_name_a_market_by_its_id_and_by_its_title_meet(tmp_path: Path) -> None:
    row = a_row()
    line = have.log_line(timestamp=str(row["timestamp"]), tx_hash=row["transactionHash"], market=row["title"])
    log = text_file(tmp_path, have.LOG_HEADING + "\n" + line)

    (signal,) = signals(json_file(tmp_path, row), log)

    assert (signal.token_id, signal.shares) == ("1001", D(100))
    assert account(json_file(tmp_path, row), log) == [(1, 1, 0), (1, 0, 1)]


def test_logs_that_an_answer_holds_twice_count_once(tmp_path: Path) -> None:
    fill = f"1784894400,{LEADER},0,40000000,0x{'22' * 20},12345,100000000,0xa1"
    lines = [f"{have.FILL_HEADING},logIndex", f"{fill},7", f"{fill},7", f"{fill},8"]

    assert account(text_file(tmp_path, "\n".join(lines))) == [(3, 2, 1)]


@pytest.mark.pitfall(60)
def test_newest_first_rows_of_one_second_are_turned_round(tmp_path: Path) -> None:
    first, second = a_row(60, tx=7), a_row(60, tx=8, side="SELL")
    newest_first = json_file(tmp_path, a_row(120), second, first, a_row(0))

    assert [signal.side for signal in signals(newest_first)] == ["BUY", "BUY", "SELL", "BUY"]


@pytest.mark.pitfall(60)
def test_an_order_that_nobody_can_tell_is_said(tmp_path: Path) -> None:
    history = opened(json_file(tmp_path, a_row(60, tx=7), a_row(60, tx=8, side="SELL")))
    list(history.market_events)

    assert "the order within a second cannot be told" in history.readings[0].remarks[0]


def wrapped(rows: Sequence[Row], how: str) -> str:
    lines = [json.dumps(row) for row in rows]
    pages = [json.dumps(list(rows[at : at + 2])) for at in range(0, len(rows), 2)]
    return {
        "array": f"[{', '.join(lines)}]",
        "lines": "\n\n".join(lines),
        "pages": "\n".join(pages),
        "appended": "".join(pages),
        "envelopes": "\n".join(f'{{"data": {page}, "pagination": {{"has_more": true}}}}' for page in pages),
        "pretty": json.dumps(list(rows), indent=1),
    }[how]


def respelt(row: Row, how: str) -> Row:
    """Return a row as another export would write it: cases, units, names."""
    at_s, names = row["timestamp"], {"usdcSize": "usdc_size", "asset": "token_id", "conditionId": "condition_id"}
    names |= {"transactionHash": "transaction_hash", "proxyWallet": "proxy_wallet", "outcomeIndex": "outcome_index"}
    return {
        "as served": row,
        "milliseconds": {**row, "timestamp": at_s * 1000},
        "texts": {name: str(value) if name in {"size", "usdcSize", "price"} else value for name, value in row.items()},
        "lower case": {**row, "side": row["side"].lower(), "type": row["type"].title()},
        "upper case": {**row, "proxyWallet": row["proxyWallet"].upper().replace("X", "x")},
        "v2": {names.get(name, name): value for name, value in row.items()},
        "dollars": {**row, "usdcSize": f"${row['usdcSize']:,}", "size": f"{row['size']:,}"},
    }[how]


SPELLINGS = ("as served", "milliseconds", "texts", "lower case", "upper case", "v2", "dollars")
WRAPPINGS = ("array", "lines", "pages", "appended", "envelopes", "pretty")


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3), st.sampled_from(["BUY", "SELL"])), min_size=1, max_size=8),
    st.sampled_from(WRAPPINGS),
    st.sampled_from(["rising", "falling"]),
    st.data(),
)
def test_any_mixture_of_one_history_gives_one_result(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[int, int, str]],
    how: str,
    order: str,
    data: st.DataObject,
) -> None:
    """Wrapping, order, unit, case and repeated blocks; a row right after itself is a fill of its own."""
    folder = tmp_path_factory.mktemp("mixture")
    rows = [a_row(60 * n, number=number, side=side, tx=n) for n, (_, number, side) in enumerate(drawn)]
    wanted = signals(json_file(folder, *rows))
    told = [respelt(row, data.draw(st.sampled_from(SPELLINGS))) for row in rows]
    cuts = data.draw(st.tuples(st.integers(0, len(told)), st.integers(0, len(told))))
    block = told[min(cuts) : max(cuts)]
    begin = told if order == "rising" else told[::-1]
    mixed = begin if block and block[0] is begin[-1] else begin + block
    path = text_file(folder, wrapped(mixed, how), "mixed.json")
    packed = have.gzipped(folder, path.read_text()) if data.draw(st.booleans()) else path

    found = signals(packed)

    assert [(s.id, s.shares, s.usdc, s.price, s.traded_at_ms) for s in found] == [
        (s.id, s.shares, s.usdc, s.price, s.traded_at_ms) for s in wanted
    ]


@given(st.text(alphabet='[]{},:"\\\n 019eE.-abx$;', max_size=60), st.sampled_from(["rows.csv", "rows.json"]))
def test_whatever_stands_in_a_file_each_row_ends_somewhere(
    tmp_path_factory: pytest.TempPathFactory, text: str, name: str
) -> None:
    path = text_file(tmp_path_factory.mktemp("any"), text, name)
    for member in file_members(path):
        counts = RowCounts(name)
        try:
            found = list(open_rows(member, counts, RowOptions())[1])
        except Malformed:
            continue
        assert counts.rows == len(found) + counts.kinds.total() + counts.unread
