"""One reader of how a market resolved: payouts are exactly 1 together, or nobody takes the market for resolved."""

import contextlib
import csv
import io
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from backtest.domain.market_events import MarketEvent
from backtest.domain.market_state import ResolvedMarket
from backtest.history.capture_events import captured_events
from backtest.history.history_files import open_history
from backtest.history.resolutions import read_resolutions
from shared.capture.capture import Capture, FolderWriter, Header
from shared.domain.errors import Malformed
from shared.messages.base import REDEMPTIONS
from shared.messages.events import write_event
from shared.messages.redemptions import RedemptionResult
from shared.polymarket.wire import conditions
from shared.polymarket.wire.conditions import PayoutVector, payouts_of
from shared.redis.streams import StreamEntry

pytestmark = pytest.mark.pitfall(37)
CONDITION = "0x" + "c0" * 32
WHOLE = [("1", "0"), ("0", "1"), ("0.5", "0.5")]
NONE = [("0", "0"), ("1", "1"), ("0.5", "0"), ("1",), ("-1", "2")]


def test_shares_of_one_are_payouts() -> None:
    assert payouts_of(("1/3", "2/3")) == (Fraction(1, 3), Fraction(2, 3))
    assert payouts_of((1, 0)) == (1, 0)


@pytest.mark.parametrize("told", [*NONE, (), ("x", "1"), ("1/0", "1"), ("0.333333", "0.666666")])
def test_what_does_not_add_up_to_exactly_one_is_refused_with_its_value(told: tuple[str, ...]) -> None:
    with pytest.raises(Malformed, match="payouts"):
        payouts_of(told)


def by_data_api(told: tuple[str, ...]) -> bool:
    row = {
        "condition_id": CONDITION,
        "status": "resolved",
        "payouts": [int(float(share) * 1_000_000) for share in told],
    }
    return CONDITION in conditions.read_resolutions({"data": [row]})[0]


def by_chain(told: tuple[str, ...]) -> bool:
    try:
        return bool(conditions.vector_of(CONDITION, 2, [int(float(share) * 2) for share in told]))
    except Malformed:
        return False


def by_csv(told: tuple[str, ...]) -> bool:
    out = io.StringIO()
    csv.writer(out).writerows([("condition_id", "payouts"), (CONDITION, ";".join(told))])
    return CONDITION in read_resolutions(out.getvalue().splitlines(keepends=True), "w.csv")


def by_gamma(told: tuple[str, ...]) -> bool:
    market = {"conditionId": CONDITION, "closed": True, "outcomePrices": json.dumps(told)}
    return CONDITION in read_resolutions([json.dumps(market)], "markets.json")


READERS = [by_data_api, by_chain, by_csv, by_gamma]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("told", [*WHOLE, *NONE])
def test_every_reader_takes_the_same_payouts_for_a_resolution(
    reader: Callable[[tuple[str, ...]], bool], told: tuple[str, ...]
) -> None:
    assert reader(told) == (told in WHOLE)


@pytest.mark.parametrize("told", [*WHOLE, *NONE])
def test_a_captured_redemption_closes_its_market_only_when_it_is_a_resolution(
    told: tuple[str, ...], tmp_path: Path
) -> None:
    event = a_redemption(payouts=told)
    with contextlib.closing(FolderWriter(tmp_path / "c", Header(1))) as out:
        out.write([StreamEntry(REDEMPTIONS, "1-0", {"event": event.event, "json": write_event(event)})])

    found = list(captured_events(Capture.open(tmp_path / "c")))

    wanted = [MarketEvent(1000, ResolvedMarket(CONDITION, tuple(map(Fraction, told))))]
    assert found == (wanted if told in WHOLE else [])


def test_a_vector_of_nothing_or_of_too_much_cannot_be_made() -> None:
    for numerators, denominator in (((0, 0), 1), ((1, 1), 1), ((1, 0), 2), ((1, 0), 0)):
        with pytest.raises(Malformed, match="do not add up to exactly 1"):
            PayoutVector(CONDITION, numerators, denominator, "chain")


@pytest.mark.parametrize(("source", "known"), [("derived", False), ("reported", True), (None, True)])
def test_what_the_venue_derives_before_the_chain_has_it_is_no_resolution(source: str | None, known: bool) -> None:  # noqa: FBT001
    row = {"condition_id": CONDITION, "status": "resolved", "payouts": [1_000_000, 0], "resolution_source": source}

    assert bool(conditions.read_resolutions({"data": [row]})[0]) is known


def test_a_closed_market_that_nobody_won_stays_open_and_is_said(tmp_path: Path) -> None:
    rows, market = tmp_path / "rows.csv", tmp_path / "market.json"
    heading = "wallet_addr,tx_hash,timestamp,side,outcome,price,size,usdc,market,condition_id"
    rows.write_text(f"{heading}\n0x{'11' * 20},0xaa,1604000000,BUY,Yes,0.40,100,40,Will it?,{CONDITION}\n")
    market.write_text(json.dumps({"conditionId": CONDITION, "closed": True, "outcomePrices": '["0", "0"]'}))

    history = open_history([rows], [market])

    assert not [found for found in history.market_events if isinstance(found.what, ResolvedMarket)]
    (note,) = [line for line in history.notes if line.startswith("left out")]
    assert "the market stays open" in note
    assert f"{CONDITION}: payouts 0;0 do not add up to exactly 1: not resolved" in note


def a_redemption(**changes: Any) -> RedemptionResult:
    facts: dict[str, Any] = {
        "id": "f" * 64,
        "emitted_at_ms": 1000,
        "wallet": "0x" + "a1" * 20,
        "condition_id": CONDITION,
        "mode": "paper",
        "lots": (),
        "expected": 0,
        "paid": 0,
        "cost": 0,
        "realized": 0,
        "ledger_seq": 1,
        **changes,
    }
    return RedemptionResult(**facts)
