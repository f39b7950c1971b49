"""A leader's merge is an exit without a price; what a closed market owes is left to the redeemer."""

import json
from pathlib import Path
from typing import Any

import pytest

from backtest.history.capture_tape import read_tape
from backtest.replay.redecide_command import redecided
from backtest.replay.replay import SessionReplay
from buyer.strategy.exit_policy import LotMarket, due_exit
from buyer.strategy.policy import decide_signal
from shared.capture.capture import Capture
from shared.domain.market import Book
from shared.messages.signals import ActionableSignal
from tests.amounts import D
from tests.backtest.replay.sessions import Session, a_hash
from tests.buyer.builders import LEADER, NOW_MS, TOKEN, a_book, a_case, a_market, a_portfolio, a_signal, some_limits
from tests.buyer.execution.exits.selling_desk import KEY, Selling
from tests.buyer.strategy.test_exit_policy import a_lot, bid

CHEAP = bid("0.42")


def a_merge(**changes: Any) -> ActionableSignal:
    """Build the merge of 100 sets: a sell that nobody paid a price for."""
    return a_signal(**{"side": "SELL", "cause": "MERGE", "usdc": D(50), "price": D(0), **changes})


def held(**changes: Any) -> Any:
    return a_portfolio(lot_shares=D(10), lot_cost=D(5), behind=D(100), **changes)


@pytest.mark.parametrize("book", [a_book(), CHEAP])
def test_a_merge_sells_at_the_books_price_as_any_exit_does(book: Book) -> None:
    decision = decide_signal(a_case(signal=a_merge(), book=book, portfolio=held()))

    assert book.best_bid is not None
    assert (decision.verdict, decision.reason) == ("SELL", "all rules passed")
    assert decision.order is not None
    assert book.best_bid * 9 // 10 - D("0.01") <= decision.order.limit_price <= book.best_bid
    said = {rule.rule: rule.value for rule in decision.rules}
    assert said["leader_price"] == "none: merged"


def test_a_sell_at_a_price_of_0_is_still_refused() -> None:
    decision = decide_signal(a_case(signal=a_merge(cause="TRADE"), portfolio=held()))

    assert (decision.verdict, decision.reason) == ("SKIP", "leader_price")


@pytest.mark.parametrize(
    ("mode", "merged", "ordered"),
    [("all", "10", "10"), ("proportional", "60", "6"), ("proportional", "100", "10"), ("none", "100", None)],
)
def test_a_merge_takes_of_the_lot_what_the_mode_of_mirrored_sells_says(
    mode: Any, merged: str, ordered: str | None
) -> None:
    limits = some_limits(mirror_sells=mode)

    decision = decide_signal(a_case(signal=a_merge(shares=D(merged)), portfolio=held(), limits=limits))

    assert (decision.order.shares if decision.order else None) == (D(ordered) if ordered else None)
    assert (decision.exit is None) is (mode == "none")


def test_a_merge_of_a_leader_whose_lot_we_do_not_hold_sells_nothing() -> None:
    decision = decide_signal(a_case(signal=a_merge()))

    assert (decision.verdict, decision.reason, decision.exit) == ("SKIP", "lot_held", None)


def test_a_merge_that_finds_no_bids_goes_on_as_an_exit_until_the_lot_is_gone() -> None:
    desk = Selling()
    desk.prices.next_book = a_book(bids=())
    desk.engine.process_actionable(a_merge())
    assert json.loads(desk.tasks[KEY])["reason"] == "leader_merged"

    desk.prices.next_book = CHEAP
    desk.turn()

    assert desk.decisions()[-1].reason == "exit: leader_merged"
    assert (desk.shares, desk.tasks) == (0, {})


def test_a_closed_market_begins_no_exit_whatever_would_set_it_off() -> None:
    limits = some_limits(max_hold_s=1, stop_loss_pct=D(1), exit_before_end_s=600)
    holding = LotMarket(a_lot(), a_market(closed=True, ends_at_ms=NOW_MS), CHEAP, NOW_MS)

    assert due_exit(holding, limits, flattening=False) is None
    assert due_exit(holding, limits, flattening=True) is None


def test_an_exit_whose_market_closed_is_left_to_the_redeemer() -> None:
    desk = Selling()
    desk.prices.next_book = a_book(bids=())
    desk.engine.process_actionable(a_merge())
    orders = len(desk.venue.placed)
    desk.prices.market = a_market(closed=True, accepting_orders=False)

    desk.turn()
    desk.turn()

    assert (desk.tasks, len(desk.venue.placed)) == ({}, orders)
    assert desk.shares > 0
    assert desk.exits.snapshot()["closed"] == 1


def test_an_exit_whose_market_only_rests_goes_on() -> None:
    desk = Selling()
    desk.prices.next_book = a_book(bids=())
    desk.engine.process_actionable(a_merge())
    desk.prices.market = a_market(accepting_orders=False)
    desk.turn()
    assert KEY in desk.tasks

    desk.prices.market, desk.prices.next_book = a_market(), a_book()
    desk.turn()

    assert desk.shares == 0


def test_a_session_with_merges_replays_and_is_made_again_byte_for_byte(tmp_path: Path) -> None:
    session = Session("--mirror-sells", "proportional", "--stake-usdc", "20")
    session.signal(a_signal(tx_hash=a_hash(1)))
    session.signal(a_merge(tx_hash=a_hash(2), shares=D(50), usdc=D(25)))
    session.signal(a_signal(tx_hash=a_hash(3), side="SELL", shares=D(50), usdc=D(25)))
    tape = read_tape(Capture.open(session.capture(tmp_path)))

    replay = SessionReplay(tape)
    made = list(replay.run())

    assert [item.decision.verdict for item in made] == ["BUY", "SELL", "SELL"]
    assert all(item.same for item in made)
    assert all(item.same for item in redecided(tape))
    assert session.ledger.values.get(f"shares:{LEADER}:{TOKEN}", 0) == 0
