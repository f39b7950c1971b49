"""An order without an answer is found by its hash or sent again in the same bytes, while it may still be sent."""

import contextlib

import pytest

from buyer.execution.unresolved_orders import ANSWERS_NEEDED, SHOWN_WITHIN_S
from shared.domain.errors import Fenced, OutcomeUnknown
from shared.domain.ledger_write import LedgerWrite
from shared.ledger.port import open_lots
from tests.buyer.builders import a_signal
from tests.buyer.settlement.exchange import Exchange
from tests.buyer.settlement.live_desk import CASH, LiveDesk


@pytest.mark.pitfall(20)
def test_a_post_without_an_answer_is_found_by_its_hash_after_a_restart() -> None:
    desk = LiveDesk(exchange=Exchange(lose_answers=1))
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())

    desk.restart()
    desk.recover()
    desk.settle()

    assert desk.exchange.signed == len(desk.exchange.posts) == 1
    assert [lot.shares for lot in open_lots(desk.ledger)] == [9_610_000]


def test_what_the_venue_never_got_is_sent_again_in_the_same_bytes() -> None:
    desk = LiveDesk(exchange=Exchange(lose_answers=1))
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())
    desk.exchange.taken.clear()

    desk.restart()
    desk.recover()

    first, second = desk.exchange.posts
    assert first == second
    assert desk.exchange.signed == 1


@pytest.mark.pitfall(24)
def test_a_taken_order_is_kept_though_the_kill_switch_is_on_when_the_buyer_comes_back() -> None:
    desk = LiveDesk(exchange=Exchange(lose_answers=1))
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())
    desk.ledger.commit(LedgerWrite(id="halt", postings=(("halt", 1),)))

    desk.restart()
    desk.recover()
    desk.settle()

    assert len(desk.exchange.posts) == 1
    assert [lot.shares for lot in open_lots(desk.ledger)] == [9_610_000]


def lost_order() -> LiveDesk:
    """Return a desk whose only order never reached the venue."""
    desk = LiveDesk(exchange=Exchange(lose_answers=1))
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())
    desk.exchange.taken.clear()
    return desk


@pytest.mark.pitfall(24)
def test_a_kill_while_a_resumed_order_waits_for_its_turn_stops_it() -> None:
    desk = lost_order()
    desk.hold_orders(lambda: desk.ledger.commit(LedgerWrite(id="halt", postings=(("halt", 1),))))

    desk.recover_until_known()

    assert len(desk.exchange.posts) == 1
    assert desk.states()[-1] == "CANCELLED"
    assert desk.money() == {"cash": CASH, "deposited": CASH, "halt": 1}


@pytest.mark.pitfall(21)
def test_a_resumed_order_that_another_buyer_concluded_while_it_waited_for_its_turn_is_not_sent() -> None:
    desk = lost_order()
    successor = LiveDesk(ledger=desk.ledger, clock=desk.clock, exchange=Exchange())

    def overtaken() -> None:
        (name, intent) = successor.journal.open_intents().popitem()
        for _ in range(ANSWERS_NEEDED):
            with contextlib.suppress(OutcomeUnknown):
                successor.engine.abandon(intent, successor.journal.signed(name), "given up")
            successor.clock.advance(SHOWN_WITHIN_S)
        desk.ledger.fence_token = "2"

    desk.hold_orders(overtaken)

    with pytest.raises(Fenced):
        desk.recover()

    assert len(desk.exchange.posts) == 1


@pytest.mark.pitfall(22)
def test_a_resumed_order_whose_turn_comes_too_late_is_not_sent() -> None:
    desk = lost_order()
    desk.hold_orders(lambda: desk.clock.advance(900))

    desk.recover_until_known()

    assert len(desk.exchange.posts) == 1
    assert desk.states()[-1] == "CANCELLED"
