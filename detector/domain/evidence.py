"""Evidence for fills that only one node's log shows: what can be asked for it, and what it says. Pure."""

from collections.abc import Sequence
from typing import Protocol

from detector.domain.signal_draft import UnconfirmedFill
from shared.polymarket.wire.leader_fills import LeaderFill

Shown = tuple[LeaderFill, ...]


class Evidence(Protocol):
    """Something that vouches for fills; `name` is how its word is called as a source."""

    name: str

    def look_for(self, fills: Sequence[UnconfirmedFill]) -> list[Shown]:
        """Return what it holds of each fill's key, nothing while it does not.

        Raises:
            TryAgain: it cannot be asked now. GiveUp: not so many at once.
        """
        ...


def of_key(fill: UnconfirmedFill, shown: Shown) -> Shown:
    """Return those fills that are of the same token and side."""
    return tuple(one for one in shown if (one.token_id, one.side) == (fill.key.token_id, fill.key.side))
