"""The matcher: views of fills in, drafts of signals out, whatever the order, the duplicates and the sources. Pure.

A signal is one leader's fills of one token and side in one transaction. Within a view identical rows are distinct
fills; views of one source merge by the larger multiplicity, so what two pages or polls share counts once. The emit rule
says which source decides. What is out is never published again: a larger total makes a supplement of the difference,
an equal or smaller one nothing but a confirmation.

What is out is a short text (`detector/domain/published_record`), stored in Redis beside the signal and compared there
before each publish. So a draft that another process, or this one before its restart, made already comes back with the
newer text (`adopt_record`), and the matcher goes on from there.
"""

from collections import OrderedDict
from collections.abc import Collection

from detector.domain import published_record
from detector.domain.emit_rule import FIRST, EmitRule, RuleDecision
from detector.domain.fill_multiset import covers_pieces, missing_pieces
from detector.domain.fill_view import FillView
from detector.domain.match_state import MarketHints, MatchState, ShownFills, key_digest
from detector.domain.published_record import Amount, PublishedRecord, Witness
from detector.domain.signal_draft import Confirmation, FillKey, MatchResult, SignalDraft, SourceSight, UnconfirmedFill
from shared.polymarket.wire.leader_fills import LeaderFill

KEEP_MS = 600_000
"""How long a transaction is remembered after it was last seen, whatever the run time (S4)."""
MOST_KEYS = 200_000
"""Bound of the memory (S4); the oldest keys leave, and the record in Redis keeps them from being published twice."""


class Matcher:
    """Remember what each source showed and what is out; one thread owns it."""

    def __init__(self, rule: EmitRule = FIRST, *, keep_ms: int = KEEP_MS, most: int = MOST_KEYS) -> None:
        self.discounted: Collection[str] = frozenset()
        self._rule, self._keep_ms, self._most = rule, keep_ms, most
        self._states: OrderedDict[bytes, MatchState] = OrderedDict()
        self._hints = MarketHints()
        self._confirmed: list[Confirmation] = []

    def __len__(self) -> int:
        return len(self._states)

    def match_view(self, view: FillView) -> MatchResult:
        """Take in one view; return the drafts it calls for, at most one for each key."""
        grouped: dict[FillKey, list[LeaderFill]] = {}
        for fill in view.fills:
            grouped.setdefault(FillKey(fill.leader, fill.tx_hash, fill.token_id, fill.side, fill.cause), []).append(
                fill
            )
        drafts: list[SignalDraft] = []
        sights: list[SourceSight] = []
        unconfirmed: list[UnconfirmedFill] = []
        fresh = 0
        for key, fills in grouped.items():
            state = self._touch(key, fills, view)
            if state.shown_by(view.source) is None:
                sights.append(SourceSight(key, view.seen_at_ms - state.traded_at_ms, bool(state.shown)))
            fresh += self._add_fills(key, state, fills, view)
            if state.undecided:
                draft, waiting = self._draft(key, state), self._unconfirmed(key, state, view.source)
                state.undecided = draft is not None or waiting is not None
                drafts += [draft] if draft else []
                unconfirmed += [waiting] if waiting else []
        self._forget(view.seen_at_ms)
        return MatchResult(tuple(drafts), fresh, tuple(sights), tuple(unconfirmed))

    def overdue_draft(self, key: FillKey) -> SignalDraft | None:
        """Return the draft for what no second source confirmed in time, if there is anything left."""
        state = self._states.get(key_digest(key))
        return self._overdue_draft(key, state) if state else None

    def mark_published(self, draft: SignalDraft) -> None:
        """Note that `draft` is out (or dropped)."""
        state = self._states.get(key_digest(draft.key))
        if state:
            self._apply_record(draft.key, state, draft.value)

    def adopt_record(self, draft: SignalDraft, value: str) -> SignalDraft | None:
        """Take over `value`, which others published already; return the draft of what it lacks, if anything.

        An empty `value` means that the server forgot (it was emptied): what this process knows to be out stays out.
        """
        state = self._states.get(key_digest(draft.key))
        if state is None:
            return None
        if value:  # empty only where the server forgot
            self._apply_record(draft.key, state, value)
        state.server_text = value
        return (
            self._overdue_draft(draft.key, state)
            if draft.emitted_by == "unconfirmed"
            else self._draft(draft.key, state)
        )

    def mark_expired(self, draft: SignalDraft) -> None:
        """Note that `draft` is older than what the server remembers: it counts as published, for good."""
        state = self._states.get(key_digest(draft.key))
        if state:
            state.closed = True

    def drain_confirmations(self) -> tuple[Confirmation, ...]:
        """Return who showed what was signalled by another, each once, since the last call."""
        found, self._confirmed = tuple(self._confirmed), []
        return found

    def _touch(self, key: FillKey, fills: list[LeaderFill], view: FillView) -> MatchState:
        name = key_digest(key)
        state = self._states.get(name)
        if state is None:
            state = self._states[name] = MatchState(fills[0].traded_at_ms, view.seen_at_ms, fills[0].exact_time)
        else:
            self._states.move_to_end(name)
            state.use_exact_time(fills[0])
            state.touched_at_ms = view.seen_at_ms
        self._hints.add_hint(key.token_id, fills[0].hint)
        return state

    def _add_fills(self, key: FillKey, state: MatchState, fills: list[LeaderFill], view: FillView) -> int:
        added = state.add_fills(view.source, fills, view.seen_at_ms)
        if added:
            state.undecided = True
            if state.record_text:
                self._confirm(key, state, state.records)
        return added

    def _draft(self, key: FillKey, state: MatchState) -> SignalDraft | None:
        return self._draft_of(key, state, self._rule.decide(state.pieces, self.discounted))

    def _overdue_draft(self, key: FillKey, state: MatchState) -> SignalDraft | None:
        agreed = self._draft(key, state)
        return agreed or self._draft_of(key, state, self._rule.decide_overdue(state.pieces), drop=self._rule.drop)

    def _draft_of(
        self, key: FillKey, state: MatchState, decided: RuleDecision | None, *, drop: bool = False
    ) -> SignalDraft | None:
        if decided is None or state.closed:
            return None
        recorded = state.records
        left = missing_pieces(decided.pieces, published_record.amounts_of(recorded))
        if not left:
            return None
        # Only what nobody confirmed may be dropped; what two sources agree on is a signal whenever it is decided.
        drop = drop and decided.emitted_by == "unconfirmed"
        amounts = tuple(piece.amount for piece in left)
        seen_by = _witnesses(state, decided.source, (*published_record.amounts_of(recorded, dropped=False), *amounts))
        return SignalDraft(
            key=key,
            part=len(recorded),
            pieces=left,
            expected=state.server_text,
            value=published_record.write_record((*recorded, PublishedRecord(amounts, seen_by, drop))),
            source=decided.source,
            seen_by=seen_by,
            traded_at_ms=state.traded_at_ms,
            hint=self._hints.hint_of(key.token_id),
            emitted_by=decided.emitted_by,
            drop=drop,
        )

    def _unconfirmed(self, key: FillKey, state: MatchState, source: str) -> UnconfirmedFill | None:
        shown = state.shown_by(source)
        if shown is None or not self._rule.waits_with(source) or state.closed:
            return None
        if not missing_pieces(shown.pieces, published_record.amounts_of(state.records)):
            return None
        also_seen_by = frozenset(each.source for each in state.shown)
        hint = self._hints.hint_of(key.token_id)
        return UnconfirmedFill(key, source, shown.at_ms, state.traded_at_ms, shown.pieces, hint, also_seen_by)

    def _apply_record(self, key: FillKey, state: MatchState, value: str) -> None:
        found = published_record.read_record(value)
        state.server_text = value
        if found is None:  # written by a version we do not know: publishing beside it could repeat a signal
            state.closed = True
            return
        state.record_text = value
        self._confirm(key, state, found)

    def _confirm(self, key: FillKey, state: MatchState, parts: tuple[PublishedRecord, ...]) -> None:
        """Note each source that shows what others signalled, once for each signal."""
        upto: tuple[Amount, ...] = ()
        for part, record in enumerate(parts):
            if record.dropped or not record.witnesses:
                continue
            upto += record.amounts
            were = {source for source, _ in record.witnesses}
            for shown in state.shown:
                if (
                    shown.source not in were
                    and not shown.confirmed_parts >> part & 1
                    and covers_pieces(shown.pieces, upto)
                ):
                    shown.confirmed_parts |= 1 << part
                    self._confirmed.append(self._confirmation(key, state, part, shown, record.witnesses[0]))

    def _confirmation(
        self, key: FillKey, state: MatchState, part: int, shown: ShownFills, first: Witness
    ) -> Confirmation:
        counts = shown.source not in self.discounted
        return Confirmation(key, part, shown.source, shown.at_ms, state.traded_at_ms, first, counts)

    def _forget(self, now_ms: int) -> None:
        while self._states:
            name, state = next(iter(self._states.items()))
            if len(self._states) <= self._most and state.touched_at_ms >= now_ms - self._keep_ms:
                return
            del self._states[name]


def _witnesses(state: MatchState, source: str, amounts: tuple[Amount, ...]) -> tuple[Witness, ...]:
    """Return who shows all of this, first to last."""
    if len(state.shown) == 1:
        return ((source, state.shown[0].at_ms),)
    seen = [each for each in state.shown if each.source == source or covers_pieces(each.pieces, amounts)]
    return tuple(sorted(((each.source, each.at_ms) for each in seen), key=lambda witness: witness[1]))
