"""The trade that an order's end books."""

from buyer.domain.booked_trade import booked_trade
from shared.domain.ledger_accounts import REALIZED
from shared.messages.trades import TradeBooked
from tests.amounts import D
from tests.buyer.builders import LEADER, TOKEN, a_signal
from tests.buyer.execution.executor_desk import Desk


def trades(desk: Desk) -> list[TradeBooked]:
    return [event for _, event in desk.ledger.events if isinstance(event, TradeBooked)]


def test_a_filled_buy_books_one_trade_with_what_it_cost() -> None:
    desk = Desk()

    decision = desk.engine.process_actionable(a_signal())

    (trade,) = trades(desk)
    assert decision is not None
    assert decision.outcome is not None
    assert (trade.kind, trade.leader, trade.token_id) == ("BUY", LEADER, TOKEN)
    assert trade.cost == decision.outcome.usdc + decision.outcome.fee
    assert trade.realized == 0
    assert desk.ledger.values.get(REALIZED, 0) == 0


def test_what_filled_nothing_books_no_trade() -> None:
    desk = Desk()
    decision = desk.engine.process_actionable(a_signal())
    assert decision is not None
    assert decision.order is not None
    assert decision.outcome is not None
    assert decision.inputs.market is not None
    assert decision.inputs.portfolio is not None
    nothing = type(decision.outcome)(state="CANCELLED", shares=D(0), usdc=D(0), fee=D(0))

    assert booked_trade(decision, decision.order, nothing, decision.inputs.market, decision.inputs.portfolio) == ()
