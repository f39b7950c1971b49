"""Every file that people have is read, or refused with what was found in it; nothing in it disappears."""

import json
from pathlib import Path

import pytest

from backtest.history.history_files import open_history
from shared.domain.errors import BadConfig
from shared.messages.signals import ActionableSignal
from tests.amounts import D
from tests.backtest.history import files_people_have as have
from tests.backtest.history.files_people_have import (
    FILL_HEADING,
    LEADER,
    LOG_HEADING,
    OTHER,
    V1_S,
    WEB_HEADING,
    a_row,
    json_file,
    log_line,
    opened,
    second_outcome,
    text_file,
    zipped,
)

ONE = json.dumps(a_row())
PAIR = [a_row(), second_outcome(60, 0.5)]


def trades(*paths: Path, leader: str = "", **columns: str) -> list[tuple[str, str, int, int, int]]:
    """Return each trade's leader, side, shares, price and second."""
    found = (event.what for event in opened(*paths, leader=leader, columns=columns).market_events)
    return [
        (trade.leader, trade.side, trade.shares, trade.price, trade.traded_at_ms // 1000)
        for trade in found
        if isinstance(trade, ActionableSignal)
    ]


THE_ONE = [(LEADER, "BUY", D(100), D("0.4"), V1_S)]
LOGGED = [(LEADER, "BUY", D(100), D("0.4"), 1_784_894_400)]


@pytest.mark.pitfall(57)
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{ONE}\n\n", id="a blank line after"),
        pytest.param(f"\n{ONE}\n", id="a blank line before"),
        pytest.param(f"\ufeff[{ONE}]", id="a byte order mark"),
        pytest.param(json.dumps([a_row()], indent=1), id="pretty"),
        pytest.param(f"[{ONE}]\n[{ONE}]", id="a page appended twice"),
        pytest.param(f'{{"activity": [{ONE}]}}', id="wrapped"),
        pytest.param(f'{{"data": {{"orders": [{ONE}]}}, "pagination": {{"next_cursor": null}}}}', id="wrapped deeper"),
        pytest.param(f'{{"data": [{ONE}]}}\n{{"data": []}}', id="envelopes of v2"),
        pytest.param(ONE.replace("TRADE", "Trade").replace("BUY", "buy"), id="other cases"),
        pytest.param(ONE.replace(str(V1_S), f'"{V1_S}.0"'), id="a time with a fraction"),
        pytest.param(ONE.replace(str(V1_S), '"2026-02-25T06:13:20Z"'), id="an ISO time"),
        pytest.param(ONE.replace(str(V1_S), f"{V1_S}000"), id="milliseconds"),
        pytest.param(ONE.replace('"size": 100', '"shares": "100"').replace("usdcSize", "notional"), id="other names"),
    ],
)
def test_one_row_is_one_trade_in_whatever_it_is_wrapped(text: str, tmp_path: Path) -> None:
    assert trades(text_file(tmp_path, text, "rows.json")) == THE_ONE


def test_pages_one_a_line_are_one_history(tmp_path: Path) -> None:
    pages = [[a_row(0), a_row(60, number=2)], [a_row(120, number=3), a_row(180, number=4)]]

    found = trades(text_file(tmp_path, "\n".join(map(json.dumps, pages)), "pages.jsonl"))

    assert [second - V1_S for *_, second in found] == [0, 60, 120, 180]


@pytest.mark.parametrize(
    "litter", [{}, {"__MACOSX/._rows.json": b"\x00\x05\x16\x07", ".DS_Store": b"\x00\x00\x00\x01"}]
)
def test_an_archive_with_folders_and_a_macs_litter_is_read(litter: dict[str, bytes], tmp_path: Path) -> None:
    path = zipped(tmp_path, {"wallet/": b"", "wallet/rows.json": json.dumps(PAIR).encode(), **litter})

    assert len(trades(path)) == 2
    assert [reading.name for reading in opened(path).readings] == ["rows.zip/wallet/rows.json"]


@pytest.mark.pitfall(57)
@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({}, LOGGED),
        ({"timestamp": "2026-07-24T12:00:00Z"}, LOGGED),
        ({"timestamp": "1784894400.0"}, LOGGED),
        ({"timestamp": "1784894400000"}, LOGGED),
        ({"side": "buy"}, LOGGED),
        ({"usdc": "$40.00"}, LOGGED),
        ({"size": "1,000", "usdc": "400"}, [(LEADER, "BUY", D(1000), D("0.4"), 1_784_894_400)]),
        ({"price": ""}, LOGGED),
        ({"price": "40¢", "usdc": ""}, LOGGED),
    ],
)
def test_a_cell_is_read_as_people_write_it(change: dict[str, str], wanted: object, tmp_path: Path) -> None:
    assert trades(text_file(tmp_path, LOG_HEADING + "\n" + log_line(**change))) == wanted


def test_semicolons_and_decimal_commas_are_read_together(tmp_path: Path) -> None:
    text = f"{LOG_HEADING}\n{log_line(price='0,4', size='1.000', usdc='400,00')}"
    cells = [LEADER, "0xa1", "1784894400", "BUY", "Yes", "0,4", "1.000", "400,00", "M one"]
    text = LOG_HEADING.replace(",", ";") + "\n" + have.table(cells, delimiter=";")

    assert trades(text_file(tmp_path, text)) == [(LEADER, "BUY", D(1000), D("0.4"), 1_784_894_400)]


def test_thousands_or_fractions_that_nothing_in_the_file_tells_apart_are_refused(tmp_path: Path) -> None:
    cells = [LEADER, "0xa1", "1784894400", "BUY", "Yes", "", "1,000", "400", "M one"]
    text = LOG_HEADING.replace(",", ";") + "\n" + have.table(cells, delimiter=";")

    with pytest.raises(BadConfig, match="may be thousands or a fraction"):
        opened(text_file(tmp_path, text))


def test_the_venues_own_web_export_is_read_with_its_redemption(tmp_path: Path) -> None:
    lines = (
        '"Made-up market",Redeem,20,20,,1772000600,0x' + "2".zfill(64),
        '"Made-up market",Buy,9.5,20,Up,1772000000,0x' + "1".zfill(64),
    )
    path = text_file(tmp_path, "\n".join((WEB_HEADING, *lines)))

    result = have.result_of(path, leader=LEADER)

    assert have.theirs(result).theirs.realized == D("10.5")
    with pytest.raises(BadConfig, match="say --leader 0x"):
        opened(path)


def test_on_chain_fills_are_read_as_their_makers(tmp_path: Path) -> None:
    bought = f"1784894400,{LEADER},0,40000000,{OTHER},12345,100000000,0xa1"
    sold = f"1784894401,{OTHER},12345,100000000,{LEADER},0,40000000,0xa1"
    path = text_file(tmp_path, f"{FILL_HEADING}\n{bought}\n{sold}")

    assert trades(path) == [*LOGGED, (OTHER, "SELL", D(100), D("0.4"), 1_784_894_401)]
    assert trades(path, leader=LEADER) == LOGGED
    assert sum(opened(path, leader=LEADER).readings[0].kinds.values()) == 1


DUNE_HEADING = (
    "block_number,block_time,tx_hash,evt_index,action,contract_address,condition_id,event_market_name,question,"
    "polymarket_link,token_outcome,neg_risk,asset_id,price,amount,shares,fee,maker,taker,unique_key,token_outcome_name"
)


def dune_row(second: int, maker: str, taker: str, *raw: int) -> str:
    """Build a row of Dune's `polymarket_polygon.market_trades`; with `raw` amounts one of `market_trades_raw`."""
    moment = f"2026-07-24 12:00:{second:02}.000 UTC"
    market = f"0xe1,0x{'c1'.zfill(64)},Event,Will it?,https://x,Yes,false,12345"
    cells = f"9,{moment},0xa1,{second},CLOB trade,{market},0.4,40.0,100.0,0.0,{maker},{taker},key,Yes-Will it?"
    return ",".join([cells, *map(str, raw)])


def test_dunes_trades_tell_no_side_and_are_refused_with_the_way_out(tmp_path: Path) -> None:
    path = text_file(tmp_path, f"{DUNE_HEADING}\n{dune_row(0, LEADER, OTHER)}")

    with pytest.raises(BadConfig, match="nobody says who bought: export maker_amount_raw"):
        opened(path)


def test_dunes_raw_amounts_tell_who_bought(tmp_path: Path) -> None:
    bought = dune_row(0, LEADER, OTHER, 40_000_000, 100_000_000)
    sold = dune_row(1, OTHER, LEADER, 100_000_000, 40_000_000)
    path = text_file(tmp_path, f"{DUNE_HEADING},maker_amount_raw,taker_amount_raw\n{bought}\n{sold}")

    assert trades(path) == [*LOGGED, (OTHER, "SELL", D(100), D("0.4"), 1_784_894_401)]


def test_fills_of_poly_data_name_outcomes_by_their_place(tmp_path: Path) -> None:
    heading = (
        "timestamp,market_id,maker,taker,nonusdc_side,maker_direction,taker_direction,price,usd_amount,token_amount"
    )
    row = f"2026-07-24T12:00:00,240380,{LEADER},{OTHER},token1,BUY,SELL,0.4,40.0,100.0"

    assert trades(text_file(tmp_path, f"{heading},transactionHash\n{row},0xa1")) == LOGGED


TEAMS = ("Hawks", "Bulls")


def test_a_teams_name_is_resolved_by_the_markets_facts_or_left_out_with_the_reason(tmp_path: Path) -> None:
    lines = (log_line(outcome=team, timestamp=str(1_784_894_400 + at)) for at, team in enumerate((*TEAMS, "Nobody")))
    path = text_file(tmp_path, LOG_HEADING + "\n" + "".join(lines))
    market = {
        "conditionId": "0x" + "c1".zfill(64),
        "question": "M one",
        "outcomes": json.dumps(TEAMS),
        "clobTokenIds": json.dumps(["1001", "1002"]),
        "outcomePrices": json.dumps(["0", "1"]),
        "closed": True,
        "slug": "m-one",
    }
    told = text_file(tmp_path, json.dumps([market]), "markets.json")

    result = have.result_of(path, resolved=[told])

    (reading,) = [each for each in result.history if each.name == path.name]
    assert (reading.rows, reading.trades, reading.unread) == (3, 2, 1)
    assert "add a column outcome_index" in reading.left_out[0].words
    assert have.theirs(result).theirs.realized == D(20)
    with pytest.raises(BadConfig, match=r"no trades in .*outcome … of …: nobody says which it is"):
        opened(path)


def test_a_subgraphs_answer_is_read_whole(tmp_path: Path) -> None:
    names = FILL_HEADING.split(",")
    event = dict(zip(names, ["1784894400", LEADER, "0", "40000000", OTHER, "12345", "100000000", "0xa1"], strict=True))
    answer = {"data": {"orderFilledEvents": [{**event, "id": "0xa1_0xb2"}]}}

    assert trades(text_file(tmp_path, json.dumps(answer), "answer.json")) == LOGGED


@pytest.mark.parametrize("text", ["", "[]", LOG_HEADING + "\n", "\n\n"])
def test_a_file_without_trades_says_so(text: str, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"no trades in rows\.csv"):
        opened(text_file(tmp_path, text))


@pytest.mark.pitfall(57)
def test_a_file_of_which_no_row_can_be_read_is_refused_with_what_was_found(tmp_path: Path) -> None:
    path = json_file(tmp_path, a_row(size="n/a"), a_row(60, size="n/a"))

    with pytest.raises(BadConfig, match=r"no row of rows\.json can be read: .*2 rows = 0 trades \+ 2 left out.*size"):
        opened(path)


def test_markets_given_as_trades_are_told_where_they_belong(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="give it to --resolved"):
        opened(text_file(tmp_path, '{"feesEnabled": true, "feeSchedule": {"rate": 0.025}}', "market.json"))


@pytest.mark.pitfall(58)
def test_rows_that_cannot_be_read_are_told_with_reason_and_count(tmp_path: Path) -> None:
    rows = [a_row(), *(a_row(60 * n, number=n, size="n/a") for n in range(2, 11))]

    (reading,) = opened(json_file(tmp_path, *rows)).readings

    assert (reading.rows, reading.trades, reading.unread) == (10, 1, 9)
    assert [(part.reason, part.rows) for part in reading.left_out] == [("size: expected a number, got …", 9)]
    assert "row 2" in reading.left_out[0].first
    assert "'n/a'" in reading.left_out[0].first


def test_a_column_that_may_be_shares_or_collateral_is_asked_for(tmp_path: Path) -> None:
    text = f"wallet,hash,time,side,outcome,price,amount,market\n{LEADER},0xa1,1784894400,BUY,Yes,0.4,40,M one\n"
    path = text_file(tmp_path, text)

    with pytest.raises(BadConfig, match="--column size=amount or usdc=amount"):
        opened(path)
    assert trades(path, usdc="amount") == LOGGED
    assert trades(text_file(tmp_path, text.replace("price", "shares").replace("0.4", "100"))) == LOGGED


def test_a_token_id_that_a_spreadsheet_rounded_is_refused(tmp_path: Path) -> None:
    text = f"{LOG_HEADING},token_id\n{log_line().rstrip()},7.27E+76\n"

    with pytest.raises(BadConfig, match="lost its digits"):
        opened(text_file(tmp_path, text))


def test_a_long_token_id_stays_whole(tmp_path: Path) -> None:
    token = "7" * 77

    history = opened(json_file(tmp_path, a_row(asset=int(token)), a_row(1, asset=token)))

    found = [event.what for event in history.market_events]
    assert [trade.token_id for trade in found if isinstance(trade, ActionableSignal)] == [token, token]


def test_tables_in_parquet_are_read_as_their_csv_is(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow", reason="the extra `report` is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    names = LOG_HEADING.split(",")
    values = [LEADER, "0xa1", 1_784_894_400, "BUY", "Yes", 0.4, 100.0, 40.0, "M one"]
    path = tmp_path / "rows.parquet"
    parquet.write_table(arrow.table({name: [value] for name, value in zip(names, values, strict=True)}), path)

    assert trades(path) == LOGGED


def test_only_the_leader_who_is_asked_for_counts_and_the_others_are_told(tmp_path: Path) -> None:
    history = opened(json_file(tmp_path, a_row(), a_row(1, proxyWallet=OTHER)), leader=LEADER)

    assert len(list(history.market_events)) == 1
    assert history.readings[0].kinds == {"of another wallet": 1}


def test_a_spreadsheet_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"[Content_Types].xml": b"<x/>"}, "rows.xlsx")

    with pytest.raises(BadConfig, match="save it as CSV"):
        open_history([path])
