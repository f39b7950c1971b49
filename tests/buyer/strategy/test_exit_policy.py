"""When a lot is sold, how much of it, and that an exit goes on until it is gone."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from buyer.execution.exit_manager import ExitManager
from buyer.execution.exit_store import ExitStore
from buyer.execution.journal import Journal
from buyer.strategy.exit_policy import LotMarket, due_exit, exit_attempt, order_fact
from buyer.strategy.exits.lot_value import NO_LOOKS, LotHistory
from buyer.strategy.exits.mirrored_sales import mirrored_sell
from shared.domain import ledger_accounts
from shared.domain.errors import OutcomeUnknown
from shared.domain.ledger_accounts import Lot
from shared.domain.ledger_write import FencingToken, LedgerWrite
from shared.domain.market import Book
from shared.domain.money import cost_micro
from shared.domain.record_kinds import EXITS
from shared.ledger.port import open_lots
from shared.messages.decisions import ExitTask
from tests.amounts import D
from tests.buyer.builders import (
    CONDITION,
    LEADER,
    NOW_MS,
    TOKEN,
    a_book,
    a_market,
    a_portfolio,
    a_signal,
    some_limits,
)
from tests.buyer.execution.executor_desk import Desk

KEY = f"{LEADER}:{TOKEN}"


def a_lot(**changes: Any) -> Lot:
    """Build ten shares bought for 5, an hour ago."""
    values: dict[str, Any] = {"shares": 10_000_000, "cost": 5_000_000, "opened_at_ms": NOW_MS - 3_600_000, **changes}
    return Lot(LEADER, TOKEN, CONDITION, 0, "Will it?", **values)


def looked(holding: LotMarket, looks: int = 3, over_s: float = 5) -> LotHistory:
    """Look at the same book so many times over so long."""
    seen = NO_LOOKS
    for look in range(looks):
        found = holding.look(10, over_s * look / max(1, looks - 1))
        seen = seen.after(found, 60) if found else seen
    return seen


def a_sell(**changes: Any) -> Any:
    return a_signal(**{"side": "SELL", "tx_hash": "0x" + "9a" * 32, **changes})


def bid(price: str, **changes: Any) -> Book:
    return a_book(bids=((price, "100"),), asks=(("0.99", "1"),), **changes)


@pytest.mark.parametrize(
    ("limits", "price", "reason"),
    [
        ({"stop_loss_pct": D(20)}, "0.4", "stop_loss"),
        ({"stop_loss_pct": D(20)}, "0.41", None),
        ({"take_profit_pct": D(50)}, "0.75", "take_profit"),
        ({"take_profit_pct": D(50)}, "0.74", None),
        ({"max_hold_s": 3600}, "0.5", "time_stop"),
        ({"max_hold_s": 3601}, "0.5", None),
        ({"exit_before_end_s": 600}, "0.5", "market_ends"),
        ({"exit_before_end_s": 599}, "0.5", None),
        ({}, "0.01", None),
    ],
)
def test_each_trigger_fires_at_its_limit(limits: dict[str, Any], price: str, reason: str | None) -> None:
    holding = LotMarket(a_lot(), a_market(ends_at_ms=NOW_MS + 600_000), bid(price), NOW_MS)

    task = due_exit(holding, some_limits(**limits), flattening=False, seen=looked(holding))

    assert (task.reason if task else None) == reason


@pytest.mark.pitfall(16)
@pytest.mark.parametrize(
    "book", [None, bid("0.01", at_ms=NOW_MS - 11_000), bid("0.01", token_id="9"), a_book(bids=(("0.99", "1"),))]
)
def test_no_book_worth_believing_sets_off_a_stop(book: Book | None) -> None:
    limits = some_limits(stop_loss_pct=D(1), take_profit_pct=D(1))

    holding = LotMarket(a_lot(), a_market(), book, NOW_MS)

    assert due_exit(holding, limits, flattening=False, seen=looked(holding)) is None


@pytest.mark.pitfall(22)
def test_dust_sets_off_nothing_and_flatten_takes_the_rest() -> None:
    dust = LotMarket(a_lot(shares=4_999_999), a_market(), None, NOW_MS)
    whole = LotMarket(a_lot(), a_market(), None, NOW_MS)

    assert due_exit(dust, some_limits(), flattening=True) is None
    task = due_exit(whole, some_limits(), flattening=True)
    assert task is not None
    assert (task.reason, task.keep) == ("flatten", 0)


@pytest.mark.parametrize(
    ("mode", "sold", "keep"),
    [
        ("all", "1", 0),
        ("proportional", "25", 7_500_000),
        ("proportional", "100", 0),
        ("proportional", "250", 0),
    ],
)
def test_a_leaders_sell_takes_all_or_the_part_of_what_we_followed(mode: Any, sold: str, keep: int) -> None:
    held = a_portfolio(lot_shares=D(10), lot_cost=D(5), behind=D(100))

    assert mirrored_sell(a_sell(shares=D(sold)), held, mode).keep == keep


def test_each_attempt_has_a_name_of_its_own_and_waits_longer_up_to_a_minute() -> None:
    task = ExitTask(id="x", leader=LEADER, token_id=TOKEN, reason="flatten", keep=D(0), opened_at_ms=0)
    waits: list[int] = []
    names: set[str] = set()
    for _ in range(8):
        task = exit_attempt(task, 0)
        waits.append(task.next_at_ms // 1000)
        names.add(order_fact(task))

    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]
    assert len(names) == 8


class Selling(Desk):
    """A desk that has bought 9.61 shares, with its exits."""

    def __init__(self, **limits: Any) -> None:
        super().__init__(limits=some_limits(**limits))
        self.engine.process_actionable(a_signal())
        self.prices.next_book = a_book()

    def restart(self, journal: Journal | None = None) -> None:
        super().restart(journal)
        tasks = ExitStore(self.ledger, lambda: FencingToken("lease", "1"))
        self.exits = ExitManager(self.engine, tasks, self.prices, clock=self.clock, limits=self.limits)

    def turn(self, seconds: float = 61) -> None:
        """Let time pass, see the same book anew, and take a turn."""
        self.clock.advance(seconds)
        if self.prices.next_book is not None:
            self.prices.next_book = replace(self.prices.next_book, at_ms=self.clock.now_ms())
        self.exits.work_due()

    @property
    def tasks(self) -> dict[str, str]:
        return self.ledger.records(EXITS)

    @property
    def shares(self) -> int:
        return self.ledger.values.get(ledger_accounts.shares_account(LEADER, TOKEN), 0)


@pytest.mark.pitfall(22)
def test_a_sell_too_late_for_its_signal_is_carried_out_as_an_exit() -> None:
    desk = Selling()
    late = a_sell(traded_at_ms=NOW_MS - 100_000)

    decision = desk.engine.process_actionable(late)
    desk.turn()

    assert decision is not None
    assert (decision.verdict, decision.reason) == ("SKIP", "signal_fresh")
    assert desk.decisions()[-1].reason == "exit: leader_sold"
    assert (desk.shares, desk.tasks, open_lots(desk.ledger)) == (0, {}, [])


@pytest.mark.pitfall(23)
def test_an_exit_goes_on_over_restarts_until_the_lot_is_gone() -> None:
    desk = Selling()
    desk.prices.next_book = a_book(bids=())
    desk.engine.process_actionable(a_sell())
    for _ in range(3):
        desk.restart()
        desk.turn()
    assert json.loads(desk.tasks[KEY])["attempt"] == 3
    assert len(desk.decisions()) == 2

    desk.prices.next_book = a_book()
    desk.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        desk.turn()
    desk.restart()
    (intent,) = desk.journal.open_intents().values()
    desk.engine.resume(intent)

    first, second = desk.venue.placed[-2:]
    assert first == second
    assert (desk.shares, desk.tasks) == (0, {})
    desk.turn()
    assert len(desk.venue.placed) == 3


@pytest.mark.pitfall(23)
def test_what_an_order_left_is_sold_by_the_next_one() -> None:
    desk = Selling()
    whole = desk.venue.place

    def part(order: Any, facts: Any, prepared: str) -> Any:
        outcome = whole(order, facts, prepared)
        return replace(outcome, shares=D(2), usdc=cost_micro(D(2), order.limit_price))

    desk.venue.place = part  # type: ignore[method-assign]  # a partial fill
    desk.engine.process_actionable(a_sell())
    assert desk.shares == 7_610_000
    desk.venue.place = whole  # type: ignore[method-assign]  # as before
    desk.turn()

    assert (desk.shares, desk.tasks) == (0, {})
    names = [order.id for order in desk.venue.placed]
    assert len(set(names)) == len(names)


@pytest.mark.pitfall(22)
def test_what_is_too_little_to_sell_ends_its_exit_with_a_decision_that_says_so() -> None:
    desk = Selling()
    whole = desk.venue.place
    desk.venue.place = lambda order, facts, prepared: replace(  # type: ignore[method-assign]  # six of the shares
        whole(order, facts, prepared), shares=D(6), usdc=cost_micro(D(6), order.limit_price)
    )
    desk.engine.process_actionable(a_sell())
    desk.turn()

    last = desk.decisions()[-1]
    assert (last.verdict, last.reason) == ("SKIP", "minimum_size")
    assert last.exit is not None
    assert (desk.shares, desk.tasks) == (3_610_000, {})
    assert desk.exits.snapshot()["dust"] == 1


def test_a_stop_loss_sells_the_lot_and_books_the_loss_to_day_and_leader() -> None:
    desk = Selling(stop_loss_pct=D(20))
    desk.prices.next_book = a_book(bids=(("0.4", "100"),))

    for _ in range(4):
        desk.turn()

    assert desk.decisions()[-1].reason == "exit: stop_loss"
    lost = desk.ledger.values["realized"]
    assert lost < 0
    assert desk.ledger.values[ledger_accounts.pnl_account(desk.clock.now_ms())] == lost
    assert desk.ledger.values[ledger_accounts.realized_account(LEADER)] == lost
    assert not [name for name in desk.ledger.values if name.startswith(("market:", "event:", "leader:", "total"))]


@pytest.mark.pitfall(24)
@pytest.mark.parametrize("control", [ledger_accounts.HALT, ledger_accounts.PAUSE_ALL])
def test_a_control_holds_an_exit_back_and_it_goes_on_afterwards(control: str) -> None:
    desk = Selling()
    desk.ledger.commit(LedgerWrite(id="flat", postings=((ledger_accounts.FLATTEN, 1), (control, 1))))
    desk.turn()
    desk.turn()
    assert desk.shares > 0
    assert len(desk.tasks) == 1

    desk.ledger.commit(LedgerWrite(id="on", postings=((control, -1),)))
    desk.restart()
    desk.turn()

    assert (desk.shares, desk.tasks) == (0, {})


def test_a_small_part_waits_until_the_leader_has_sold_enough() -> None:
    desk = Selling(mirror_sells="proportional", max_signal_age_s=3600)

    desk.engine.process_actionable(a_sell(shares=D(20)))
    desk.turn()
    assert desk.shares == 9_610_000
    again = a_sell(shares=D(40), tx_hash="0x" + "9b" * 32)
    desk.engine.process_actionable(again)
    desk.turn()

    assert desk.shares == pytest.approx(9_610_000 * 0.4, abs=10_000)


def test_an_exit_that_crashes_is_finished_by_recovery_and_not_swallowed() -> None:
    desk = Selling()
    desk.ledger.commit(LedgerWrite(id="flat", postings=((ledger_accounts.FLATTEN, 1),)))
    desk.turn()

    def crash(order: Any, facts: Any, prepared: str) -> Any:
        del order, facts, prepared
        raise RuntimeError("a bug")

    desk.venue.place = crash  # type: ignore[method-assign]  # a bug in the venue
    with pytest.raises(OutcomeUnknown, match="a bug"):
        desk.turn()

    assert len(desk.journal.open_intents()) == 1


def test_a_restart_forgets_small_trades_of_long_ago_and_keeps_recent_ones() -> None:
    desk = Selling(gather_window_s=600, min_leader_usdc=D(1000))
    desk.engine.process_actionable(a_signal(tx_hash="0x" + "11" * 32))
    assert len(desk.ledger.records("gathered")) == 1

    desk.turn()
    assert len(desk.ledger.records("gathered")) == 1
    desk.turn(3 * 86_400)

    assert desk.ledger.records("gathered") == {}
