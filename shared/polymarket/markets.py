"""Market facts at hand: what is in memory costs nothing, what is not is fetched once."""

import threading
from collections import OrderedDict
from collections.abc import Iterable

from shared import logs
from shared.clock import Clock
from shared.errors import HybridError, Rejected, TryAgain
from shared.gate_limits import Lane
from shared.http import Upstream
from shared.market import MarketFacts
from shared.polymarket.gamma import MOST_TOKENS, fetch_markets

MAX_AGE_S = 300.0
"""Facts older than this are asked for again: ticks and `acceptingOrders` change in a market's life."""
MOST_MARKETS = 20_000
MOST_WAITING = 5_000
_MISSING_FOR_S = 60.0
_REST_S = 2.0
_LOOK_EVERY_S = 0.5


class MarketCache:
    """Facts by token, from Gamma. Safe to use from any thread; `stop` ends its background thread.

    `get` never waits, `fetch` asks now, `warm` asks in the background in batches of 50. The background thread starts
    with the first `warm` and ends with `stop`.
    """

    def __init__(
        self,
        gamma: Upstream,
        *,
        clock: Clock,
        stop: threading.Event,
        max_age_s: float = MAX_AGE_S,
        most: int = MOST_MARKETS,
    ) -> None:
        self.stop = stop
        self._gamma, self._clock = gamma, clock
        self._max_age_s, self._most = max_age_s, most
        self._lock = threading.Lock()
        self._facts: OrderedDict[str, tuple[float, MarketFacts]] = OrderedDict()
        self._missing: OrderedDict[str, float] = OrderedDict()
        self._waiting: OrderedDict[str, None] = OrderedDict()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._log = logs.get("markets")

    def get(self, token_id: str) -> MarketFacts | None:
        """Return what is known and fresh enough, without asking anybody."""
        with self._lock:
            known = self._facts.get(token_id)
            if known is None or self._clock.monotonic() - known[0] > self._max_age_s:
                return None
            self._facts.move_to_end(token_id)
            return known[1]

    def fetch(self, token_id: str, lane: Lane = Lane.FRESH) -> MarketFacts:
        """Return the facts, asking Gamma when they are not at hand: open markets first, then closed ones.

        Raises:
            TryAgain: Gamma is throttled or away.
            GiveUp: Gamma does not know the token (`Rejected`, 404), or its answer cannot be read.
        """
        known = self.get(token_id)
        if known is not None:
            return known
        problems: list[str] = []
        for closed in (False, True):
            facts, found_problems = fetch_markets(self._gamma, [token_id], closed=closed, lane=lane)
            problems += found_problems
            self._keep(facts)
            for fact in facts:
                if fact.token_id == token_id:
                    return fact
        why = f" ({'; '.join(problems)})" if problems else ""
        raise Rejected(f"Gamma knows no market of token {token_id}{why}", 404)

    def warm(self, token_ids: Iterable[str]) -> None:
        """Ask for what is absent or soon too old, in the background; never waits."""
        with self._lock:
            now = self._clock.monotonic()
            for token_id in token_ids:
                if self._wants(token_id, now):
                    self._waiting[token_id] = None
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
        missing = batch
        try:
            for closed in (False, True):
                if missing:
                    facts, problems = fetch_markets(self._gamma, missing, closed=closed, lane=Lane.CATCHUP)
                    self._keep(facts)
                    self._report(problems)
                    found = {fact.token_id for fact in facts}
                    missing = [token for token in missing if token not in found]
        except TryAgain:
            raise
        except HybridError:
            self._done(batch, batch)
            raise
        self._done(batch, missing)
        return len(batch)

    def __len__(self) -> int:
        return len(self._facts)

    def _wants(self, token_id: str, now: float) -> bool:
        known = self._facts.get(token_id)
        fresh = known is not None and now - known[0] < self._max_age_s / 2
        return not fresh and now - self._missing.get(token_id, -_MISSING_FOR_S) >= _MISSING_FOR_S

    def _keep(self, facts: list[MarketFacts]) -> None:
        now = self._clock.monotonic()
        with self._lock:
            for fact in facts:
                self._facts[fact.token_id] = (now, fact)
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
            if not self._waiting:
                self._wake.wait(_LOOK_EVERY_S)
                self._wake.clear()
                continue
            try:
                self.warm_some()
            except HybridError as error:
                self._log.warning("warming_failed", error=str(error))
                self._clock.wait(self.stop, _REST_S)
