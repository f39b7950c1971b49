"""The matcher's memory of each key, made small: there are hundreds of thousands at a busy time. Pure.

What was published or dropped stays the text that it is in Redis (`detector/domain/published_record`), read only when
something new is shown; equal pieces of several sources are stored once; a key is stored under its digest; a market's
hint belongs to its token.
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
"""More tokens than leaders trade in a day; a hint that is gone costs the signal a title, nothing else."""


@dataclass(slots=True, eq=False)
class ShownFills:
    """What one source shows, since when, and of which signals (one bit each) it is a recorded confirmation."""

    source: str
    at_ms: int
    pieces: tuple[FillPiece, ...] = ()
    confirmed_parts: int = 0


@dataclass(slots=True, eq=False)
class MatchState:
    """One key's state. `record_text` is what we know to be out, `server_text` the server's last: mostly the same.

    `undecided` means that something shown may be neither published nor dropped yet.
    """

    traded_at_ms: int
    touched_at_ms: int
    exact_time: bool = True
    shown: tuple[ShownFills, ...] = ()
    record_text: str = ""
    server_text: str = ""
    closed: bool = False
    undecided: bool = True

    @property
    def records(self) -> tuple[PublishedRecord, ...]:
        """Return the record of each signal, or drop, that is out."""
        return (read_record(self.record_text) or ()) if self.record_text else ()

    @property
    def pieces(self) -> dict[str, tuple[FillPiece, ...]]:
        """Return what each source shows, the first to show it first."""
        return {each.source: each.pieces for each in self.shown}

    def shown_by(self, source: str) -> ShownFills | None:
        """Return what a source shows."""
        return next((each for each in self.shown if each.source == source), None)

    def add_fills(self, source: str, fills: Iterable[LeaderFill], at_ms: int) -> int:
        """Add what a source shows that it had not; return how many fills that is."""
        known = self.shown_by(source)
        had = known.pieces if known else ()
        pieces = merged_pieces(had, fills)
        if pieces is had:
            return 0
        if known is None:
            known = ShownFills(source, at_ms)
            self.shown += (known,)
        known.at_ms, known.pieces = at_ms, pieces
        self._share_equal_pieces(known)
        return len(pieces) - len(had)

    def use_exact_time(self, fill: LeaderFill) -> None:
        """Take the block's own time in place of a push's estimate (pitfall 14)."""
        if fill.exact_time:
            known_ms = self.traded_at_ms if self.exact_time else 0
            self.traded_at_ms, self.exact_time = max(known_ms, fill.traded_at_ms), True

    def _share_equal_pieces(self, latest: ShownFills) -> None:
        """Store equal pieces of two sources once, as the one shows them that knows the log index."""
        for other in self.shown:
            if other is not latest and same_pieces(other.pieces, tuple(piece.amount for piece in latest.pieces)):
                fuller = latest if latest.pieces[0].log_index is not None else other
                latest.pieces = other.pieces = fuller.pieces


class MarketHints:
    """Hints of tokens' markets, as sources gave them; bounded, the oldest go first."""

    def __init__(self, most: int = MOST_HINTS) -> None:
        self._most = most
        self._hints: OrderedDict[str, MarketHint] = OrderedDict()

    def add_hint(self, token_id: str, hint: MarketHint) -> None:
        """Take in a hint, unless a whole one is known."""
        known = self._hints.get(token_id)
        if hint is NO_HINT or (known is not None and known.condition_id):
            return
        self._hints[token_id] = hint
        if len(self._hints) > self._most:
            self._hints.popitem(last=False)

    def hint_of(self, token_id: str) -> MarketHint:
        """Return the hint for a token's market."""
        return self._hints.get(token_id, NO_HINT)


def key_digest(key: FillKey) -> bytes:
    """Return the digest that a key is stored under: a fifth of the key's size."""
    return blake2b("|".join(key).encode(), digest_size=16).digest()
