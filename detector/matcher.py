"""Views of fills in, drafts of signals out: pure, whatever the order, the duplicates and the sources.

A signal is one leader's fills of one token and side in one transaction. Within a view identical rows are distinct
fills; views of one source merge by the larger multiplicity, so what two pages or polls share counts once. The source
that shows most decides. What was published before is never published again: a larger total makes a supplement of the
difference, an equal or smaller one nothing.

What was published is a short text, `parts|shares:usdc,shares:usdc`, kept in Redis beside the signal and compared there
before each publish. So a draft that another process, or an earlier life of this one, made already comes back as
`known`, and the matcher goes on from there.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from detector.sources.port import View
from shared.events import MarketHint
from shared.market import Side
from shared.polymarket.fills import NO_HINT, LeaderFill, Role

KEEP_MS = 600_000
"""How long a transaction is remembered after it was last seen, whatever the run time (S4)."""
MOST_KEYS = 200_000

Amount = tuple[int, int]
"""(shares, usdc) in micro-units."""


class Key(NamedTuple):
    """What makes one signal."""

    leader: str
    tx_hash: str
    token_id: str
    side: Side


class Piece(NamedTuple):
    """One fill of a draft."""

    shares: int
    usdc: int
    log_index: int | None = None
    role: Role | None = None

    @property
    def amount(self) -> Amount:
        """Return what tells fills apart across sources."""
        return self.shares, self.usdc


@dataclass(frozen=True, slots=True)
class Draft:
    """A signal to publish, if what is published now is still `expected`; then it is `value`."""

    key: Key
    part: int
    pieces: tuple[Piece, ...]
    expected: str
    value: str
    source: str
    seen_by: tuple[tuple[str, int], ...]
    traded_at_ms: int
    hint: MarketHint

    @property
    def seen_at_ms(self) -> int:
        """Return when the deciding source showed what this draft adds."""
        return dict(self.seen_by)[self.source]


@dataclass(frozen=True, slots=True)
class Look:
    """What a view brought: drafts, fills its source had not shown before, and the lags where another was first."""

    drafts: tuple[Draft, ...]
    fresh: int
    later_lags_ms: tuple[int, ...]


@dataclass(slots=True)
class _Seen:
    """One key's state."""

    traded_at_ms: int
    touched_at_ms: int
    hint: MarketHint = NO_HINT
    pieces: dict[str, list[Piece]] = field(default_factory=dict[str, list[Piece]])
    shown_at_ms: dict[str, int] = field(default_factory=dict[str, int])
    parts: int = 0
    published: tuple[Amount, ...] = ()
    stored: str = ""
    closed: bool = False


class Matcher:
    """Remember what each source showed and what was published; one thread owns it."""

    def __init__(self, *, keep_ms: int = KEEP_MS, most: int = MOST_KEYS) -> None:
        self._keep_ms, self._most = keep_ms, most
        self._seen: OrderedDict[Key, _Seen] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def see(self, view: View) -> Look:
        """Take in one view; return the drafts it calls for, at most one for each key."""
        grouped: dict[Key, list[LeaderFill]] = {}
        for fill in view.fills:
            grouped.setdefault(Key(fill.leader, fill.tx_hash, fill.token_id, fill.side), []).append(fill)
        drafts: list[Draft] = []
        lags: list[int] = []
        fresh = 0
        for key, fills in grouped.items():
            state = self._touch(key, fills, view)
            if view.source not in state.pieces and state.pieces:
                lags.append(view.seen_at_ms - state.traded_at_ms)
            grown = _merge(state.pieces.setdefault(view.source, []), fills)
            if grown:
                fresh += grown
                state.shown_at_ms[view.source] = view.seen_at_ms
            draft = _draft(key, state)
            drafts += [draft] if draft else []
        self._forget(view.seen_at_ms)
        return Look(tuple(drafts), fresh, tuple(lags))

    def published(self, draft: Draft) -> None:
        """Note that `draft` is out."""
        state = self._seen.get(draft.key)
        if state:
            self._remember(state, draft.value)

    def known(self, draft: Draft, value: str) -> Draft | None:
        """Note that `value` was published already; return what is still missing from it, if anything.

        An empty `value` means that the server forgot (it was emptied): what this process knows to be out stays out.
        """
        state = self._seen.get(draft.key)
        if state is None:
            return None
        if value:
            self._remember(state, value)
        state.stored = value
        return _draft(draft.key, state)

    def expired(self, draft: Draft) -> None:
        """Note that `draft` is older than what the server remembers: it counts as published, for good."""
        state = self._seen.get(draft.key)
        if state:
            state.closed = True

    def _touch(self, key: Key, fills: list[LeaderFill], view: View) -> _Seen:
        state = self._seen.get(key)
        if state is None:
            state = self._seen[key] = _Seen(fills[0].traded_at_ms, view.seen_at_ms)
        else:
            self._seen.move_to_end(key)
        state.touched_at_ms = view.seen_at_ms
        if state.hint == NO_HINT:
            state.hint = fills[0].hint
        return state

    def _remember(self, state: _Seen, value: str) -> None:
        found = _read(value)
        state.stored = value
        if found is None:
            state.closed = True
        else:
            state.parts, state.published = found

    def _forget(self, now_ms: int) -> None:
        while self._seen:
            key, state = next(iter(self._seen.items()))
            if len(self._seen) <= self._most and state.touched_at_ms >= now_ms - self._keep_ms:
                return
            del self._seen[key]


def _merge(known: list[Piece], fills: Iterable[LeaderFill]) -> int:
    """Add what a view has more of than its source had shown; return how many."""
    had = Counter(piece.amount for piece in known)
    before = len(known)
    for fill in fills:
        piece = Piece(fill.shares_micro, fill.usdc_micro, fill.log_index, fill.role)
        if had[piece.amount] > 0:
            had[piece.amount] -= 1
        else:
            known.append(piece)
    return len(known) - before


def _draft(key: Key, state: _Seen) -> Draft | None:
    source, best = max(state.pieces.items(), key=lambda item: sum(piece.shares for piece in item[1]))
    missing = () if state.closed else _missing(best, state.published)
    if not missing:
        return None
    amounts = (*state.published, *(piece.amount for piece in missing))
    return Draft(
        key=key,
        part=state.parts,
        pieces=missing,
        expected=state.stored,
        value=_write(state.parts + 1, amounts),
        source=source,
        seen_by=tuple(sorted(state.shown_at_ms.items(), key=lambda item: item[1])),
        traded_at_ms=state.traded_at_ms,
        hint=state.hint,
    )


def _missing(best: list[Piece], published: tuple[Amount, ...]) -> tuple[Piece, ...]:
    """Return what `best` holds beyond `published`, as its own fills where they can be told apart, else as one."""
    out = Counter(published)
    extra: list[Piece] = []
    for piece in best:
        if out[piece.amount] > 0:
            out[piece.amount] -= 1
        else:
            extra.append(piece)
    if not out.total():
        return tuple(extra)
    shares = sum(piece.shares for piece in best) - sum(amount[0] for amount in published)
    usdc = sum(piece.usdc for piece in best) - sum(amount[1] for amount in published)
    tolerance = max(len(best), len(published))
    if shares <= tolerance or _same_but_for_fee(best, published, usdc):
        return ()
    return (Piece(shares, max(0, usdc)),)


def _same_but_for_fee(best: list[Piece], published: tuple[Amount, ...], usdc: int) -> bool:
    """Say whether the same fills differ in shares only: V1's fee came out of them in some sources (reference B.3)."""
    return len(best) == len(published) and abs(usdc) <= len(best)


def _write(parts: int, amounts: Iterable[Amount]) -> str:
    return f"{parts}|" + ",".join(f"{shares}:{usdc}" for shares, usdc in amounts)


def _read(value: str) -> tuple[int, tuple[Amount, ...]] | None:
    """Return (parts, amounts) of a stored value; None for what we did not write."""
    head, _, body = value.partition("|")
    try:
        pairs = [pair.split(":") for pair in body.split(",") if pair]
        return int(head), tuple((int(shares), int(usdc)) for shares, usdc in pairs)
    except ValueError:
        return None
