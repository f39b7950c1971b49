"""When a lot is sold, and how much of it."""

from typing import Any

import pytest

from buyer.strategy.exit_policy import LotMarket, due_exit, exit_attempt, order_fact
from buyer.strategy.exits.lot_value import NO_LOOKS, LotHistory
from buyer.strategy.exits.mirrored_sales import mirrored_sell
from shared.domain.ledger_accounts import Lot
from shared.domain.market import Book
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
