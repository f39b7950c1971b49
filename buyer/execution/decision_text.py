"""A decision's one text: the ledger keeps it, a stream carries it and a line shows it, so it is written once."""

import threading

from shared.messages.decisions import BuyEngineDecision
from shared.messages.events import write_event


class _LastWritten(threading.local):
    """The decision that a thread wrote last, and its text."""

    decision: BuyEngineDecision | None = None
    text = ""


_last = _LastWritten()


def decision_text(decision: BuyEngineDecision) -> str:
    """Return a decision's JSON; the same thread's next look at the same one costs nothing."""
    if _last.decision is not decision:
        _last.text = write_event(decision)
        _last.decision = decision
    return _last.text
