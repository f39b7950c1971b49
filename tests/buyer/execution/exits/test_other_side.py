"""A buy whose market's other outcome is held: that is sold first, by an exit like any other, or the buy is skipped."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace

from buyer.execution.order_precedence import NotSettled
from shared.domain.ledger_accounts import lot_key, shares_account
from shared.domain.market import Book, MarketFacts
from shared.domain.record_kinds import EXITS
from shared.messages.signals import ActionableSignal
from tests.amounts import D
from tests.backtest.histories import a_trade, other_outcome, run
from tests.buyer.builders import LEADER, TOKEN, a_book, a_signal, some_limits
from tests.buyer.execution.executor_desk import Desk
from tests.buyer.fakes import FakePrices

OTHER, ANOTHER_LEADER = "the other", "0x" + "b2" * 20
WAIT_S = 8
pytestmark = pytest.mark.pitfall(44)


class BothOutcomes(FakePrices):
    """A market whose two outcomes have the same book, or the other one has none."""

    other_bids: tuple[tuple[str, str], ...] = (("0.49", "100"), ("0.48", "100"))

    def facts(self, token_id: str) -> tuple[MarketFacts | None, str]:
        market, why = super().facts(token_id)
        return market and replace(market, token_id=token_id, outcome_index=int(token_id == OTHER)), why

    def book(self, token_id: str) -> tuple[Book | None, str]:
        at_ms = self.next_book.at_ms if self.next_book else 0
        bids = self.other_bids if token_id == OTHER else (("0.49", "100"), ("0.48", "100"))
        return a_book(bids, token_id=token_id, at_ms=at_ms), ""


def sell_first(**changes: Any) -> Any:
    return some_limits(**{"other_outcome": "sell_first", "sell_first_s": WAIT_S, **changes})


@dataclass
class TwoSides(Desk):
    """A desk that holds the other outcome because of another leader, and gets a buy of the first."""

    prices: FakePrices = field(default_factory=BothOutcomes)
    buy: ActionableSignal = field(default_factory=a_signal)

    def hold_other(self) -> None:
        self.engine.process_actionable(a_signal(leader=ANOTHER_LEADER, token_id=OTHER, tx_hash="0x" + "0b" * 32))
        assert self.held(OTHER, ANOTHER_LEADER)

    def held(self, token_id: str, leader: str = LEADER) -> int:
        return self.ledger.values.get(shares_account(leader, token_id), 0)

    def decide(self) -> str:
        """Hand the buy in; return why it waits, or its decision's reason."""
        try:
            self.engine.process_actionable(self.buy)
        except NotSettled as waits:
            return str(waits)
        return self.decisions()[-1].reason

    def pass_seconds(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1)
            self.prices.next_book = replace(self.prices.next_book or a_book(), at_ms=self.clock.now_ms())
            self.exits.work_due()


@pytest.fixture
def desk() -> TwoSides:
    desk = TwoSides(limits=sell_first())
    desk.hold_other()
    return desk


def test_the_other_side_is_sold_and_then_the_buy_is_made(desk: TwoSides) -> None:
    waits = desk.decide()
    desk.pass_seconds(3)
    after = desk.held(OTHER, ANOTHER_LEADER)

    assert "waits for the exit from the other outcome" in waits
    assert after == 0
    assert desk.decide() == "all rules passed"
    assert desk.held(TOKEN)
    assert [one.reason for one in desk.decisions() if one.verdict == "SELL"] == ["exit: other_outcome"]


def test_a_side_that_nobody_buys_above_its_floor_keeps_the_buy_out_when_its_time_is_over(desk: TwoSides) -> None:
    assert isinstance(desk.prices, BothOutcomes)
    desk.prices.other_bids = (("0.01", "100"),)
    desk.decide()
    desk.pass_seconds(WAIT_S - 1)
    still, _ = desk.decide(), desk.pass_seconds(1)

    assert "waits" in still
    assert desk.decide() == "other_outcome"
    assert desk.held(OTHER, ANOTHER_LEADER)
    assert lot_key(ANOTHER_LEADER, OTHER) in desk.ledger.records(EXITS), "the exit goes on"


def test_a_restart_asks_anew_and_buys_when_the_way_is_free(desk: TwoSides) -> None:
    desk.decide()
    desk.restart()
    desk.pass_seconds(3)

    assert desk.decide() == "all rules passed"


def test_nothing_is_sold_for_a_buy_that_another_rule_keeps_out(desk: TwoSides) -> None:
    desk.buy = a_signal(price=D("0.2"), usdc=D(20))

    assert desk.decide() == "slippage"
    assert desk.ledger.records(EXITS) == {}


def test_skip_stays_skip() -> None:
    desk = TwoSides(limits=sell_first(other_outcome="skip"))
    desk.hold_other()

    assert desk.decide() == "other_outcome"
    assert desk.ledger.records(EXITS) == {}


@pytest.mark.parametrize(("rule", "verdicts"), [("skip", ["BUY", "SKIP"]), ("sell_first", ["BUY", "SELL", "BUY"])])
def test_a_backtest_does_the_same(rule: str, verdicts: list[str]) -> None:
    result = run([a_trade(0), other_outcome(60, "0.5")], "--other-outcome", rule)

    assert [one.verdict for one in result.outcomes] == verdicts
