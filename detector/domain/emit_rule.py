"""The emit rule: whether a sighting becomes a signal at once, or needs a second source. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from detector.domain.fill_multiset import FillPiece, total_shares

EmittedBy = Literal["first", "confirmed", "unconfirmed"]


class RuleDecision(NamedTuple):
    """The source whose pieces become the signal, and by which clause of the rule."""

    source: str
    pieces: Sequence[FillPiece]
    emitted_by: EmittedBy


@dataclass(frozen=True, slots=True)
class EmitRule:
    """`first`: whatever any source shows. `confirmed`: what two independent sources show, each by its own upstream.

    What only one source shows for `within_ms` is then emitted all the same, or dropped for ever.
    """

    confirmed: bool = False
    within_ms: int = 30_000
    drop: bool = False

    def decide(self, shown: Mapping[str, Sequence[FillPiece]], discounted: Collection[str]) -> RuleDecision | None:
        """Return what may be signalled now; the source that shows most decides, or the second most where two must.

        `discounted` sources are demoted: they may be first, but their word confirms nothing (pitfall 9).
        """
        if not self.confirmed:
            return self._most(shown, "first")
        # The second most decides: so much at least two sources agree on.
        counting = sorted(
            ((source, pieces) for source, pieces in shown.items() if source not in discounted),
            key=lambda item: -total_shares(item[1]),
        )
        return RuleDecision(*counting[1], "confirmed") if len(counting) > 1 else None

    def decide_overdue(self, shown: Mapping[str, Sequence[FillPiece]]) -> RuleDecision | None:
        """Return what only one source shows when the time is over."""
        return self._most(shown, "unconfirmed" if self.confirmed else "first")

    def _most(self, shown: Mapping[str, Sequence[FillPiece]], emitted_by: EmittedBy) -> RuleDecision | None:
        if not shown:
            return None
        if len(shown) == 1:
            ((source, pieces),) = shown.items()
        else:
            source, pieces = max(shown.items(), key=lambda item: total_shares(item[1]))
        return RuleDecision(source, pieces, emitted_by)


FIRST = EmitRule()
