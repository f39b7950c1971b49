"""The matcher's answers: drafts, confirmations, and fills that wait for a second source. Pure."""

from dataclasses import dataclass
from typing import NamedTuple

from detector.domain.emit_rule import EmittedBy
from detector.domain.fill_multiset import FillPiece
from detector.domain.published_record import Witness
from shared.domain.market import Side
from shared.messages.signals import Cause, MarketHint


class FillKey(NamedTuple):
    """The fills that make one signal: one leader's of one token and side in one transaction."""

    leader: str
    tx_hash: str
    token_id: str
    side: Side
    cause: Cause = "TRADE"


@dataclass(frozen=True, slots=True)
class SignalDraft:
    """A signal to publish (or to drop), if the record in Redis is still `expected`; then it becomes `value`."""

    key: FillKey
    part: int
    pieces: tuple[FillPiece, ...]
    expected: str
    value: str
    source: str
    seen_by: tuple[Witness, ...]
    traded_at_ms: int
    hint: MarketHint
    emitted_by: EmittedBy = "first"
    drop: bool = False

    @property
    def seen_at_ms(self) -> int:
        """Return when the deciding source showed what this draft adds."""
        return dict(self.seen_by)[self.source]


class SourceSight(NamedTuple):
    """A source showed a key for the first time, `later` than another one."""

    key: FillKey
    lag_ms: int
    later: bool


class UnconfirmedFill(NamedTuple):
    """What one source shows and no second one yet; `also_seen_by` are all sources that we know to show the key."""

    key: FillKey
    source: str
    seen_at_ms: int
    traded_at_ms: int
    pieces: tuple[FillPiece, ...]
    hint: MarketHint
    also_seen_by: frozenset[str]


class Confirmation(NamedTuple):
    """A source shows what was signalled; `counts` is False for one that is demoted."""

    key: FillKey
    part: int
    source: str
    seen_at_ms: int
    traded_at_ms: int
    first: Witness
    counts: bool


@dataclass(frozen=True, slots=True)
class MatchResult:
    """What a view brought: drafts, fills its source had not shown before, new sights, and what must wait."""

    drafts: tuple[SignalDraft, ...]
    fresh: int
    sights: tuple[SourceSight, ...]
    unconfirmed: tuple[UnconfirmedFill, ...] = ()
