"""An order that something overtakes before it is sent: another buyer, a lost lease, a loss, or its own age."""

import pytest

from shared.domain.errors import Fenced
from shared.domain.ledger_accounts import peak_account, realized_account
from shared.domain.ledger_write import LedgerWrite
from shared.domain.market import MarketFacts
from shared.messages.decisions import Order, Outcome
from tests.buyer.builders import LEADER, a_signal
from tests.buyer.settlement.exchange import Exchange
from tests.buyer.settlement.live_desk import CASH, LiveDesk


@pytest.mark.pitfall(22)
def test_a_new_order_whose_turn_comes_too_late_is_not_sent() -> None:
    desk = LiveDesk()
    desk.hold_orders(lambda: desk.clock.advance(900))

    decision = desk.engine.process_actionable(a_signal())

    assert decision is not None
    assert decision.outcome is not None
    assert decision.outcome.reason == "stale when its turn came"
    assert desk.exchange.posts == []
    assert desk.money() == {"cash": CASH, "deposited": CASH}


@pytest.mark.pitfall(21)
def test_a_buyer_that_wakes_up_after_its_lease_moved_places_nothing() -> None:
    desk = LiveDesk()
    desk.ledger.fence_token = "2"

    with pytest.raises(Fenced):
        desk.engine.process_actionable(a_signal())

    assert desk.exchange.posts == []


@pytest.mark.pitfall(21)
def test_a_buyer_paused_right_before_its_order_and_its_successor_send_the_same_bytes() -> None:
    paused = LiveDesk()
    successor = LiveDesk(ledger=paused.ledger, clock=paused.clock, exchange=Exchange())
    place = paused.exchange.place

    def pause(order: Order, facts: MarketFacts, prepared: str) -> Outcome:
        successor.exchange.taken, successor.exchange.trades = paused.exchange.taken, paused.exchange.trades
        successor.exchange.posts = paused.exchange.posts
        successor.recover()
        paused.ledger.fence_token = "2"
        return place(order, facts, prepared)

    paused.exchange.place = pause  # type: ignore[method-assign]  # the lease moves while the order is on its way

    with pytest.raises(Fenced):
        paused.engine.process_actionable(a_signal())

    assert len(paused.exchange.posts) == 2
    assert len(set(paused.exchange.posts)) == len(paused.exchange.taken) == 1


@pytest.mark.pitfall(21)
def test_two_buyers_that_decide_on_one_signal_at_once_send_one_order() -> None:
    slow = LiveDesk()
    quick = LiveDesk(ledger=slow.ledger, clock=slow.clock, exchange=slow.exchange)
    prepare = slow.exchange.prepare

    def overtaken(order: Order, facts: MarketFacts, now_ms: int) -> str:
        slow.exchange.prepare = prepare  # type: ignore[method-assign]  # once
        quick.engine.process_actionable(a_signal())
        slow.clock.advance(1)
        return prepare(order, facts, now_ms + 1)

    slow.exchange.prepare = overtaken  # type: ignore[method-assign]  # the other one is quicker

    assert slow.engine.process_actionable(a_signal()) is None
    assert len(slow.exchange.posts) == 1


@pytest.mark.pitfall(19)
def test_a_leaders_loss_that_comes_while_a_buy_is_decided_stops_it() -> None:
    desk, realized = LiveDesk(), realized_account(LEADER)
    desk.ledger.commit(
        LedgerWrite(id="gain", postings=((realized, 7_000_000),), peaks=((realized, peak_account(LEADER)),))
    )
    prepare = desk.exchange.prepare

    def meanwhile(order: Order, facts: MarketFacts, now_ms: int) -> str:
        desk.ledger.commit(LedgerWrite(id="loss", postings=((realized, -desk.limits.max_drawdown_usdc),)))
        return prepare(order, facts, now_ms)

    desk.exchange.prepare = meanwhile  # type: ignore[method-assign]  # another market of the leader ends badly
    decision = desk.engine.process_actionable(a_signal())

    assert decision is not None
    assert (decision.verdict, decision.reason) == ("SKIP", "ledger")
    assert decision.rules[-1].value == f"{realized}=-93"
    assert desk.exchange.posts == []
