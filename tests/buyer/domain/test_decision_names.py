"""A log line on a decision names leader, market, outcome, price and amount."""

from buyer.decision_counter import decision_names
from shared.domain.money import micro_text, price_of
from tests.buyer.builders import LEADER, a_signal
from tests.buyer.execution.executor_desk import Desk


def test_a_filled_buy_is_named_with_what_it_paid() -> None:
    decision = Desk().engine.process_actionable(a_signal())

    assert decision is not None
    assert decision.outcome is not None
    assert decision_names(decision) == {
        "leader": LEADER,
        "market": "Will it?",
        "outcome": "Yes",
        "price": micro_text(price_of(decision.outcome.usdc, decision.outcome.shares)),
        "shares": micro_text(decision.outcome.shares),
        "amount": micro_text(decision.outcome.usdc),
    }


def test_a_skip_is_named_with_the_leaders_trade() -> None:
    desk = Desk()
    desk.prices.next_book = None

    decision = desk.engine.process_actionable(a_signal())

    assert decision is not None
    assert decision.verdict == "SKIP"
    said = decision_names(decision)
    assert (said["market"], said["price"], said["shares"], said["amount"]) == ("Will it?", "0.5", "100", "50")
