"""The emit rule: whether a sighting becomes a signal at once, or needs a second source. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from detector.domain.fill_multiset import FillPiece, total_shares
from shared.domain.witnesses import NODES

EmittedBy = Literal["first", "confirmed", "unconfirmed"]
Shown = Mapping[str, Sequence[FillPiece]]
"""What each source shows, the first to show it first."""


class RuleDecision(NamedTuple):
    """The source whose pieces become the signal, and by which clause of the rule."""

    source: str
    pieces: Sequence[FillPiece]
    emitted_by: EmittedBy


@dataclass(frozen=True, slots=True)
class EmitRule:
    """`first`: whatever any source shows. `confirmed`: what two independent sources show, each by its own upstream.

    `corroborated`: what the venue's own feeds show, at once; what only nodes show when two of them do (pitfall 48).
    What is not shown so for `within_ms` is then emitted all the same, or dropped for ever.
    """

    confirmed: bool = False
    within_ms: int = 30_000
    drop: bool = False
    corroborated: bool = False

    def waits_with(self, source: str) -> bool:
        """Say whether what this source alone shows has to wait for another."""
        return self.confirmed or (self.corroborated and source in NODES)

    def decide(self, shown: Shown, discounted: Collection[str]) -> RuleDecision | None:
        """Return what may be signalled now; the source that shows most decides, or the second most where two must.

        `discounted` sources are demoted: they may be first, but their word confirms nothing (pitfall 9).
        """
        if self.corroborated:
            return _corroborated(shown, discounted)
        return _agreed(shown, discounted) if self.confirmed else _most(shown, "first")

    def decide_overdue(self, shown: Shown) -> RuleDecision | None:
        """Return what is shown when the time is over, by however few."""
        return _most(shown, "unconfirmed" if self.confirmed or self.corroborated else "first")


def _corroborated(shown: Shown, discounted: Collection[str]) -> RuleDecision | None:
    """Return the larger of what the venue shows and what two nodes agree on."""
    said_by_venue = {source: pieces for source, pieces in shown.items() if source not in NODES}
    if len(said_by_venue) == len(shown):
        return _most(shown, "first")
    venue = _most(said_by_venue, "confirmed")
    nodes = _agreed({source: pieces for source, pieces in shown.items() if source in NODES}, discounted)
    return max(filter(None, (venue, nodes)), key=lambda one: total_shares(one.pieces), default=None)


def _agreed(shown: Shown, discounted: Collection[str]) -> RuleDecision | None:
    """Return what at least two sources agree on: the second most decides."""
    counting = sorted(
        ((source, pieces) for source, pieces in shown.items() if source not in discounted),
        key=lambda item: -total_shares(item[1]),
    )
    return RuleDecision(*counting[1], "confirmed") if len(counting) > 1 else None


def _most(shown: Shown, emitted_by: EmittedBy) -> RuleDecision | None:
    if not shown:
        return None
    if len(shown) == 1:
        ((source, pieces),) = shown.items()
    else:
        source, pieces = max(shown.items(), key=lambda item: total_shares(item[1]))
    return RuleDecision(source, pieces, emitted_by)


FIRST = EmitRule()
