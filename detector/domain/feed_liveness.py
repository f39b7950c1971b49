"""The signs of life of one push connection: pure.

A socket can be open, answer pings and be mute, or bring everything half an hour late (pitfall 10). Only the data itself
tells: how long ago any came, and how old it was.
"""

from collections import deque
from statistics import median

from shared.domain.backoff import Backoff

_SAMPLES = 101  # odd: the median is a row that came
_ENOUGH = 5  # fewer could be one trader's late rows
_PATIENCE = Backoff(first_s=1.0, longest_s=8.0)
"""By how much longer each verdict in a row takes."""


class FeedLiveness:
    """Judge one connection by its data; times are seconds.

    Args:
        mute_s: So long without data means that the feed is mute.
        late_s: A median age above this means that it is late.
        late_for_s: So long must it be late: one old row is no late feed.
        now: The time.
        troubles: How often in a row this verdict fell already: each doubles the patience (up to 8 times), since a
            reconnect that changed nothing will not change more when it is repeated at once.
    """

    def __init__(self, mute_s: float, late_s: float, late_for_s: float, now: float, troubles: int = 0) -> None:
        patience = _PATIENCE.wait_s(troubles)
        self._mute_s, self._late_s, self._late_for_s = mute_s * patience, late_s, late_for_s * patience
        self._began = self._heard = now
        self._ages: deque[float] = deque(maxlen=_SAMPLES)
        self._late_since: float | None = None

    @property
    def age_s(self) -> float | None:
        """Return the median age of the last rows; None before there are enough to tell."""
        return median(self._ages) if len(self._ages) >= _ENOUGH else None

    @property
    def spoke(self) -> bool:
        """Say whether any data came."""
        return bool(self._ages)

    def lasted_s(self, now: float) -> float:
        """Return for how long the connection has been open."""
        return now - self._began

    def beat(self, now: float, age_s: float) -> None:
        """Take in that a row came, and how old it was."""
        self._heard = now
        self._ages.append(age_s)

    def is_mute(self, now: float) -> bool:
        """Say whether nothing came for too long."""
        return now - self._heard >= self._mute_s

    def is_timely(self) -> bool:
        """Say whether what comes is fresh; False before there is enough of it to tell."""
        return self.age_s is not None and self.age_s <= self._late_s

    def is_late(self, now: float) -> bool:
        """Say whether what comes has been old for too long."""
        if self.age_s is None or self.age_s <= self._late_s:
            self._late_since = None
            return False
        if self._late_since is None:
            self._late_since = now
        return now - self._late_since >= self._late_for_s
