"""A signal is read from a capture's text as from the stream's, whatever was sent."""

from hypothesis import given

from backtest.history.capture_events import signal_in
from shared.domain.errors import Malformed
from shared.messages.events import read_event, write_event
from shared.messages.signals import ActionableSignal
from tests.amounts import D
from tests.buyer.builders import a_signal
from tests.shared.messages.test_value_codec import odd_texts


@given(odd_texts())
def test_what_is_read_of_a_signal_is_what_the_stream_reads_whatever_was_sent(drawn: str) -> None:
    try:
        signal = read_event(drawn)
    except Malformed:
        signal = None

    assert signal_in(drawn) == (signal if isinstance(signal, ActionableSignal) else None)


def test_a_trade_told_in_less_than_micro_units_is_of_the_nearest_ones() -> None:
    text = write_event(a_signal(usdc=D("1.25")))
    signal = signal_in(text.replace('"usdc":"1.25","price"', '"usdc":"1.2500015","price"'))

    assert signal is not None
    assert signal.usdc == 1_250_002
