"""What the matcher remembers of each key, kept small: hundreds of thousands are held at a busy time. Pure.

What was settled stays the text it is in Redis (`detector/domain/published_record`), read only when something new is
shown; what sources tell alike is held once; a key is kept under its digest; a market's hint belongs to its token.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from detector.domain.fill_multiset import FillPiece, merged_pieces, same_pieces
from detector.domain.published_record import PublishedRecord, read_record
from detector.domain.signal_draft import FillKey
from shared.messages.signals import MarketHint
from shared.polymarket.wire.leader_fills import NO_HINT, LeaderFill

MOST_HINTS = 20_000


@dataclass(slots=True, eq=False)
class ShownFills:
    """What one source shows, since when, and for which parts (bits) that is on record."""

    source: str
    at_ms: int
    pieces: tuple[FillPiece, ...] = ()
    told: int = 0


@dataclass(slots=True, eq=False)
class MatchState:
    """One key's state. `text` is what we know to be settled, `stored` what the server said last: mostly the same.

    `unsettled` means that something shown may not be settled yet.
    """

    traded_at_ms: int
    touched_at_ms: int
    exact_time: bool = True
    shown: tuple[ShownFills, ...] = ()
    text: str = ""
    stored: str = ""
    closed: bool = False
    unsettled: bool = True

    @property
    def settled(self) -> tuple[PublishedRecord, ...]:
        """Return the parts that are out."""
        return (read_record(self.text) or ()) if self.text else ()

    @property
    def pieces(self) -> dict[str, tuple[FillPiece, ...]]:
        """Return what each source shows, the first to show it first."""
        return {each.source: each.pieces for each in self.shown}

    def of(self, source: str) -> ShownFills | None:
        """Return what a source shows."""
        return next((each for each in self.shown if each.source == source), None)

    def grow(self, source: str, fills: Iterable[LeaderFill], at_ms: int) -> int:
        """Add what a source shows that it had not; return how many fills that is."""
        known = self.of(source)
        had = known.pieces if known else ()
        pieces = merged_pieces(had, fills)
        if pieces is had:
            return 0
        if known is None:
            known = ShownFills(source, at_ms)
            self.shown += (known,)
        known.at_ms, known.pieces = at_ms, pieces
        self._share(known)
        return len(pieces) - len(had)

    def take_time(self, fill: LeaderFill) -> None:
        """Take the block's own time in place of a push's estimate (pitfall 14)."""
        if fill.exact_time:
            known_ms = self.traded_at_ms if self.exact_time else 0
            self.traded_at_ms, self.exact_time = max(known_ms, fill.traded_at_ms), True

    def _share(self, told: ShownFills) -> None:
        """Hold once what two sources tell alike: in the words of the one that knows the log."""
        for other in self.shown:
            if other is not told and same_pieces(other.pieces, tuple(piece.amount for piece in told.pieces)):
                fuller = told if told.pieces[0].log_index is not None else other
                told.pieces = other.pieces = fuller.pieces


class MarketHints:
    """What sources said of tokens' markets; bounded, the oldest go first."""

    def __init__(self, most: int = MOST_HINTS) -> None:
        self._most = most
        self._said: OrderedDict[str, MarketHint] = OrderedDict()

    def note(self, token_id: str, hint: MarketHint) -> None:
        """Take in a hint, unless a whole one is known."""
        known = self._said.get(token_id)
        if hint is NO_HINT or (known is not None and known.condition_id):
            return
        self._said[token_id] = hint
        if len(self._said) > self._most:
            self._said.popitem(last=False)

    def of(self, token_id: str) -> MarketHint:
        """Return what is known of a token."""
        return self._said.get(token_id, NO_HINT)


def name_of(key: FillKey) -> bytes:
    """Return what a key is kept under: a fifth of its own size."""
    return blake2b("|".join(key).encode(), digest_size=16).digest()
