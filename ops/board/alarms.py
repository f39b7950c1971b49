"""What a person has to look at, each with its fix: the same list for every face and for alerts. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from ops.board.board_state import Alarm, BoardState, ServiceAge, SourceAge
from ops.board.money_rows import CapUse, Position
from ops.board.state_word import service_words
from shared.domain.money import micro_text
from shared.domain.value import Value

NEAR_PCT = 80
"""Percent of a limit from which on it is said."""


class BoardTroubles(Value, frozen=True, kw_only=True):
    """What the ledger's records tell of trouble: where the wallet differs, what waits, what did not pay."""

    gaps: tuple[str, ...] = ()
    waiting_exits: int = 0
    redemption_alarms: int = 0
    redemptions_halted: bool = False
    idle_shards: tuple[str, ...] = ()
    unresolved: int = 0


def board_alarms(
    state: BoardState,
    services: Sequence[ServiceAge],
    sources: Sequence[SourceAge],
    positions: Sequence[Position],
    caps: Sequence[CapUse],
    troubles: BoardTroubles,
) -> tuple[Alarm, ...]:
    """Return every alarm, the critical ones first."""
    found = [
        *_of_state(state),
        *_of_services(services),
        *_of_troubles(troubles),
        *_of_sources(sources, state),
        *_of_caps(caps),
        *_of_marks(positions),
    ]
    return tuple(sorted(found, key=lambda one: one.severity != "critical"))


def _of_state(state: BoardState) -> Iterator[Alarm]:
    by = f" by {state.who}" if state.who else ""
    why = f": {state.why}" if state.why else ""
    if state.word == "killed":
        yield _critical("killed", f"the kill switch is on{by}{why}", "`hybrid resume`", state.since_ms)
    elif state.word in {"paused", "sells only", "flattening"}:
        fix = "`hybrid resume` turns it off"
        yield Alarm(
            name=state.word, severity="warning", text=f"{state.word}{by}{why}", fix=fix, since_ms=state.since_ms
        )
    elif state.word in {"stopped", "away"}:
        fix = "start it: `hybrid up`" if state.word == "stopped" else "it goes on by itself once they answer"
        yield _critical(state.word, f"{state.word}{why}", fix)


def _of_services(services: Iterable[ServiceAge]) -> Iterator[Alarm]:
    for one in services:
        if one.lost:
            fix = "its log says why; the supervisor starts it again"
            yield _critical(f"lost:{one.service}:{one.instance}", service_words(one), fix)


def _of_troubles(troubles: BoardTroubles) -> Iterator[Alarm]:
    for gap in troubles.gaps:
        yield _critical(f"wallet:{gap}", f"the wallet differs: {gap}", "`hybrid reconcile` shows what settles it")
    if troubles.idle_shards:
        yield _critical("idle", f"nobody decides on shard {', '.join(troubles.idle_shards)}", "start a buyer")
    if troubles.redemption_alarms:
        text = f"{troubles.redemption_alarms} redemption(s) did not bring what was owed"
        yield _critical("redemptions", text, "`hybrid redeem` shows them")
    if troubles.waiting_exits:
        text = f"{troubles.waiting_exits} exit(s) wait at their floor"
        yield _critical("exits", text, "wait, or `hybrid sell LOT --floor PRICE`")
    if troubles.redemptions_halted:
        yield Alarm(name="halted", severity="warning", text="redemptions are switched off", fix="`hybrid resume`")
    if troubles.unresolved:
        text = f"{troubles.unresolved} order(s) whose outcome is not known"
        yield Alarm(name="unknown", severity="warning", text=text, fix="`hybrid reconcile` shows them")


def _of_sources(sources: Sequence[SourceAge], state: BoardState) -> Iterator[Alarm]:
    if state.word == "away":
        return
    for one in sources:
        if one.state not in {"ok", "starting", "stopped"}:
            text = f"source {one.name} is {one.state}" + (f": {one.why}" if one.why else "")
            yield Alarm(name=f"source:{one.name}", severity="warning", text=text, fix="the others go on without it")


def _of_caps(caps: Iterable[CapUse]) -> Iterator[Alarm]:
    for cap in caps:
        if cap.used is not None and cap.used * 100 >= cap.limit * NEAR_PCT:
            full = cap.used >= cap.limit
            text = f"{cap.name}: {micro_text(cap.used)} of {micro_text(cap.limit)} {cap.scope}"
            text += f" ({cap.of})" if cap.of else ""
            fix = "nothing more is bought there" if full else "buys stop at the limit"
            yield Alarm(name=f"cap:{cap.name}", severity="warning", text=text, fix=fix)


def _of_marks(positions: Sequence[Position]) -> Iterator[Alarm]:
    old = sum(one.stale for one in positions)
    if old:
        yield Alarm(
            name="marks", severity="warning", text=f"{old} position(s) with an old mark", fix="it needs a running buyer"
        )


def _critical(name: str, text: str, fix: str, since_ms: int | None = None) -> Alarm:
    return Alarm(name=name, severity="critical", text=text, fix=fix, since_ms=since_ms)
