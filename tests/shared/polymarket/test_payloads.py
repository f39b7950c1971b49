"""Markets and books as the venue sends them."""

import gzip
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.domain.errors import Malformed
from shared.polymarket.wire.parsing import parse_book, parse_market, read_number, read_time_ms
from tests.amounts import D


def a_market(**changes: Any) -> dict[str, Any]:
    return {
        "id": "12",
        "question": "Will it rain?",
        "conditionId": "0xAB",
        "slug": "rain",
        "endDate": "2026-12-31T12:00:00Z",
        "outcomes": '["Yes", "No"]',
        "clobTokenIds": '["111", "222"]',
        "orderPriceMinTickSize": Decimal("0.001"),
        "orderMinSize": 5,
        "acceptingOrders": True,
        "closed": False,
        "negRisk": True,
        "feesEnabled": True,
        "feeSchedule": {"rate": Decimal("0.07"), "exponent": 1, "takerOnly": True},
        "events": [{"slug": "weather", "category": "Weather"}],
        **changes,
    }


@pytest.mark.pitfall(15)
def test_each_outcome_has_its_own_token_and_place() -> None:
    facts = parse_market(a_market(outcomes='["A", "B", "C"]', clobTokenIds='["1", "2", "3"]'))

    assert [(fact.token_id, fact.outcome_index, fact.outcome) for fact in facts] == [
        ("1", 0, "A"),
        ("2", 1, "B"),
        ("3", 2, "C"),
    ]


def test_lists_inside_strings_are_decoded_twice_and_the_facts_are_complete() -> None:
    yes, _ = parse_market(a_market())

    assert (yes.condition_id, yes.event_slug, yes.category) == ("0xab", "weather", "Weather")
    assert (yes.tick, yes.min_shares, yes.fee_rate, yes.fee_exponent) == (D("0.001"), D(5), D("0.07"), 1)
    assert yes.neg_risk
    assert yes.ends_at_ms == 1_798_718_400_000


HASH = str(int("ab" * 32, 16))
BINARY, COMBO, UNKNOWN = (
    [str((module << 248) | (0xBEEF << 120) | outcome) for outcome in (0, 1)] for module in (1, 3, 7)
)


def test_a_market_of_protocol_v2_names_its_tokens_as_position_ids() -> None:
    facts = parse_market(a_market(version="v2", clobTokenIds=None, positionIds=BINARY))

    assert [fact.token_id for fact in facts] == BINARY


def test_position_ids_beside_a_market_of_version_1_are_not_what_it_trades() -> None:
    tokens = f'["{HASH}", "{HASH[:-1]}"]'

    facts = parse_market(a_market(version="v1", clobTokenIds=tokens, positionIds=BINARY))

    assert [fact.token_id for fact in facts] == [HASH, HASH[:-1]]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"version": "v3"}, "market 12: version 'v3' is none we know (v1, v2)"),
        ({"version": "v2", "clobTokenIds": f'["{HASH}", "{HASH[:-1]}"]'}, "version v2 and a token of the other kind"),
        ({"version": "v1", "clobTokenIds": json.dumps(BINARY)}, "version v1 and a token of the other"),
        ({"version": "v2", "clobTokenIds": json.dumps(COMBO)}, "is a combo: it trades by request"),
        ({"version": "v2", "clobTokenIds": json.dumps(UNKNOWN)}, "of module 7 of Protocol V2"),
        ({"version": "v1", "clobTokenIds": '["0xab", "0xcd"]'}, "'0xab' is no token id"),
    ],
)
def test_a_market_is_refused_by_name_where_version_and_ids_do_not_agree(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(Malformed, match=re.escape(named)):
        parse_market(a_market(**changes))


def test_fees_are_zero_unless_enabled() -> None:
    assert parse_market(a_market(feesEnabled=False))[0].fee_rate == 0


def test_a_fractional_fee_exponent_is_kept_and_a_whole_one_stays_an_integer() -> None:
    half, whole = (
        parse_market(a_market(feeSchedule={"rate": Decimal("0.025"), "exponent": exponent}))[0].fee_exponent
        for exponent in (Decimal("0.5"), Decimal("2.0"))
    )

    assert (half, whole, type(whole)) == (Decimal("0.5"), 2, int)


@pytest.mark.parametrize("exponent", [Decimal("-0.5"), 11, "x"])
def test_a_fee_exponent_that_no_schedule_has_refuses_the_market(exponent: object) -> None:
    with pytest.raises(Malformed, match="exponent"):
        parse_market(a_market(feeSchedule={"rate": Decimal("0.025"), "exponent": exponent}))


def test_a_market_that_charges_an_unknown_fee_is_refused() -> None:
    with pytest.raises(Malformed, match="feeSchedule"):
        parse_market(a_market(feeSchedule=None))


def test_a_market_without_tokens_is_no_market_for_us() -> None:
    assert parse_market(a_market(clobTokenIds=None)) == []


@pytest.mark.pitfall(13)
@pytest.mark.parametrize(
    "changes",
    [
        {"clobTokenIds": "[1,"},
        {"outcomes": '["Yes"]'},
        {"closed": "no"},
        {"orderPriceMinTickSize": "fine"},
        {"orderMinSize": Decimal("Infinity")},
    ],
)
def test_a_market_that_cannot_be_read_says_where(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        parse_market(a_market(**changes))


@pytest.mark.pitfall(16)
def test_book_levels_come_best_first_whatever_their_order() -> None:
    raw = {
        "asset_id": "111",
        "timestamp": "1703875200000",
        "tick_size": "0.01",
        "bids": [{"price": "0.48", "size": "100.00"}, {"price": "0.50", "size": "5"}, {"price": "0.49", "size": "0"}],
        "asks": [{"price": "0.55", "size": "1"}, {"price": "0.51", "size": "2"}],
    }

    book = parse_book(raw, 7)

    assert (book.best_bid, book.best_ask) == (D("0.5"), D("0.51"))
    assert (book.at_ms, book.changed_at_ms, book.tick) == (7, 1_703_875_200_000, D("0.01"))
    assert len(book.bids) == 2


def test_a_book_without_a_time_is_as_old_as_its_answer_and_a_side_may_be_empty() -> None:
    book = parse_book({"asset_id": "111", "bids": None, "asks": []}, 7)

    assert (book.at_ms, book.best_bid, book.best_ask) == (7, None, None)


@pytest.mark.pitfall(13)
@pytest.mark.parametrize("raw", [None, [], {"bids": []}, {"asset_id": "1", "bids": 5}, {"asset_id": "1", "asks": [1]}])
def test_a_book_that_cannot_be_read_says_so(raw: Any) -> None:
    with pytest.raises(Malformed):
        parse_book(raw, 7)


def test_times_are_read_in_both_of_the_venues_forms() -> None:
    assert read_time_ms("2026-03-11T09:29:01.328428Z") == read_time_ms("2026-03-11 09:29:01.328428+00")
    assert read_time_ms("2026-04-01T18:24:05.41Z") == 1_775_067_845_410
    assert read_time_ms("soon") is None
    assert read_time_ms("") is None


def test_a_float_that_slipped_in_is_read_by_its_shortest_form() -> None:
    assert read_number({"x": 0.1}, "x") == Decimal("0.1")


@pytest.mark.real_data
def test_real_markets_are_read(real_data: Path) -> None:
    packed = (real_data / "markets" / "BTC-5m-markets-2026-07-24.jsonl.gz").read_bytes()
    lines = [json.loads(line, parse_float=Decimal) for line in gzip.decompress(packed).decode().splitlines()]

    facts = [fact for line in lines for fact in parse_market(line["raw"])]

    assert len(facts) == 2 * len(lines)
    assert {fact.token_id for fact in facts} == {token for line in lines for token in line["token_ids"]}
    assert {fact.fee_rate for fact in facts} == {D("0.07")}


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["clob_book_response", "ws_book_snapshot"])
def test_real_books_are_read(real_data: Path, name: str) -> None:
    book = parse_book(json.loads((real_data / "venue" / f"{name}.json").read_text()), 0)

    assert not book.crossed
    assert book.best_bid is not None
    assert book.best_ask is not None
    assert book.best_bid < book.best_ask
