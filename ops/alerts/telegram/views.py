"""What a chat is shown: short texts of how it stands, what is held, what it brought, and a trade's story."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Protocol

from redis import Redis

from ops.alerts.domain.board_texts import MONEY, pnl_lines, position_lines, status_lines
from ops.alerts.look_reader import traded_modes
from ops.board.board import Board
from ops.domain.fill_timeline import SHORTEST, FillTimeline, find_stories, tell_story
from ops.operator.board_reader import read_board
from ops.recording.event_source import of_streams
from shared.domain.errors import BadConfig
from shared.domain.money import from_micro
from shared.domain.trading_words import MODES
from shared.ledger.redis_ledger import RedisLedger
from shared.process.beats import read_standings, server_ms


class ChatViews(Protocol):
    """What can be shown."""

    def show(self, name: str, rest: str) -> str:
        """Return the text of `status`, `positions`, `pnl` or `why`."""
        ...


class ServerViews:
    """Texts about the pipeline on one server."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def show(self, name: str, rest: str) -> str:
        """Return the text of a command.

        Raises:
            BadConfig: nothing has the id that `why` is given. Unavailable: the server is away.
        """
        if name == "why":
            return self._why(rest)
        boards = [read_board(self._redis, mode, server_ms(self._redis)) for mode in self._modes()]
        lines = {"status": status_lines, "positions": position_lines, "pnl": _pnl_lines}[name]
        return "\n".join(line for board in boards for line in lines(board)) or "Nothing runs here, nothing is held."

    def _modes(self) -> tuple[str, ...]:
        """Return whose money to show: what is traded now, else what anything is held of."""
        return traded_modes(read_standings(self._redis)) or tuple(
            mode for mode in reversed(MODES) if RedisLedger(self._redis, mode).accounts().values
        )

    def _why(self, wanted: str) -> str:
        if len(wanted) < SHORTEST:
            raise BadConfig(f"/why needs an id: {SHORTEST} digits of a signal, decision, order or transaction")
        past = of_streams(self._redis)
        stories = tell_story(past(), find_stories(past(), wanted))
        if not stories:
            raise BadConfig(f"{wanted}: nothing in the streams begins with it")
        return "\n\n".join("\n".join(_story_lines(story)) for story in stories[:3])


def _pnl_lines(board: Board) -> Iterator[str]:
    yield f"{MONEY.get(board.mode, board.mode)}:"
    yield from (f"  {line}" for line in pnl_lines(board))


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
