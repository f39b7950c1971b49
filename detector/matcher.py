"""Views of fills in, drafts of signals out: pure, whatever the order, the duplicates and the sources.

A signal is one leader's fills of one token and side in one transaction. Within a view identical rows are distinct
fills; views of one source merge by the larger multiplicity, so what two pages or polls share counts once. The emit rule
says which source decides. What was settled before is never settled again: a larger total makes a supplement of the
difference, an equal or smaller one nothing but a confirmation.

What was settled is a short text (`detector/facts`), kept in Redis beside the signal and compared there before each
publish. So a draft that another process, or an earlier life of this one, made already comes back as `known`, and the
matcher goes on from there.
"""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field

from detector import facts
from detector.drafts import Confirmation, Draft, Key, Look, Sight, Wait
from detector.facts import Amount, Settled, Witness
from detector.pieces import Piece, covers, merge, missing
from detector.rule import FIRST, Decided, EmitRule
from detector.sources.port import View
from shared.events import MarketHint
from shared.polymarket.fills import NO_HINT, LeaderFill

KEEP_MS = 600_000
"""How long a transaction is remembered after it was last seen, whatever the run time (S4)."""
MOST_KEYS = 200_000


@dataclass(slots=True)
class _Seen:
    """One key's state; `unsettled` means that something shown may not be settled yet."""

    traded_at_ms: int
    touched_at_ms: int
    exact_time: bool = True
    hint: MarketHint = NO_HINT
    pieces: dict[str, list[Piece]] = field(default_factory=dict[str, list[Piece]])
    shown_at_ms: dict[str, int] = field(default_factory=dict[str, int])
    settled: tuple[Settled, ...] = ()
    out: tuple[Amount, ...] = ()
    stored: str = ""
    closed: bool = False
    unsettled: bool = True
    told: frozenset[tuple[int, str]] = frozenset()


class Matcher:
    """Remember what each source showed and what was settled; one thread owns it."""

    def __init__(self, rule: EmitRule = FIRST, *, keep_ms: int = KEEP_MS, most: int = MOST_KEYS) -> None:
        self.discounted: Collection[str] = frozenset()
        self._rule, self._keep_ms, self._most = rule, keep_ms, most
        self._seen: OrderedDict[Key, _Seen] = OrderedDict()
        self._confirmed: list[Confirmation] = []

    def __len__(self) -> int:
        return len(self._seen)

    def see(self, view: View) -> Look:
        """Take in one view; return the drafts it calls for, at most one for each key."""
        grouped: dict[Key, list[LeaderFill]] = {}
        for fill in view.fills:
            grouped.setdefault(Key(fill.leader, fill.tx_hash, fill.token_id, fill.side), []).append(fill)
        drafts: list[Draft] = []
        sights: list[Sight] = []
        waits: list[Wait] = []
        fresh = 0
        for key, fills in grouped.items():
            state = self._touch(key, fills, view)
            if view.source not in state.pieces:
                sights.append(Sight(key, view.seen_at_ms - state.traded_at_ms, bool(state.pieces)))
            fresh += self._grow(key, state, fills, view)
            if state.unsettled:
                draft, wait = self._draft(key, state), self._wait(key, state, view.source)
                state.unsettled = draft is not None or wait is not None
                drafts += [draft] if draft else []
                waits += [wait] if wait else []
        self._forget(view.seen_at_ms)
        return Look(tuple(drafts), fresh, tuple(sights), tuple(waits))

    def overdue(self, key: Key) -> Draft | None:
        """Return what to do about what still waits for a second source when its time is over, if it does."""
        state = self._seen.get(key)
        return self._ended(key, state) if state else None

    def published(self, draft: Draft) -> None:
        """Note that `draft` is out (or dropped)."""
        state = self._seen.get(draft.key)
        if state:
            self._remember(draft.key, state, draft.value)

    def known(self, draft: Draft, value: str) -> Draft | None:
        """Note that `value` was settled already; return what is still missing from it, if anything.

        An empty `value` means that the server forgot (it was emptied): what this process knows to be out stays out.
        """
        state = self._seen.get(draft.key)
        if state is None:
            return None
        if value:
            self._remember(draft.key, state, value)
        state.stored = value
        return self._ended(draft.key, state) if draft.emitted_by == "unconfirmed" else self._draft(draft.key, state)

    def expired(self, draft: Draft) -> None:
        """Note that `draft` is older than what the server remembers: it counts as published, for good."""
        state = self._seen.get(draft.key)
        if state:
            state.closed = True

    def take_confirmations(self) -> tuple[Confirmation, ...]:
        """Return who showed what was signalled by another, each once, since the last call."""
        found, self._confirmed = tuple(self._confirmed), []
        return found

    def _touch(self, key: Key, fills: list[LeaderFill], view: View) -> _Seen:
        state = self._seen.get(key)
        if state is None:
            state = self._seen[key] = _Seen(fills[0].traded_at_ms, view.seen_at_ms, exact_time=fills[0].exact_time)
        else:
            self._seen.move_to_end(key)
            if fills[0].exact_time:  # a push's time is an estimate: the block's own replaces it (trap 14)
                known_ms = state.traded_at_ms if state.exact_time else 0
                state.traded_at_ms, state.exact_time = max(known_ms, fills[0].traded_at_ms), True
        state.touched_at_ms = view.seen_at_ms
        if not state.hint.condition_id:
            state.hint = fills[0].hint
        return state

    def _grow(self, key: Key, state: _Seen, fills: list[LeaderFill], view: View) -> int:
        grown = merge(state.pieces.setdefault(view.source, []), fills)
        if grown:
            state.unsettled = True
            state.shown_at_ms[view.source] = view.seen_at_ms
            if state.settled:
                self._confirm(key, state)
        return grown

    def _draft(self, key: Key, state: _Seen) -> Draft | None:
        return self._drafted(key, state, self._rule.decide(state.pieces, self.discounted))

    def _ended(self, key: Key, state: _Seen) -> Draft | None:
        agreed = self._draft(key, state)
        return agreed or self._drafted(key, state, self._rule.at_the_end(state.pieces), drop=self._rule.drop)

    def _drafted(self, key: Key, state: _Seen, decided: Decided | None, *, drop: bool = False) -> Draft | None:
        if decided is None or state.closed:
            return None
        left = missing(decided.pieces, state.out)
        if not left:
            return None
        drop = drop and decided.emitted_by == "unconfirmed"
        amounts = tuple(piece.amount for piece in left)
        seen_by = _witnesses(state, decided.source, (*facts.amounts_of(state.settled, dropped=False), *amounts))
        return Draft(
            key=key,
            part=len(state.settled),
            pieces=left,
            expected=state.stored,
            value=facts.write((*state.settled, Settled(amounts, seen_by, drop))),
            source=decided.source,
            seen_by=seen_by,
            traded_at_ms=state.traded_at_ms,
            hint=state.hint,
            emitted_by=decided.emitted_by,
            drop=drop,
        )

    def _wait(self, key: Key, state: _Seen, source: str) -> Wait | None:
        pieces = tuple(state.pieces[source])
        if not self._rule.confirmed or state.closed or not missing(pieces, state.out):
            return None
        at_ms, known = state.shown_at_ms[source], frozenset(state.pieces)
        return Wait(key, source, at_ms, state.traded_at_ms, pieces, state.hint, known)

    def _remember(self, key: Key, state: _Seen, value: str) -> None:
        found = facts.read(value)
        state.stored = value
        if found is None:
            state.closed = True
            return
        state.settled, state.out = found, facts.amounts_of(found)
        self._confirm(key, state)

    def _confirm(self, key: Key, state: _Seen) -> None:
        """Note each source that shows a part which others signalled, once."""
        upto: tuple[Amount, ...] = ()
        for part, settled in enumerate(state.settled):
            if settled.dropped or not settled.witnesses:
                continue
            upto += settled.amounts
            were = dict(settled.witnesses)
            for source, pieces in state.pieces.items():
                if source in were or (part, source) in state.told or not covers(pieces, upto):
                    continue
                state.told |= {(part, source)}
                at_ms, counts = state.shown_at_ms[source], source not in self.discounted
                first = settled.witnesses[0]
                self._confirmed.append(Confirmation(key, part, source, at_ms, state.traded_at_ms, first, counts))

    def _forget(self, now_ms: int) -> None:
        while self._seen:
            key, state = next(iter(self._seen.items()))
            if len(self._seen) <= self._most and state.touched_at_ms >= now_ms - self._keep_ms:
                return
            del self._seen[key]


def _witnesses(state: _Seen, source: str, amounts: tuple[Amount, ...]) -> tuple[Witness, ...]:
    """Return who shows all of this, first to last."""
    if len(state.pieces) == 1:
        return ((source, state.shown_at_ms[source]),)
    seen = [name for name, pieces in state.pieces.items() if name == source or covers(pieces, amounts)]
    return tuple(sorted(((name, state.shown_at_ms[name]) for name in seen), key=lambda witness: witness[1]))
