"""Orders without an outcome: how often they are asked for, whom they hold up, and when one is known to be nowhere."""

import contextlib

import pytest

from buyer.execution.unresolved_orders import ANSWERS_NEEDED, SHARE, SHOWN_WITHIN_S, OrderAbsence, UnresolvedOrders
from shared.clock import ManualClock
from shared.domain.errors import OutcomeUnknown, Unavailable

pytestmark = pytest.mark.pitfall(33)


def unknown(orders: UnresolvedOrders, clock: ManualClock, *, takes_s: float = 0, answered: bool = False) -> float:
    """Ask once for an order, in vain; return in how many seconds it is asked for again."""
    with contextlib.suppress(OutcomeUnknown), orders.pursue("s", "l", "t") as order:
        order.answered = answered
        clock.advance(takes_s)
        raise OutcomeUnknown("nobody can tell")
    return orders.next_in_s("s")


def test_an_order_that_cannot_be_read_is_asked_for_ever_more_seldom_and_for_ever() -> None:
    clock = ManualClock()
    orders = UnresolvedOrders(clock)

    waits = [unknown(orders, clock) for _ in range(9)]

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert orders.due() == []
    clock.advance(60)
    assert orders.due() == ["s"]


def test_one_that_a_readable_venue_does_not_show_is_asked_for_soon() -> None:
    clock = ManualClock()
    orders = UnresolvedOrders(clock)
    for _ in range(9):
        unknown(orders, clock)

    assert unknown(orders, clock, answered=True) == 5
    assert unknown(orders, clock) == 1


def test_a_venue_that_hangs_takes_a_small_part_of_the_time() -> None:
    clock = ManualClock()

    assert unknown(UnresolvedOrders(clock), clock, takes_s=20) == 20 * (SHARE - 1)


def test_a_token_waits_for_its_order_and_no_other_token_does() -> None:
    clock = ManualClock()
    orders = UnresolvedOrders(clock)
    unknown(orders, clock)

    assert orders.blocker_of("t", "another signal") == orders.blocker_of("t") == orders.blocker_of("t", "s") == "s"
    assert orders.blocker_of("another token") == ""
    assert orders.blocker_of_lot("l", "t") == orders.blocker_of_lot("l", "t", "s") == "s"
    assert orders.blocker_of_lot("another leader", "t") == orders.blocker_of_lot("l", "another token") == ""
    clock.advance(1)
    assert orders.blocker_of("t", "s") == ""
    assert orders.blocker_of("t", "another signal") == "s"

    with orders.pursue("s", "l", "t"):
        pass
    assert (orders.blocker_of("t"), len(orders)) == ("", 0)


def test_what_failed_for_another_reason_is_due_when_whoever_caught_it_goes_on() -> None:
    orders = UnresolvedOrders(ManualClock())

    with pytest.raises(Unavailable), orders.pursue("s", "l", "t"):
        raise Unavailable("the ledger is away")

    assert orders.due() == ["s"]


def test_an_order_is_nowhere_only_after_several_looks_and_long_enough_after_it_was_last_sent() -> None:
    absence = OrderAbsence(since_s=0, answers=ANSWERS_NEEDED)

    assert not absence.is_certain(SHOWN_WITHIN_S - 1)
    assert absence.is_certain(SHOWN_WITHIN_S)
    assert not OrderAbsence(since_s=0, answers=ANSWERS_NEEDED - 1).is_certain(SHOWN_WITHIN_S)
    absence.again(SHOWN_WITHIN_S)
    assert not absence.is_certain(2 * SHOWN_WITHIN_S)
