"""An intent whose outcome is unknown ends once: by the same order again, or given up when it may not be sent."""

import pytest

from shared.domain import ledger_accounts
from shared.domain.errors import OutcomeUnknown
from shared.domain.ledger_accounts import DAY_MS, days_accounts
from shared.domain.ledger_write import LedgerWrite
from shared.domain.market import MarketFacts
from shared.ledger.port import open_lots
from shared.messages.decisions import Order
from tests.buyer.builders import CONDITION, NOW_MS, a_signal, some_limits
from tests.buyer.execution.executor_desk import Desk
from tests.buyer.fakes import FakeVenue


@pytest.mark.pitfall(20)
def test_an_unknown_outcome_places_the_same_order_again_and_no_other() -> None:
    desk = Desk()
    desk.venue.unknown = 1

    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())
    desk.restart()
    desk.engine.process_actionable(a_signal())

    first, second = desk.venue.placed
    assert first == second
    assert len(desk.decisions()) == 1
    assert open_lots(desk.ledger)[0].shares == first.shares


@pytest.mark.pitfall(24)
def test_an_intent_left_by_a_crash_is_cancelled_when_the_kill_switch_is_on() -> None:
    desk = Desk()
    desk.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())
    desk.ledger.commit(LedgerWrite(id="halt", postings=((ledger_accounts.HALT, 1),)))
    desk.restart()

    decision = desk.engine.process_actionable(a_signal())

    assert decision is not None
    assert decision.outcome is not None
    assert decision.outcome.state == "CANCELLED"
    assert len(desk.venue.placed) == 1
    assert desk.ledger.values["cash"] == 1_000_000_000


@pytest.mark.pitfall(20)
def test_an_order_signed_just_now_is_not_given_up_while_the_venue_may_still_show_it() -> None:
    class SignsAndForgets(FakeVenue):
        def prepare(self, order: Order, facts: MarketFacts, now_ms: int) -> str:
            del facts, now_ms
            return f"signed {order.id}"

    desk = Desk(venue=SignsAndForgets())
    desk.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())
    desk.ledger.commit(LedgerWrite(id="halt", postings=((ledger_accounts.HALT, 1),)))
    desk.restart()
    reserved = desk.ledger.values["cash"]

    with pytest.raises(OutcomeUnknown, match="still come to be shown"):
        desk.engine.process_actionable(a_signal())
    kept = desk.ledger.values["cash"]
    desk.clock.advance(31)
    with pytest.raises(OutcomeUnknown, match="still come to be shown"):
        desk.engine.process_actionable(a_signal())
    desk.clock.advance(6)
    decision = desk.engine.process_actionable(a_signal())

    assert kept == reserved < 1_000_000_000
    assert decision is not None
    assert decision.outcome is not None
    assert decision.outcome.state == "CANCELLED"
    assert len(desk.venue.placed) == 1
    assert desk.ledger.values["cash"] == 1_000_000_000


@pytest.mark.pitfall(22)
def test_an_intent_from_before_a_long_downtime_is_not_carried_out() -> None:
    desk = Desk()
    desk.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())
    desk.restart()
    desk.clock.advance(3600)

    decision = desk.engine.process_actionable(a_signal())

    assert decision is not None
    assert decision.outcome is not None
    assert decision.outcome.reason == "stale when the buyer came back"
    assert f"market:{CONDITION}" not in desk.ledger.values


def test_an_intent_of_yesterday_gives_its_budget_back_to_yesterday() -> None:
    desk = Desk(limits=some_limits(max_signal_age_s=86_400))
    desk.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())
    yesterday, *_ = days_accounts(NOW_MS // DAY_MS)
    assert desk.ledger.values[yesterday] > 4_997_200 - 1
    desk.clock.advance(86_000)

    desk.engine.process_actionable(a_signal())

    assert desk.ledger.values[yesterday] == 9_610_000 * 52 // 100
    today, *_ = days_accounts(desk.clock.now_ms() // DAY_MS)
    assert today not in desk.ledger.values
