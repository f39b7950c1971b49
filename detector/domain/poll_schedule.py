"""The schedule of polls: leaders that trade now go more often, nobody waits longer than a bound. Pure.

Two claims share the budget. The *bound* gets the share that N polls every `at_most_every_s` cost, spent on whoever was
polled longest ago: so everybody comes round within the bound whatever the others do. The rest goes to whoever most
likely has news: waiting time times the square root of the leader's trades a second, which is what makes the sum of all
fills' delays smallest for a given number of polls. Where the budget cannot hold the bound, `LEAST_NEWS` of it still
goes to the busy ones and the rest goes round in turn: slower than asked for, but nobody starves.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import sqrt

from shared.domain.backoff import Backoff

IDLE_S = 0.5
"""The least rest where only another poll's end, or a new scope, can bring work: neither is worth a spinning thread."""
MOST_PAUSE_S = 60.0
"""The longest rest of a scope that keeps failing."""
LN_2 = 0.693
HALF_LIFE_S = 300.0
"""How long a leader's trades count half."""
LEAST_NEWS = 0.2
"""Share of the budget that the busy ones keep where it cannot hold the bound."""
QUIET_PER_S = 1 / 86_400
"""What is assumed of a leader that was not seen trading: one trade a day. Below it nobody is busy."""
_SLACK = 0.9
"""The bound aims a little lower, for polls that take longer than the budget says."""
_MOST_NEWS = 50
"""Trades of one poll that count: a burst is one occasion."""


@dataclass(frozen=True)
class PollPace:
    """How often scopes may and must be polled; `rate_per_s` is the budget there is, 0 when nobody knows."""

    every_s: float
    at_most_every_s: float = 0.0
    rate_per_s: float = 0.0

    def bound_share(self, scopes: int) -> float:
        """Return the share of polls that go to whoever waited longest."""
        if self.at_most_every_s <= 0 or self.rate_per_s <= 0:
            return 1.0
        share = scopes / (self.at_most_every_s * _SLACK * self.rate_per_s)
        return share if share <= 1 else 1 - LEAST_NEWS


@dataclass(slots=True)
class _TradeRate:
    """A scope that trades: how often, as of when."""

    per_s: float
    at: float

    def rate_at(self, now: float) -> float:
        return self.per_s * 0.5 ** ((now - self.at) / HALF_LIFE_S)


class PollSchedule:
    """Scopes in order of their last poll. A scope in flight is not handed out again.

    One that is refused rests longer each time (doubling, up to `MOST_PAUSE_S`), so it does not eat the others' budget.
    (A throttled upstream is its gate's matter.)
    """

    def __init__(self, scopes: Iterable[str], pace: PollPace, now: float) -> None:
        self._pace = pace
        self._last: OrderedDict[str, float] = OrderedDict((scope, now - pace.every_s) for scope in scopes)
        self._busy: dict[str, _TradeRate] = {}
        self._refusals: dict[str, int] = {}
        self._rests_until: dict[str, float] = {}
        self._in_flight: set[str] = set()
        self._credit = 0.0

    def __len__(self) -> int:
        """Count the scopes."""
        return len(self._last)

    def set_budget(self, rate_per_s: float) -> None:
        """Plan with another budget from now on."""
        self._pace = PollPace(self._pace.every_s, self._pace.at_most_every_s, rate_per_s)

    def __contains__(self, scope: str) -> bool:
        """Say whether a scope is polled."""
        return scope in self._last

    def sync_scopes(self, scopes: Collection[str], now: float) -> list[str]:
        """Take in new scopes, due at once and before all others, and forget those that are gone, which it returns."""
        wanted = dict.fromkeys(scopes)
        gone = [scope for scope in self._last if scope not in wanted]
        for scope in gone:
            self._forget(scope)
        for scope in [scope for scope in reversed(wanted) if scope not in self._last]:
            self._last[scope] = now - self._pace.every_s
            self._last.move_to_end(scope, last=False)
        return gone

    def next_scope(self, now: float) -> str | None:
        """Return who is polled now, or None when nobody is due."""
        longest = self._longest_waiting(now)
        if longest is None:
            return None
        self._credit += self._pace.bound_share(len(self._last))
        busiest = None if self._is_late(longest, now) else self._most_likely(now)
        if self._credit >= 1 or busiest is None:
            self._credit = max(0.0, self._credit - 1)
            busiest = longest
        self._in_flight.add(busiest)
        return busiest

    def wait_s(self, now: float) -> float:
        """Return how long until a scope is due; at least `IDLE_S` when all are in flight, or there is none."""
        free = (scope for scope in self._last if scope not in self._in_flight)
        soonest = next((self._due_at(scope) for scope in free if scope not in self._rests_until), None)
        resting = [self._due_at(scope) for scope in self._rests_until if scope not in self._in_flight]
        due = [*resting, *([] if soonest is None else [soonest])]
        return max(0.0, min(due) - now) if due else max(self._pace.every_s, IDLE_S)

    def finish_poll(self, scope: str, now: float, *, refused: bool = False, news: int = 0) -> None:
        """Take a scope back after its poll, which brought `news` trades that no poll showed before."""
        self._in_flight.discard(scope)
        if scope not in self._last:
            return
        self._last[scope] = now
        self._last.move_to_end(scope)
        self._update_rate(scope, now, news)
        self._update_rest(scope, now, refused=refused)

    def _update_rate(self, scope: str, now: float, news: int) -> None:
        busy = self._busy.get(scope)
        per_s = (busy.rate_at(now) if busy else 0.0) + min(news, _MOST_NEWS) * LN_2 / HALF_LIFE_S
        if per_s > QUIET_PER_S:
            self._busy[scope] = _TradeRate(per_s, now)
        else:
            self._busy.pop(scope, None)

    def _update_rest(self, scope: str, now: float, *, refused: bool) -> None:
        if not refused:
            self._refusals.pop(scope, None)
            self._rests_until.pop(scope, None)
            return
        self._refusals[scope] = self._refusals.get(scope, 0) + 1
        every_s = self._pace.every_s
        pause_s = Backoff(every_s, MOST_PAUSE_S).wait_s(self._refusals[scope])
        self._rests_until[scope] = now + max(every_s, pause_s)

    def _due_at(self, scope: str) -> float:
        return self._rests_until.get(scope, self._last[scope] + self._pace.every_s)

    def _is_free(self, scope: str, now: float) -> bool:
        return scope not in self._in_flight and self._due_at(scope) <= now

    def _longest_waiting(self, now: float) -> str | None:
        for scope, last in self._last.items():
            if self._is_free(scope, now):
                return scope
            if last + self._pace.every_s > now:
                return None
        return None

    def _is_late(self, scope: str, now: float) -> bool:
        bound_s = self._pace.at_most_every_s
        return 0 < bound_s <= now - self._last[scope] and self._pace.bound_share(len(self._last)) <= 1 - LEAST_NEWS

    def _most_likely(self, now: float) -> str | None:
        """Return the free busy scope with the most expected news."""
        best, most = None, 0.0
        for scope, busy in self._busy.items():
            if self._is_free(scope, now):
                claim = (now - self._last[scope]) * sqrt(busy.rate_at(now))
                best, most = (scope, claim) if claim > most else (best, most)
        return best

    def _forget(self, scope: str) -> None:
        self._last.pop(scope, None)
        self._busy.pop(scope, None)
        self._refusals.pop(scope, None)
        self._rests_until.pop(scope, None)
