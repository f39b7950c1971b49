"""A decision's one text: the ledger keeps it, a stream carries it and a line shows it, so it is written once."""

from shared.messages.decisions import BuyEngineDecision
from shared.messages.events import write_event
from shared.messages.recently_made import RecentlyMade

_recent = RecentlyMade(write_event)


def decision_text(decision: BuyEngineDecision) -> str:
    """Return a decision's JSON; the next look at the same one costs nothing, whichever thread's it is."""
    return _recent(decision)
