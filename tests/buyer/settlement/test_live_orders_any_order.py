"""Signals, lost answers, confirmations, failures and crashes in any order leave the books balanced."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from buyer.domain.order_result import TradeState
from shared.domain.errors import OutcomeUnknown
from shared.ledger.port import open_lots
from shared.messages.decisions import BuyEngineDecision
from tests.amounts import D
from tests.buyer.builders import CONDITION, a_signal, some_limits
from tests.buyer.settlement.live_desk import CASH, LiveDesk


class AnyOrderOfThings(RuleBasedStateMachine):
    """Signals, lost answers, confirmations, failures and crashes in any order: the books always balance."""

    @initialize()
    def start(self) -> None:
        self.desk = LiveDesk(limits=some_limits(max_market_usdc=D(16)))
        self.number = 0

    @rule(lost=st.booleans(), state=st.sampled_from(("MATCHED", "DELAYED", "REJECTED")))
    def buy(self, lost: bool, state: str) -> None:  # noqa: FBT001 - hypothesis gives it
        self.number += 1
        self.desk.exchange.state, self.desk.exchange.lose_answers = state, int(lost)
        try:
            self.desk.engine.process_actionable(
                a_signal(tx_hash=f"0x{self.number:064x}", traded_at_ms=self.desk.clock.now_ms())
            )
        except OutcomeUnknown:
            self.come_back()

    @rule(state=st.sampled_from(("CONFIRMED", "FAILED")))
    def end(self, state: TradeState) -> None:
        self.desk.settle(state)

    @rule()
    def come_back(self) -> None:
        self.desk.exchange.lose_answers = 0
        self.desk.restart()
        self.desk.recover_until_known()

    @rule()
    def hear_again(self) -> None:
        for decision in (event for _, event in list(self.desk.ledger.events) if isinstance(event, BuyEngineDecision)):
            self.desk.settlement.watch(decision)
        self.desk.look()

    @invariant()
    def a_cap_is_never_broken_and_nothing_is_bought_twice(self) -> None:
        values = self.desk.ledger.values
        assert values.get(f"market:{CONDITION}", 0) <= 16_000_000
        assert len(set(self.desk.exchange.posts)) == self.desk.exchange.signed
        by_signal = [order.signal_id for order in self.desk.exchange.taken.values()]
        assert len(by_signal) == len(set(by_signal))

    @invariant()
    def the_lots_are_what_confirmed(self) -> None:
        confirmed = sum(
            order.shares
            for name, order in self.desk.exchange.taken.items()
            if self.desk.exchange.trades[name] == "CONFIRMED"
        )
        held = sum(lot.shares for lot in open_lots(self.desk.ledger))
        assert held <= confirmed
        if self.desk.at_rest():
            assert held == confirmed
            assert self.desk.ledger.values["cash"] == CASH - sum(lot.cost for lot in open_lots(self.desk.ledger))


TestAnyOrderOfThings = AnyOrderOfThings.TestCase
TestAnyOrderOfThings.settings = settings(max_examples=20, stateful_step_count=15)
