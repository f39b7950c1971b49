"""A decision's text: the same as the codec writes, made once for the thread that goes on with it."""

from msgspec.structs import replace

from buyer.execution.decision_text import decision_text
from shared.messages.events import write_event
from tests.buyer.execution.test_order_writes import a_decision


def test_it_is_the_events_one_form_whatever_was_written_before() -> None:
    first = a_decision("BUY", "live")
    second = replace(first, reason="another")

    texts = [decision_text(decision) for decision in (first, second, first)]

    assert texts == [write_event(decision) for decision in (first, second, first)]


def test_the_same_decision_has_the_same_text_again() -> None:
    decision = a_decision("BUY", "live")

    assert decision_text(decision) is decision_text(decision)
