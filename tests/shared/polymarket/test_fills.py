"""Rows, logs and entities into fills: exact amounts, named problems, nothing lost beside a bad row."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.domain.errors import Malformed
from shared.domain.money import Shares, Usdc, from_micro, price_of, to_micro
from shared.polymarket.wire.endpoints import CTF_EXCHANGE_V2
from shared.polymarket.wire.leader_fills import V1_NAMES, by_assets, read_activity, read_subgraph
from shared.polymarket.wire.order_filled import padded_address, read_logs
from shared.polymarket.wire.trade_amounts import CLOB_V2_SINCE_MS
from tests.detector.builders import LEADER, NOW_MS, OTHER, TOKEN, a_log, a_row, a_v1_log, an_entity


def test_a_row_is_read_with_its_collateral_exact_and_its_market_as_a_hint() -> None:
    row = a_row(size=Decimal("84.115385"), usdc_size=Decimal("62.245385"), price=Decimal("0.7400000012"))

    (fill,) = read_activity([row], LEADER).fills

    assert (fill.shares_micro, fill.usdc_micro) == (84_115_385, 62_245_385)
    assert (fill.traded_at_ms, fill.side, fill.token_id) == (NOW_MS, "BUY", TOKEN)
    assert (fill.hint.title, fill.hint.outcome_index) == ("Will it rain?", 0)


def test_a_fresh_trade_without_labels_is_a_fill_all_the_same() -> None:
    row = a_row(outcome_index=999, outcome="", title="", slug="")

    (fill,) = read_activity([row], LEADER).fills

    assert fill.token_id == TOKEN
    assert (fill.hint.outcome_index, fill.hint.title) == (None, "")


@pytest.mark.pitfall(12)
@pytest.mark.parametrize("kind", ["REDEEM", "MERGE", "SPLIT", "CONVERSION", "REWARD", "MAKER_REBATE"])
def test_what_is_no_trade_is_skipped_and_counted(kind: str) -> None:
    row = a_row(type=kind, side="", token_id="", outcome_index=999)

    reading = read_activity([row, a_row()], LEADER)

    assert len(reading.fills) == 1
    assert reading.skipped == {kind: 1}


@pytest.mark.pitfall(12)
def test_an_unknown_type_is_skipped_and_counted_apart() -> None:
    reading = read_activity([a_row(type="TELEPORT")], LEADER)

    assert reading.skipped == {"unknown type TELEPORT": 1}


@pytest.mark.pitfall(13)
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"side": ""}, "side"),
        ({"token_id": ""}, "token_id"),
        ({"size": 0}, "nothing traded"),
        ({"size": "a lot"}, "size"),
        ({"timestamp": None}, "timestamp"),
        ({"timestamp": "2026"}, None),
        ({"transaction_hash": "0x12"}, "transaction_hash"),
        ({"proxy_wallet": OTHER}, "asked for"),
        ({"usdc_size": Decimal("NaN")}, "usdc_size"),
    ],
)
def test_a_bad_row_is_a_named_problem_and_the_rest_goes_on(changes: dict[str, Any], words: str | None) -> None:
    reading = read_activity([a_row(**changes), a_row(), "no row"], LEADER)

    assert len(reading.fills) == (2 if words is None else 1)
    assert len(reading.problems) == (1 if words is None else 2)
    assert words is None or words in reading.problems[0]


@pytest.mark.pitfall(13)
@pytest.mark.parametrize("price", [0, 1, Decimal("0.7400000012")])
def test_an_odd_price_does_not_touch_the_amounts(price: Any) -> None:
    (fill,) = read_activity([a_row(price=price)], LEADER).fills

    assert (fill.shares_micro, fill.usdc_micro) == (100_000_000, 52_000_000)


def test_a_row_without_collateral_takes_it_from_price_and_size() -> None:
    row = a_row()
    del row["usdc_size"]

    (fill,) = read_activity([row], LEADER).fills

    assert fill.usdc_micro == 52_000_000


def test_an_address_in_mixed_case_is_the_same_wallet() -> None:
    (fill,) = read_activity([a_row(proxy_wallet=LEADER.upper().replace("0X", "0x"))], LEADER).fills

    assert fill.leader == LEADER


def test_a_v2_log_is_decoded_word_by_word() -> None:
    (fill,) = read_logs([a_log()]).fills

    assert (fill.leader, fill.side, fill.token_id) == (LEADER, "BUY", TOKEN)
    assert (fill.shares_micro, fill.usdc_micro) == (100_000_000, 52_000_000)
    assert (fill.role, fill.log_index, fill.traded_at_ms) == ("taker", 5, NOW_MS)


def test_a_v2_sale_gives_shares_and_receives_collateral() -> None:
    (fill,) = read_logs([a_log(side=1, given=100_000_000, received=52_000_000)]).fills

    assert (fill.side, fill.shares_micro, fill.usdc_micro) == ("SELL", 100_000_000, 52_000_000)


@pytest.mark.pitfall(5)
def test_a_maker_fill_is_read_with_its_role() -> None:
    (fill,) = read_logs([a_log(taker=OTHER)]).fills

    assert (fill.leader, fill.role) == (LEADER, "maker")


@pytest.mark.pitfall(6)
def test_a_fill_belongs_to_its_maker_even_where_the_taker_is_our_wallet() -> None:
    mint = a_log(maker=OTHER, taker=LEADER, token="999")

    (fill,) = read_logs([mint]).fills

    assert fill.leader == OTHER


def test_a_v1_log_tells_the_side_by_its_assets() -> None:
    bought, sold = read_logs([a_v1_log(), a_v1_log(TOKEN, "0", logIndex="0x6")]).fills

    assert (bought.side, bought.shares_micro, bought.usdc_micro) == ("BUY", 100_000_000, 52_000_000)
    assert (sold.side, sold.shares_micro, sold.usdc_micro) == ("SELL", 52_000_000, 100_000_000)


@pytest.mark.pitfall(11)
def test_a_removed_log_is_no_fill() -> None:
    reading = read_logs([a_log(removed=True)])

    assert reading.fills == ()
    assert reading.skipped == {"removed": 1}


@pytest.mark.pitfall(7)
def test_equal_logs_differ_by_index_and_a_log_given_twice_counts_once() -> None:
    logs = [a_log(), a_log(), a_log(logIndex="0x9")]

    assert [fill.log_index for fill in read_logs(logs).fills] == [5, 9]


@pytest.mark.pitfall(13)
@pytest.mark.parametrize(
    "changes",
    [
        {"data": "0x12"},
        {"data": "0x" + "zz" * 224},
        {"topics": [a_log()["topics"][0]]},
        {"transactionHash": "0x1"},
        {"logIndex": None},
        {"side": 7},
    ],
)
def test_a_log_that_cannot_be_read_is_a_named_problem(changes: dict[str, Any]) -> None:
    reading = read_logs([a_log(**changes), a_log(logIndex="0x77")])

    assert len(reading.fills) == 1
    assert len(reading.problems) == 1


def test_another_event_is_skipped() -> None:
    log = a_log(topics=["0x" + "ee" * 32, "0x00", padded_address(LEADER), padded_address(CTF_EXCHANGE_V2)])

    assert read_logs([log]).skipped == {"other event": 1}


def test_another_contract_cannot_pretend_to_be_an_exchange() -> None:
    assert read_logs([a_log(address="0x" + "66" * 20)]).skipped == {"another contract": 1}


def test_a_block_without_a_time_takes_it_from_those_that_were_asked_for() -> None:
    log = a_log()
    del log["blockTimestamp"]

    known, unknown = read_logs([log], {1000: NOW_MS}), read_logs([log])

    assert known.fills[0].traded_at_ms == NOW_MS
    assert "time of block 1000" in unknown.problems[0]


def test_a_subgraph_entity_is_read_by_its_maker() -> None:
    (fill,) = read_subgraph([an_entity(taker=OTHER)]).fills

    assert (fill.leader, fill.side, fill.role) == (LEADER, "BUY", "maker")
    assert (fill.shares_micro, fill.usdc_micro, fill.traded_at_ms) == (100_000_000, 52_000_000, NOW_MS)


def test_an_entity_with_two_tokens_and_no_collateral_is_a_named_problem() -> None:
    reading = read_subgraph([an_entity(makerAssetId="5")])

    assert "exactly one must be collateral" in reading.problems[0]


def test_assets_that_are_both_collateral_are_refused() -> None:
    with pytest.raises(Malformed, match="collateral"):
        by_assets("0", "0", 1, 1)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["busy_leader_3500", "leader_bot_500", "one_page_500", "all_types"])
def test_every_real_row_is_a_fill_or_no_trade_and_moved_what_its_price_says_in_both_eras(
    real_data: Path, name: str
) -> None:
    text = (real_data / "activity_v1" / f"{name}.json").read_text()
    rows: list[dict[str, Any]] = json.loads(text, parse_float=Decimal)
    trades = [row for row in rows if row["type"] == "TRADE"]

    reading = read_activity(rows, rows[0]["proxyWallet"].lower(), V1_NAMES)

    assert reading.problems == ()
    assert len(reading.fills) == len(trades)
    for fill, row in zip(reading.fills, trades, strict=True):
        size, price, paid = (Decimal(row[name]) for name in ("size", "price", "usdcSize"))
        left_open = size * Decimal("5e-11") + Decimal("0.000001")
        assert from_micro(fill.shares_micro) == size.quantize(Decimal("0.000001"))
        if row["side"] == "BUY" and fill.traded_at_ms < CLOB_V2_SINCE_MS:
            gross = from_micro(fill.shares_micro + fill.fee_shares_micro)
            assert from_micro(fill.usdc_micro) == paid.quantize(Decimal("0.000001"))
            assert abs(gross * price - paid) <= left_open
        else:
            sign = 1 if row["side"] == "BUY" else -1
            assert abs(from_micro(fill.usdc_micro) - size * price) <= left_open
            assert from_micro(fill.usdc_micro + sign * fill.fee_micro) == paid.quantize(Decimal("0.000001"))
        assert abs(
            from_micro(price_of(Usdc(fill.usdc_micro), Shares(fill.shares_micro + fill.fee_shares_micro))) - price
        ) <= Decimal("0.000002")


@pytest.mark.real_data
def test_real_logs_decode_as_the_explorer_says(real_data: Path) -> None:
    cases = json.loads((real_data / "venue" / "polygon_logs.json").read_text())
    filled = [case for case in cases if case["name"].startswith("order_filled")]

    for case in filled:
        (fill,) = read_logs([case["log"]]).fills
        wanted = case["expect"]
        assert (fill.leader, fill.side, fill.token_id) == (wanted["maker"], wanted["side"], wanted["token_id"])
        assert fill.shares_micro == to_micro(wanted["size"])
        assert fill.traded_at_ms == wanted["ts"] * 1000
    assert len(filled) == 2
