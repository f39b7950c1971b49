"""The share of a busy node's frames that is recorded: every match, and of the rest some bytes a second."""

from shared import metrics
from shared.clock import Clock
from shared.polymarket.wire.matches.match_call import MATCH_COMBINATION_V3, MATCH_V2, MATCH_V3

MOST_BYTES_PER_S = 65_536
"""Of what is no match: whole transactions of Polygon are some hundreds of kilobytes a second."""
_MATCHES = tuple(f'"0x{selector}' for selector in (MATCH_V2, MATCH_V3, MATCH_COMBINATION_V3))


class FrameBudget:
    """Says which frames of one node are kept; that node's thread's."""

    def __init__(self, node: str, clock: Clock, most_per_s: int = MOST_BYTES_PER_S) -> None:
        self._clock, self._most = clock, most_per_s
        self._second, self._used = 0, 0
        sentence = "Frames of pending transactions that a capture of raw answers leaves out."
        self._left_out = metrics.make_counter("pending_frames_left_out_total", sentence, "node").labels(node)

    def keeps(self, frame: str) -> bool:
        """Say whether a frame is recorded."""
        if any(match in frame for match in _MATCHES):
            return True
        second = int(self._clock.monotonic())
        if second != self._second:
            self._second, self._used = second, 0
        if self._used + len(frame) > self._most:
            self._left_out.inc()
            return False
        self._used += len(frame)
        return True
