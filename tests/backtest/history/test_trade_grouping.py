"""A trade read without its signal is the trade of that signal, and brings the signal when somebody asks."""

from hypothesis import given

from backtest.history.capture_events import trade_in
from shared.domain.errors import Malformed
from shared.domain.leader_trade import LeaderTrade
from shared.messages.events import read_event, write_event
from shared.messages.signals import ActionableSignal
from tests.amounts import D
from tests.buyer.builders import a_market, a_signal
from tests.shared.messages.test_value_codec import odd_texts

AT_HAND = [name for name in LeaderTrade.__struct_fields__ if name != "signal"]


@given(odd_texts())
def test_what_is_read_of_a_signal_is_what_the_signal_says_whatever_was_sent(drawn: str) -> None:
    try:
        signal = read_event(drawn)
    except Malformed:
        signal = None

    trade = trade_in(drawn)

    if not isinstance(signal, ActionableSignal):
        assert trade is None
        return
    assert trade is not None
    assert [getattr(trade, name) for name in AT_HAND] == [getattr(LeaderTrade.of(signal), name) for name in AT_HAND]
    assert trade.signal() == signal


def test_all_that_a_signal_has_is_there_when_somebody_looks() -> None:
    signal = a_signal(part=2, facts=a_market())
    for trade in (LeaderTrade.of(signal), trade_in(write_event(signal))):
        assert trade is not None
        for name in ActionableSignal.__struct_fields__:
            assert getattr(trade, name) == getattr(signal, name)


def test_a_trade_in_parts_or_of_no_trade_is_not_plain() -> None:
    def plain(**changes: object) -> bool:
        return LeaderTrade.of(a_signal(**changes)).plain

    assert plain()
    assert not plain(part=1)
    assert not plain(cause="MERGE", side="SELL", price=D(0))


def test_a_trade_told_in_less_than_micro_units_is_of_the_nearest_ones() -> None:
    text = write_event(a_signal(usdc=D("1.25")))
    trade = trade_in(text.replace('"usdc":"1.25","price"', '"usdc":"1.2500015","price"'))

    assert trade is not None
    assert (trade.plain, trade.usdc, trade.signal().usdc) == (True, 1_250_002, 1_250_002)
