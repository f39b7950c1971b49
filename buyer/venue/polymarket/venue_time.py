"""The venue's time, as its own answers tell it: requests are signed by it where this machine's clock is off.

The venue refuses a request from another time as it refuses a wrong key (401), and its answer says what time it is
(`Date`, RFC 9110, 6.6.1, in whole seconds). Signals and books are still judged by this machine's clock.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from shared import logs
from shared.domain.errors import Rejected
from shared.http.response import date_s

Answer = TypeVar("Answer")
TOLERATED_MS = 3000
"""What a whole second, a slow answer and two honest clocks may be apart."""
_UNAUTHORIZED = 401


class VenueTime:
    """How far the venue's clock is from ours; any thread's."""

    def __init__(self) -> None:
        self.offset_ms = 0
        self._log = logs.get_logger("venue")

    def at(self, now_ms: int) -> int:
        """Return the venue's time for one of ours."""
        return now_ms + self.offset_ms

    def learn(self, headers: Mapping[str, str], now_ms: int) -> bool:
        """Take in what time an answer says it is; say whether that is news."""
        told_s = date_s(headers.get("Date", ""))
        if told_s is None:
            return False
        off_ms = round(told_s * 1000) + 500 - now_ms
        offset_ms = off_ms if abs(off_ms) > TOLERATED_MS else 0
        if abs(offset_ms - self.offset_ms) <= TOLERATED_MS:
            return False
        self.offset_ms = offset_ms
        if offset_ms:
            fix = "set this machine's clock (NTP): requests are signed by the venue's, ages of signals are not"
            self._log.error("clock_skewed", venue_ahead_s=round(offset_ms / 1000, 1), fix=fix)
        else:
            self._log.info("clock_agrees")
        return True

    def signed(self, act: Callable[[], Answer]) -> Answer:
        """Return what `act` gets; once more where it was refused and the refusal told a new time.

        Raises:
            HybridError: what `act` raises.
        """
        before_ms = self.offset_ms
        try:
            return act()
        except Rejected as error:
            if error.status != _UNAUTHORIZED or self.offset_ms == before_ms:
                raise
        return act()
