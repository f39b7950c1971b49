"""Caps count open intents, parts of trades and orders of the minute."""

from decimal import Decimal

import pytest

from shared.domain import ledger_accounts
from shared.domain.errors import OutcomeUnknown
from shared.domain.ledger_write import LedgerWrite
from shared.domain.market import MarketFacts
from shared.messages.decisions import Gathered, Order, Trade
from tests.buyer.builders import LEADER, NOW_MS, TOKEN, a_book, a_market, a_signal, some_limits
from tests.buyer.execution.executor_desk import Desk
from tests.buyer.fakes import FakeVenue

D = Decimal


@pytest.mark.pitfall(19)
def test_an_open_intent_counts_against_the_caps() -> None:
    desk = Desk(limits=some_limits(max_market_usdc=D(6)))
    desk.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())

    another = desk.prices.outcome("another outcome of the market")
    other = desk.engine.process_actionable(a_signal(tx_hash="0x" + "8f" * 32, token_id=another))

    assert other is not None
    assert other.reason == "market_cap"


def test_small_trades_add_up_over_restarts_and_each_signal_has_its_decision() -> None:
    """Three trades of 15 pUSD come to the 40 that are followed; the sum's order uses up what was gathered."""
    desk = Desk(limits=some_limits(gather_window_s=600, min_leader_usdc=D(40)))
    for number in range(3):
        desk.engine.process_actionable(a_signal(usdc=D(15), shares=D(30), tx_hash="0x" + f"{number:064x}"))
        desk.restart()

    assert [decision.reason for decision in desk.decisions()] == ["gathered", "gathered", "all rules passed"]
    assert desk.decisions()[-1].trade == Trade(usdc=D(45), shares=D(90), price=D("0.5"))
    assert desk.ledger.records("gathered") == {}
    assert desk.ledger.values[ledger_accounts.behind_account(LEADER, TOKEN)] == 90_000_000


def test_small_trades_of_a_window_long_over_are_not_followed() -> None:
    desk = Desk(limits=some_limits(gather_window_s=600, min_leader_usdc=D(40)))
    desk.engine.process_actionable(a_signal(usdc=D(39), shares=D(78)))
    desk.clock.advance(600)
    now_ms = desk.clock.now_ms()
    desk.prices.next_book = a_book(at_ms=now_ms)

    late = desk.engine.process_actionable(
        a_signal(usdc=D(2), shares=D(4), traded_at_ms=now_ms, tx_hash="0x" + "22" * 32)
    )

    assert late is not None
    assert late.gathered == Gathered(usdc=D(2), shares=D(4), since_ms=now_ms)


@pytest.mark.pitfall(19)
def test_two_outcomes_of_one_event_share_its_cap() -> None:
    desk = Desk(limits=some_limits(max_event_usdc=D(8)))
    desk.engine.process_actionable(a_signal())
    desk.prices.market = a_market(token_id="2", condition_id="0x" + "dd" * 32)
    desk.prices.next_book = a_book(token_id="2")

    other = desk.engine.process_actionable(a_signal(token_id="2", leader="0x" + "b2" * 20))

    assert other is not None
    assert other.reason == "event_cap"


class Turning(FakeVenue):
    """Before the first order's intent is written, an order of another market begins to count a new minute."""

    def __init__(self, desk: "Desk", turns: int) -> None:
        super().__init__()
        self._desk, self._left = desk, turns

    def prepare(self, order: Order, facts: MarketFacts, now_ms: int) -> str:
        del order, facts
        if self._left:
            self._left -= 1
            self._desk.clock.advance(60)
            before = self._desk.ledger.values.get(ledger_accounts.RATE_MINUTE, 0)
            minute = self._desk.clock.now_ms() // 60_000
            self._desk.ledger.commit(LedgerWrite(f"other:{now_ms}", ((ledger_accounts.RATE_MINUTE, minute - before),)))
        return ""


def test_an_intent_whose_minute_another_order_turned_counts_in_the_new_one() -> None:
    desk = Desk(limits=some_limits(max_signal_age_s=600, max_book_age_s=600))
    desk.venue = Turning(desk, turns=1)
    desk.restart()

    decision = desk.engine.process_actionable(a_signal())

    assert decision is not None
    assert (decision.verdict, len(desk.venue.placed)) == ("BUY", 1)
    assert desk.ledger.values[ledger_accounts.RATE_MINUTE] == NOW_MS // 60_000 + 1
    assert desk.ledger.values[ledger_accounts.RATE_ORDERS] == 1
