"""The boards of what is traded, read at most every half minute: limits, alarms and the lines of a digest."""

from redis import Redis

from ops.alerts.domain.board_texts import MONEY, figure_lines, limits_of, standing_alarms
from ops.alerts.look_reader import Figures
from ops.operator.board_reader import read_board
from shared.clock import Clock
from shared.process.beats import server_ms

EVERY_S = 30.0


class BoardFigures:
    """Reads the figures of each ledger."""

    def __init__(self, redis: Redis, clock: Clock) -> None:
        self._redis, self._clock = redis, clock
        self._read_at: dict[str, float] = {}
        self._found: dict[str, Figures] = {}

    def read(self, mode: str) -> Figures:
        """Return the figures of one ledger, half a minute old at most. Raises Unavailable when the server is away."""
        now = self._clock.monotonic()
        if now - self._read_at.get(mode, now - EVERY_S) >= EVERY_S:
            board = read_board(self._redis, mode, server_ms(self._redis))
            lines = (f"{MONEY[mode]}:", *figure_lines(board))
            self._found[mode] = Figures(limits_of(board), standing_alarms(board), lines)
            self._read_at[mode] = now
        return self._found[mode]
