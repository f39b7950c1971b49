"""The breaker pauses buys after refused orders, losses in a row or a fall of the account, and says which."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from buyer.settlement.buy_breaker import AtHand, BuyBreaker
from buyer.strategy.circuit_breaker import STEP_MS, BreakerState, after_look, breaks
from shared.clock import ManualClock
from shared.domain.ledger_accounts import PAUSE_BUYS, REALIZED
from shared.domain.ledger_write import Balances, LedgerWrite
from shared.domain.money import Usdc
from shared.domain.trading_controls import CONTROLS
from shared.ledger.memory_ledger import MemoryLedger
from shared.messages.decisions import BuyEngineDecision, OpenLosses
from tests.amounts import D
from tests.backtest.replay.sessions import Session, a_hash
from tests.buyer.builders import NOW_MS, a_signal, some_limits


class Watched:
    """A breaker over a ledger in memory."""

    def __init__(self, **limits: Any) -> None:
        self.ledger, self.clock, self.open = MemoryLedger(), ManualClock(NOW_MS), Usdc(0)
        self.limits = some_limits(**limits)
        self.count = 0
        self.start()

    def start(self, at_hand: AtHand | None = None) -> None:
        def losses(_leader: str) -> OpenLosses:
            return OpenLosses(total=self.open, leader=Usdc(0))

        self.breaker = BuyBreaker(
            self.ledger, lambda: None, losses, clock=self.clock, limits=self.limits, at_hand=at_hand
        )

    def realize(self, amount: int) -> None:
        self.count += 1
        self.ledger.commit(LedgerWrite(id=f"r{self.count}", postings=((REALIZED, amount),)))
        self.look()

    def look(self) -> None:
        self.clock.advance(10)
        self.breaker.work_due()

    def order(self, state: str, reason: str = "") -> None:
        self.breaker.count(a_decision(state, reason))
        self.look()

    @property
    def why(self) -> str:
        note = self.ledger.records(CONTROLS).get(PAUSE_BUYS, "")
        return note if self.ledger.values.get(PAUSE_BUYS) else ""


def a_decision(state: Any, reason: str) -> BuyEngineDecision:
    session = Session()
    session.signal(a_signal(tx_hash=a_hash(1)))
    made = next(e for _, e in session.ledger.events if isinstance(e, BuyEngineDecision))
    assert made.outcome is not None
    return replace(made, outcome=replace(made.outcome, state=state, reason=reason))


@pytest.mark.pitfall(47)
def test_losses_in_a_row_pause_buys_also_over_a_restart_and_a_gain_begins_anew() -> None:
    watched = Watched(breaker_losses=3)
    for amount in (-1, -1, 5, -1, -1):
        watched.realize(amount)
    assert watched.why == ""

    watched.start()
    watched.realize(-1)

    assert "3 losses in a row (BREAKER_LOSSES=3)" in watched.why
    assert '"who": "breaker"' in watched.why


def test_refused_orders_pause_buys_and_an_order_that_found_nothing_is_not_refused() -> None:
    watched = Watched(breaker_rejections=2)
    watched.order("REJECTED", "no orders found to match with FAK order")
    watched.order("REJECTED", "market is paused")
    watched.order("MATCHED")
    watched.order("REJECTED", "market is paused")
    assert watched.why == ""

    watched.order("REJECTED", "market is paused")

    assert "2 orders refused in a row (BREAKER_REJECTIONS=2)" in watched.why


def test_between_the_looks_an_order_is_counted_by_what_is_at_hand_and_one_that_went_well_is_not_counted_at_all() -> (
    None
):
    watched, asked = Watched(breaker_rejections=2), list[Sequence[str]]()

    def at_hand(accounts: Sequence[str], _records: Sequence[tuple[str, str]]) -> Balances:
        asked.append(accounts)
        return watched.ledger.read(accounts)

    watched.start(at_hand)
    watched.look()
    for state, looks in (("MATCHED", 0), ("REJECTED", 1), ("MATCHED", 2), ("REJECTED", 3), ("REJECTED", 4)):
        watched.breaker.count(a_decision(state, "market is paused"))
        watched.breaker.work_due()
        assert len(asked) == looks

    assert "2 orders refused in a row" in watched.why


@pytest.mark.pitfall(47)
def test_a_fall_of_open_lots_within_the_window_pauses_buys_and_one_that_took_longer_does_not() -> None:
    slow, fast = (Watched(breaker_fall_usdc=D(50), breaker_window_s=600) for _ in range(2))
    slow.look()
    fast.look()
    slow.open = D(30)
    slow.clock.advance(300)
    slow.look()
    slow.clock.advance(400)
    slow.open = D(60)
    slow.look()
    fast.open = D(50)
    fast.look()

    assert slow.why == ""
    assert "a fall of 50 pUSD within 600 s (BREAKER_FALL_USDC=50)" in fast.why


def test_what_was_counted_before_somebody_resumed_does_not_pause_again() -> None:
    watched = Watched(breaker_losses=2)
    watched.realize(-1)
    watched.realize(-1)
    watched.realize(-1)
    watched.ledger.commit(LedgerWrite(id="resume", postings=((PAUSE_BUYS, -1),)))

    watched.realize(-1)
    before = watched.why
    watched.realize(-1)

    assert before == ""
    assert "2 losses in a row" in watched.why


def test_a_breaker_that_is_off_never_asks_the_ledger() -> None:
    watched = Watched(breaker_losses=0, breaker_rejections=0, breaker_fall_usdc=0)
    watched.realize(-(10**9))

    assert watched.ledger.values.keys() == {REALIZED}


@given(st.lists(st.tuples(st.integers(0, 600), st.integers(-(10**9), 10**9)), max_size=40), st.integers(60, 7200))
@example([(0, 1), (1, 0), (60, -1)], 60)
@example([(0, 10), (1, 9), (3580, 7)], 3600)
def test_the_fall_is_never_missed_by_more_than_a_step_and_what_is_kept_stays_small(
    moves: list[tuple[int, int]], window_s: int
) -> None:
    state, now_ms, seen = BreakerState(), 0, list[tuple[int, int]]()
    limits = some_limits(breaker_losses=0, breaker_rejections=0, breaker_fall_usdc=Usdc(1), breaker_window_s=window_s)
    for seconds, result in moves:
        now_ms += seconds * 1000
        seen.append((now_ms, result))
        state = after_look(state, Usdc(result), Usdc(0), now_ms, window_s)
        recent = [then for at_ms, then in seen if now_ms - at_ms <= window_s * 1000]
        settled = [then for at_ms, then in seen if STEP_MS <= now_ms - at_ms <= window_s * 1000 - STEP_MS]

        assert state.best[0].result <= max(recent)
        if settled and max(settled) > result:
            assert breaks(state, limits, Usdc(result))
        assert len(state.best) <= window_s * 1000 // STEP_MS + 2
