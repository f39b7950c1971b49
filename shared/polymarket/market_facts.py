"""Market facts at hand: what is in memory costs nothing, what is not is fetched once."""

import threading
from collections import OrderedDict
from collections.abc import Iterable

from shared import logs
from shared.clock import Clock
from shared.domain.errors import HybridError, Rejected, TryAgain
from shared.domain.market import MarketFacts
from shared.http.client import Upstream
from shared.polymarket.gamma import MOST_TOKENS, fetch_condition, fetch_event, fetch_markets
from shared.polymarket.market_store import MarketStore, StoredFacts
from shared.polymarket.wire.event_prefetch import EventPrefetch
from shared.rate_limit.limits import GateLane

MAX_AGE_S = 300.0
"""Facts older than this are asked for again: ticks and `acceptingOrders` change in a market's life."""
MOST_MARKETS = 20_000
MOST_WAITING = 5_000
BOTH = frozenset({0, 1})
"""The outcomes of every market of the venue."""
_MISSING_FOR_S = 60.0
_REST_S = 2.0
_LOOK_EVERY_S = 0.5


class MarketCache:
    """Facts by token, from Gamma. Safe to use from any thread; `stop` ends its background thread.

    `get` never waits, `fetch` asks now, `warm` asks in the background in batches of 50. The background thread starts
    with the first `warm` and ends with `stop`. With a `store`, what any process learned is taken from there first; with
    `siblings`, the other markets of an event are fetched ahead too.
    """

    def __init__(
        self,
        gamma: Upstream,
        *,
        clock: Clock,
        stop: threading.Event,
        max_age_s: float = MAX_AGE_S,
        most: int = MOST_MARKETS,
        store: MarketStore | None = None,
        siblings: EventPrefetch | None = None,
    ) -> None:
        self.stop = stop
        self._gamma, self._clock = gamma, clock
        self._max_age_s, self._most = max_age_s, most
        self._store, self._siblings = store, siblings
        self._lock = threading.Lock()
        self._facts: OrderedDict[str, tuple[float, MarketFacts]] = OrderedDict()
        self._missing: OrderedDict[str, float] = OrderedDict()
        self._waiting: OrderedDict[str, None] = OrderedDict()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._log = logs.get_logger("markets")

    def get(self, token_id: str) -> MarketFacts | None:
        """Return what is known and fresh enough, without asking anybody."""
        with self._lock:
            known = self._facts.get(token_id)
            if known is None or self._clock.monotonic() - known[0] > self._max_age_s:
                return None
            self._facts.move_to_end(token_id)
            return known[1]

    def fetch(self, token_id: str, lane: GateLane = GateLane.FRESH) -> MarketFacts:
        """Return the facts, asking Gamma when they are not at hand: open markets first, then closed ones.

        Raises:
            TryAgain: Gamma is throttled or away.
            GiveUp: Gamma does not know the token (`Rejected`, 404), or its answer cannot be read.
        """
        known = self.get(token_id) or self._recall([token_id]).get(token_id)
        if known is not None:
            return known
        problems: list[str] = []
        for closed in (False, True):
            facts, found_problems = fetch_markets(self._gamma, [token_id], closed=closed, lane=lane)
            problems += found_problems
            self._learn(facts)
            for fact in facts:
                if fact.token_id == token_id:
                    return fact
        why = f" ({'; '.join(problems)})" if problems else ""
        raise Rejected(f"Gamma knows no market of token {token_id}{why}", 404)

    def outcomes(self, condition_id: str, lane: GateLane = GateLane.FRESH) -> tuple[str, ...]:
        """Return a market's outcome tokens, which never change, asking Gamma when they are not at hand.

        Raises:
            TryAgain: Gamma is throttled or away.
            GiveUp: Gamma does not know the market (`Rejected`, 404; not asked again for a minute), or its answer
                cannot be read.
        """
        with self._lock:
            known = [facts for _, facts in self._facts.values() if facts.condition_id == condition_id]
            missing = self._clock.monotonic() - self._missing.get(condition_id, -_MISSING_FOR_S) < _MISSING_FOR_S
        if {facts.outcome_index for facts in known} >= BOTH:
            return _tokens(known)
        for closed in () if missing else (False, True):
            found, problems = fetch_condition(self._gamma, condition_id, closed=closed, lane=lane)
            self._report(problems)
            if found:
                self._learn(found)
                return _tokens(found)
        if not missing:
            self._done([], [condition_id])
        raise Rejected(f"Gamma knows no market {condition_id}", 404)

    def preload(self) -> int:
        """Take what all processes asked for last from the store; return how much is at hand."""
        if self._store is not None:
            self._take(self._store.newest())
        return len(self)

    def warm(self, token_ids: Iterable[str]) -> None:
        """Ask for what is absent or soon too old, in the background; never waits."""
        with self._lock:
            now = self._clock.monotonic()
            for token_id in token_ids:
                if self._wants(token_id, now):
                    self._waiting[token_id] = None
                elif self._siblings is not None:
                    self._siblings.want([self._facts[token_id][1]] if token_id in self._facts else [], now)
            while len(self._waiting) > MOST_WAITING:
                self._waiting.popitem(last=False)
            if not self._waiting or self.stop.is_set():
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="markets", daemon=True)
                self._thread.start()
        self._wake.set()

    def warm_some(self) -> int:
        """Ask for one batch of what waits; return how many tokens were asked for. The background thread's one step.

        Raises:
            TryAgain: Gamma is throttled or away; the batch waits on.
            GiveUp: the answer cannot be read; the batch is given up.
        """
        with self._lock:
            batch = list(self._waiting)[:MOST_TOKENS]
        recalled = self._recall(batch)
        missing = [token for token in batch if token not in recalled]
        try:
            for closed in (False, True):
                if missing:
                    facts, problems = fetch_markets(self._gamma, missing, closed=closed, lane=GateLane.CATCHUP)
                    self._learn(facts)
                    self._report(problems)
                    found = {fact.token_id for fact in facts}
                    missing = [token for token in missing if token not in found]
        except TryAgain:
            raise
        except HybridError:
            self._done(batch, batch)
            raise
        self._done(batch, missing)
        self._want_siblings(batch)
        return len(batch)

    def warm_siblings(self) -> bool:
        """Ask for one event that leaders trade in; return False when none waits. The background thread's other step.

        Raises:
            TryAgain, GiveUp: as `warm_some`; the event is asked for again in some minutes.
        """
        with self._lock:
            slug = self._siblings.take(self._clock.monotonic()) if self._siblings else ""
        if not slug:
            return False
        facts, problems = fetch_event(self._gamma, slug, lane=GateLane.CATCHUP)
        self._learn(facts)
        self._report(problems)
        return True

    def __len__(self) -> int:
        return len(self._facts)

    def _wants(self, token_id: str, now: float) -> bool:
        known = self._facts.get(token_id)
        fresh = known is not None and now - known[0] < self._max_age_s / 2
        return not fresh and now - self._missing.get(token_id, -_MISSING_FOR_S) >= _MISSING_FOR_S

    def _want_siblings(self, tokens: list[str]) -> None:
        with self._lock:
            if self._siblings is not None:
                known = [self._facts[token][1] for token in tokens if token in self._facts]
                self._siblings.want(known, self._clock.monotonic())

    def _recall(self, tokens: list[str]) -> dict[str, MarketFacts]:
        """Return what the store knows of these and is fresh enough."""
        return self._take(self._store.read(tokens)) if self._store is not None else {}

    def _take(self, stored: list[StoredFacts]) -> dict[str, MarketFacts]:
        fresh = [one for one in stored if one.age_s <= self._max_age_s / 2]
        for one in fresh:
            self._keep([one.facts], one.age_s)
        return {one.facts.token_id: one.facts for one in fresh}

    def _learn(self, facts: list[MarketFacts]) -> None:
        self._keep(facts)
        if self._store is not None:
            self._store.write(facts)

    def _keep(self, facts: list[MarketFacts], age_s: float = 0.0) -> None:
        then = self._clock.monotonic() - age_s
        with self._lock:
            for fact in facts:
                self._facts[fact.token_id] = (then, fact)
                self._facts.move_to_end(fact.token_id)
                self._missing.pop(fact.token_id, None)
            while len(self._facts) > self._most:
                self._facts.popitem(last=False)

    def _done(self, batch: list[str], missing: list[str]) -> None:
        now = self._clock.monotonic()
        with self._lock:
            for token_id in batch:
                self._waiting.pop(token_id, None)
            for token_id in missing:
                self._missing[token_id] = now
            while len(self._missing) > self._most:
                self._missing.popitem(last=False)

    def _report(self, problems: list[str]) -> None:
        for problem in problems[:3]:
            self._log.warning("market_unreadable", problem=problem)

    def _run(self) -> None:
        while not self.stop.is_set():
            try:
                busy = self.warm_some() if self._waiting else self.warm_siblings()
            except TryAgain as error:
                self._log.warning("warming_failed", error=str(error))
                self._clock.wait(self.stop, _REST_S)
            except HybridError as error:
                self._log.info("not_warmed", error=str(error))
            else:
                if not busy:
                    self._wake.wait(_LOOK_EVERY_S)
                    self._wake.clear()


def _tokens(facts: Iterable[MarketFacts]) -> tuple[str, ...]:
    return tuple(fact.token_id for fact in sorted(facts, key=lambda fact: fact.outcome_index))
