"""What a chat is shown: short texts of how it stands, what is held, what it brought, and a trade's story."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Protocol

from redis import Redis

from ops.alerts.ledger_figures import figure_lines
from ops.alerts.look_reader import traded_modes
from ops.domain.fill_timeline import SHORTEST, FillTimeline, find_stories, tell_story
from ops.operator.controls import active, trading_state
from ops.recording.event_source import of_streams
from shared.clock import Clock
from shared.domain.errors import BadConfig
from shared.domain.ledger_accounts import Lot
from shared.domain.money import from_micro
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.process.beats import read_standings, standing_text

_MOST_LOTS = 20
_MONEY = {"live": "REAL MONEY", "paper": "paper"}


class ChatViews(Protocol):
    """What can be shown."""

    def show(self, name: str, rest: str) -> str:
        """Return the text of `status`, `positions`, `pnl` or `why`."""
        ...


class ServerViews:
    """Texts about the pipeline on one server."""

    def __init__(self, redis: Redis, clock: Clock) -> None:
        self._redis, self._clock = redis, clock

    def show(self, name: str, rest: str) -> str:
        """Return the text of a command.

        Raises:
            BadConfig: nothing has the id that `why` is given. Unavailable: the server is away.
        """
        if name == "why":
            return self._why(rest)
        lines = {"status": self._status, "positions": self._positions, "pnl": self._pnl}[name]
        return (
            "\n".join(line for mode in self._modes() for line in lines(mode))
            or "Nothing runs here, and nothing is held."
        )

    def _modes(self) -> tuple[str, ...]:
        """Return whose money to show: what is traded now, else what anything is held of."""
        return traded_modes(read_standings(self._redis)) or tuple(
            mode for mode in ("live", "paper") if RedisLedger(self._redis, mode).accounts().values
        )

    def _status(self, mode: str) -> Iterator[str]:
        values = RedisLedger(self._redis, mode).accounts().values
        yield f"{_MONEY[mode]}: {trading_state(values)}"
        yield from (f"  {control.words}" for control in active(self._redis, mode))
        standings = read_standings(self._redis)
        yield from (f"  DOES NOT WORK: {standing_text(one)}" for one in standings if one.lost)
        working = sorted({one.service for one in standings if one.working})
        yield f"  works: {', '.join(working) or 'nothing'}"
        yield from (f"  {line}" for line in figure_lines(self._redis, mode, self._clock.now_ms()))

    def _positions(self, mode: str) -> Iterator[str]:
        lots = open_lots(RedisLedger(self._redis, mode))
        cost = sum(lot.cost for lot in lots)
        yield f"{_MONEY[mode]}: {len(lots)} open, cost {from_micro(cost):,.2f} pUSD"
        yield from (f"  {_lot_line(lot)}" for lot in lots[-_MOST_LOTS:])
        if len(lots) > _MOST_LOTS:
            yield f"  and {len(lots) - _MOST_LOTS} older ones: hybrid positions"

    def _pnl(self, mode: str) -> Iterator[str]:
        yield f"{_MONEY[mode]}:"
        yield from (f"  {line}" for line in figure_lines(self._redis, mode, self._clock.now_ms()))

    def _why(self, wanted: str) -> str:
        if len(wanted) < SHORTEST:
            raise BadConfig(f"/why needs an id: {SHORTEST} digits of a signal, decision, order or transaction")
        past = of_streams(self._redis)
        stories = tell_story(past(), find_stories(past(), wanted))
        if not stories:
            raise BadConfig(f"{wanted}: nothing in the streams begins with it")
        return "\n\n".join("\n".join(_story_lines(story)) for story in stories[:3])


def _lot_line(lot: Lot) -> str:
    return f"{lot.title[:60]} · {from_micro(lot.shares):,.2f} shares, cost {from_micro(lot.cost):,.2f}"


def _story_lines(story: FillTimeline) -> Iterator[str]:
    """Say what the leader did, what we decided and why, and what became of it."""
    signal, decision = story.signal, story.decision
    yield f"signal {story.signal_id[:16]}"
    if signal:
        who = signal.leader_label or signal.leader
        amount = f"{from_micro(signal.shares):,.2f} at {from_micro(signal.price):f}"
        yield f"{_moment(signal.traded_at_ms)} {who} {signal.side} {amount}"
        yield f"{signal.market.title} · {signal.market.outcome}"
    if story.dropped:
        yield f"never a signal: {story.dropped.reason}"
    if decision is None:
        yield "not decided yet"
        return
    yield f"{_moment(decision.emitted_at_ms)} {decision.verdict}: {decision.reason}"
    yield from (f"  {rule.rule}: {rule.value} of {rule.limit}" for rule in decision.rules if not rule.passed)
    outcome = story.outcome
    if outcome:
        got = f"{from_micro(outcome.shares):,.2f} shares for {from_micro(outcome.usdc):,.2f}"
        yield f"{outcome.state}: {got} {outcome.reason}".rstrip()
    for paid in story.payments:
        yield f"{_moment(paid.at_ms)} redeemed: {from_micro(paid.lot.payout):,.2f} pUSD"


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%m-%d %H:%M:%S")
