"""Views of fills in, drafts of signals out: pure, whatever the order, the duplicates and the sources.

A signal is one leader's fills of one token and side in one transaction. Within a view identical rows are distinct
fills; views of one source merge by the larger multiplicity, so what two pages or polls share counts once. The emit rule
says which source decides. What was settled before is never settled again: a larger total makes a supplement of the
difference, an equal or smaller one nothing but a confirmation.

What was settled is a short text (`detector/domain/published_record`), kept in Redis beside the signal and compared
there before each publish. So a draft that another process, or an earlier life of this one, made already comes back as
`known`, and the matcher goes on from there.
"""

from collections import OrderedDict
from collections.abc import Collection

from detector.domain import published_record
from detector.domain.emit_rule import FIRST, EmitRule, RuleDecision
from detector.domain.fill_multiset import covers_pieces, missing_pieces
from detector.domain.fill_view import View
from detector.domain.match_state import MarketHints, MatchState, ShownFills, name_of
from detector.domain.published_record import Amount, PublishedRecord, Witness
from detector.domain.signal_draft import Confirmation, FillKey, MatcherLook, PendingWait, SignalDraft, SourceSight
from shared.polymarket.wire.leader_fills import LeaderFill

KEEP_MS = 600_000
"""How long a transaction is remembered after it was last seen, whatever the run time (S4)."""
MOST_KEYS = 200_000


class Matcher:
    """Remember what each source showed and what was settled; one thread owns it."""

    def __init__(self, rule: EmitRule = FIRST, *, keep_ms: int = KEEP_MS, most: int = MOST_KEYS) -> None:
        self.discounted: Collection[str] = frozenset()
        self._rule, self._keep_ms, self._most = rule, keep_ms, most
        self._seen: OrderedDict[bytes, MatchState] = OrderedDict()
        self._hints = MarketHints()
        self._confirmed: list[Confirmation] = []

    def __len__(self) -> int:
        return len(self._seen)

    def see(self, view: View) -> MatcherLook:
        """Take in one view; return the drafts it calls for, at most one for each key."""
        grouped: dict[FillKey, list[LeaderFill]] = {}
        for fill in view.fills:
            grouped.setdefault(FillKey(fill.leader, fill.tx_hash, fill.token_id, fill.side, fill.cause), []).append(
                fill
            )
        drafts: list[SignalDraft] = []
        sights: list[SourceSight] = []
        waits: list[PendingWait] = []
        fresh = 0
        for key, fills in grouped.items():
            state = self._touch(key, fills, view)
            if state.of(view.source) is None:
                sights.append(SourceSight(key, view.seen_at_ms - state.traded_at_ms, bool(state.shown)))
            fresh += self._grow(key, state, fills, view)
            if state.unsettled:
                draft, wait = self._draft(key, state), self._wait(key, state, view.source)
                state.unsettled = draft is not None or wait is not None
                drafts += [draft] if draft else []
                waits += [wait] if wait else []
        self._forget(view.seen_at_ms)
        return MatcherLook(tuple(drafts), fresh, tuple(sights), tuple(waits))

    def overdue(self, key: FillKey) -> SignalDraft | None:
        """Return what to do about what still waits for a second source when its time is over, if it does."""
        state = self._seen.get(name_of(key))
        return self._ended(key, state) if state else None

    def published(self, draft: SignalDraft) -> None:
        """Note that `draft` is out (or dropped)."""
        state = self._seen.get(name_of(draft.key))
        if state:
            self._remember(draft.key, state, draft.value)

    def known(self, draft: SignalDraft, value: str) -> SignalDraft | None:
        """Note that `value` was settled already; return what is still missing from it, if anything.

        An empty `value` means that the server forgot (it was emptied): what this process knows to be out stays out.
        """
        state = self._seen.get(name_of(draft.key))
        if state is None:
            return None
        if value:
            self._remember(draft.key, state, value)
        state.stored = value
        return self._ended(draft.key, state) if draft.emitted_by == "unconfirmed" else self._draft(draft.key, state)

    def expired(self, draft: SignalDraft) -> None:
        """Note that `draft` is older than what the server remembers: it counts as published, for good."""
        state = self._seen.get(name_of(draft.key))
        if state:
            state.closed = True

    def take_confirmations(self) -> tuple[Confirmation, ...]:
        """Return who showed what was signalled by another, each once, since the last call."""
        found, self._confirmed = tuple(self._confirmed), []
        return found

    def _touch(self, key: FillKey, fills: list[LeaderFill], view: View) -> MatchState:
        name = name_of(key)
        state = self._seen.get(name)
        if state is None:
            state = self._seen[name] = MatchState(fills[0].traded_at_ms, view.seen_at_ms, fills[0].exact_time)
        else:
            self._seen.move_to_end(name)
            state.take_time(fills[0])
            state.touched_at_ms = view.seen_at_ms
        self._hints.note(key.token_id, fills[0].hint)
        return state

    def _grow(self, key: FillKey, state: MatchState, fills: list[LeaderFill], view: View) -> int:
        grown = state.grow(view.source, fills, view.seen_at_ms)
        if grown:
            state.unsettled = True
            if state.text:
                self._confirm(key, state, state.settled)
        return grown

    def _draft(self, key: FillKey, state: MatchState) -> SignalDraft | None:
        return self._drafted(key, state, self._rule.decide(state.pieces, self.discounted))

    def _ended(self, key: FillKey, state: MatchState) -> SignalDraft | None:
        agreed = self._draft(key, state)
        return agreed or self._drafted(key, state, self._rule.at_the_end(state.pieces), drop=self._rule.drop)

    def _drafted(
        self, key: FillKey, state: MatchState, decided: RuleDecision | None, *, drop: bool = False
    ) -> SignalDraft | None:
        if decided is None or state.closed:
            return None
        settled = state.settled
        left = missing_pieces(decided.pieces, published_record.amounts_of(settled))
        if not left:
            return None
        drop = drop and decided.emitted_by == "unconfirmed"
        amounts = tuple(piece.amount for piece in left)
        seen_by = _witnesses(state, decided.source, (*published_record.amounts_of(settled, dropped=False), *amounts))
        return SignalDraft(
            key=key,
            part=len(settled),
            pieces=left,
            expected=state.stored,
            value=published_record.write_record((*settled, PublishedRecord(amounts, seen_by, drop))),
            source=decided.source,
            seen_by=seen_by,
            traded_at_ms=state.traded_at_ms,
            hint=self._hints.of(key.token_id),
            emitted_by=decided.emitted_by,
            drop=drop,
        )

    def _wait(self, key: FillKey, state: MatchState, source: str) -> PendingWait | None:
        shown = state.of(source)
        if shown is None or not self._rule.confirmed or state.closed:
            return None
        if not missing_pieces(shown.pieces, published_record.amounts_of(state.settled)):
            return None
        known = frozenset(each.source for each in state.shown)
        hint = self._hints.of(key.token_id)
        return PendingWait(key, source, shown.at_ms, state.traded_at_ms, shown.pieces, hint, known)

    def _remember(self, key: FillKey, state: MatchState, value: str) -> None:
        found = published_record.read_record(value)
        state.stored = value
        if found is None:
            state.closed = True
            return
        state.text = value
        self._confirm(key, state, found)

    def _confirm(self, key: FillKey, state: MatchState, parts: tuple[PublishedRecord, ...]) -> None:
        """Note each source that shows a part which others signalled, once."""
        upto: tuple[Amount, ...] = ()
        for part, settled in enumerate(parts):
            if settled.dropped or not settled.witnesses:
                continue
            upto += settled.amounts
            were = {source for source, _ in settled.witnesses}
            for shown in state.shown:
                if shown.source not in were and not shown.told >> part & 1 and covers_pieces(shown.pieces, upto):
                    shown.told |= 1 << part
                    self._confirmed.append(self._confirmation(key, state, part, shown, settled.witnesses[0]))

    def _confirmation(
        self, key: FillKey, state: MatchState, part: int, shown: ShownFills, first: Witness
    ) -> Confirmation:
        counts = shown.source not in self.discounted
        return Confirmation(key, part, shown.source, shown.at_ms, state.traded_at_ms, first, counts)

    def _forget(self, now_ms: int) -> None:
        while self._seen:
            name, state = next(iter(self._seen.items()))
            if len(self._seen) <= self._most and state.touched_at_ms >= now_ms - self._keep_ms:
                return
            del self._seen[name]


def _witnesses(state: MatchState, source: str, amounts: tuple[Amount, ...]) -> tuple[Witness, ...]:
    """Return who shows all of this, first to last."""
    if len(state.shown) == 1:
        return ((source, state.shown[0].at_ms),)
    seen = [each for each in state.shown if each.source == source or covers_pieces(each.pieces, amounts)]
    return tuple(sorted(((each.source, each.at_ms) for each in seen), key=lambda witness: witness[1]))
