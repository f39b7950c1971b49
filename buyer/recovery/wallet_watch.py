"""The watch over the live wallet: positions and cash on the chain beside lots and ledger, every few minutes.

The chain says what is held; the venue's index is a second witness, and shows what no lot explains. Whatever cannot be
asked changes nothing. What differs is said once, kept in the ledger, and stays until a person settles it
(`hybrid reconcile --wallet`) or it is over; meanwhile exits sell at most what is there.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec.structs import replace

from buyer.domain.gap_review import GapReview
from buyer.domain.wallet_comparison import KINDS, Comparison, WalletGap, compare, ledger_holdings, shown_tokens
from buyer.domain.wallet_words import SETTLE, gap_words, gap_write, known_gaps
from buyer.execution.unresolved_orders import SHOWN_WITHIN_S
from buyer.strategy.sizing import sell_size
from shared import logs, metrics
from shared.clock import Clock
from shared.domain.errors import HybridError, Unavailable
from shared.domain.money import Shares
from shared.domain.record_kinds import WALLET
from shared.ledger.redis_ledger import RedisLedger
from shared.polymarket.wallet_balances import ChainBalances

AGAIN_S = 30.0
"""Seconds between two looks that have to show the same."""
LAG_PART = 2 / 3
"""Part of them that a node may be behind: what the ledger said at the first look is then in the second one's block."""
STRANGERS_WAIT_S = 2 * SHOWN_WITHIN_S
"""Seconds after a server's loss in which a fill that no record explains is taken for one of ours that it forgot."""
ENDS_WITHIN_S = 2.0


class Balances(Protocol):
    """Reads the chain."""

    def read(self, token_ids: "tuple[str, ...]", /) -> ChainBalances:
        """Return what the wallet holds, all as of one block."""
        ...

    def resolved(self, condition_ids: "tuple[str, ...]", /) -> frozenset[str]:
        """Return which of these have ended: the redeemer books what became of their shares."""
        ...


class WalletLook:
    """One look at chain, index and ledger."""

    def __init__(
        self,
        ledger: RedisLedger,
        chain: Balances,
        index: Callable[[], Mapping[str, int]],
        clock: Clock,
        most_lag_s: float = AGAIN_S * LAG_PART,
    ) -> None:
        self._ledger, self._chain, self._index = ledger, chain, index
        self._clock, self._most_lag_s = clock, most_lag_s
        self._log = logs.get_logger("wallet")

    def take(self) -> Comparison:
        """Return how wallet and ledger compare now.

        Raises:
            HybridError: chain or ledger cannot be asked, or the node is behind: nobody can tell.
        """
        before = ledger_holdings(self._ledger.whole(KINDS))
        witnessed = self._witness()
        held = self._chain.read(shown_tokens(before, witnessed))
        behind_s = self._clock.now_ms() / 1000 - held.at_ms / 1000
        if behind_s > self._most_lag_s:
            raise Unavailable(f"the node's newest block is {behind_s:.0f} s old")
        after = ledger_holdings(self._ledger.whole(KINDS))
        return compare(before, after, held.cash, held.shares, witnessed)

    def ended(self, gaps: list[WalletGap]) -> frozenset[str]:
        """Return which conditions of these gaps have ended, as far as the node says."""
        names = tuple(sorted({gap.condition_id for gap in gaps if gap.kind == "missing" and gap.condition_id}))
        try:
            return self._chain.resolved(names) if names else frozenset()
        except HybridError as error:
            self._log.warning("resolutions_not_read", error=str(error))
            return frozenset()

    def _witness(self) -> Mapping[str, int] | None:
        """Ask the venue's index; that it does not answer only means that there is one witness."""
        try:
            return self._index()
        except HybridError as error:
            self._log.info("positions_not_read", error=str(error))
            return None


class WalletWatch:
    """Looks on a thread of its own, at the start, every `every_s` and after each doubt; any thread may ask `held`.

    Once `stop` is set no look begins, and one that was under way ends without a word.
    """

    def __init__(
        self,
        look: WalletLook,
        ledger: RedisLedger,
        *,
        clock: Clock,
        every_s: float,
        again_s: float,
        stop: threading.Event,
        strangers: Callable[[], int] = lambda: 0,
    ) -> None:
        self._strangers, self._strangers_at = strangers, 0.0
        self._look, self._ledger, self._clock = look, ledger, clock
        self._every_s, self._again_s, self._stop = every_s, again_s, stop
        self._review = GapReview((), again_s)
        self._most: Mapping[str, Shares] = {}
        self._wake, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._log = logs.get_logger("wallet")

    def start(self) -> None:
        """Begin to look; what was found before a restart counts at once."""
        self._review = GapReview(self._restored(), self._again_s)
        self._bound()
        self._thread = threading.Thread(target=self._run, name="wallet", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._ended.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(ENDS_WITHIN_S)

    def doubt(self, why: str) -> None:
        """Look now: something happened that wallet and ledger may tell differently."""
        self._log.info("wallet_doubted", why=why)
        self._wake.set()

    def forgotten(self, why: str) -> None:
        """Look now: the server forgot orders of ours, whose fills are no stranger's until they had time to be found."""
        self._strangers_at = self._clock.monotonic() + STRANGERS_WAIT_S
        self.doubt(why)

    def held(self, token_id: str) -> Shares | None:
        """Return how many shares of a token exits may sell; None while the wallet holds no less than the lots."""
        return self._most.get(token_id)

    def snapshot(self) -> dict[str, int]:
        """Return how many gaps stand, by what they are about."""
        kinds = [gap.kind for gap in self._review.gaps.values()]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}

    def look(self) -> bool:
        """Look once; say whether something has to be looked at again soon."""
        try:
            found = self._look.take()
        except HybridError as error:
            if not self._ending():
                self._log.warning("wallet_not_compared", error=str(error), changes="nothing")
            return self._review.waiting
        news, over = self._review.take(found, self._clock.monotonic())
        self._bound()
        try:
            self._say(news, over)
        except HybridError as error:  # what was not kept is not said: the next looks find it again
            self._log.warning("gaps_not_kept", error=str(error))
            self._review = GapReview(self._restored(), self._again_s)
        return self._review.waiting

    def _run(self) -> None:
        while not self._ending():
            try:
                again = self.look()
                self._look_for_strangers()
            except Exception:  # noqa: BLE001 - logged whole; the watch goes on (pitfall 29)
                self._log.exception("wallet_look_failed")
                again = False
            self._clock.wait(self._wake, self._again_s if again else self._every_s)
            self._wake.clear()

    def _ending(self) -> bool:
        return self._stop.is_set() or self._ended.is_set()

    def _look_for_strangers(self) -> None:
        """Say which fills of the wallet nobody here ordered."""
        try:
            if not self._ending() and self._clock.monotonic() >= self._strangers_at:
                self._strangers()
        except HybridError as error:
            self._log.info("fills_not_read", error=str(error))

    def _restored(self) -> list[WalletGap]:
        """Return the gaps that the ledger keeps; none while it cannot be read."""
        try:
            return known_gaps(self._ledger.records(WALLET))
        except HybridError as error:
            self._log.warning("gaps_not_read", error=str(error))
            return []

    def _bound(self) -> None:
        """Let exits sell what the chain shows; where that is nothing, what the index does: no node keeps anybody in."""
        gaps = self._review.gaps.values()
        missing = [gap for gap in gaps if gap.kind == "missing"]
        self._most = {
            gap.token_id: gap.found if sell_size(gap.found) else gap.witnessed or gap.found for gap in missing
        }
        for kind in ("missing", "extra", "cash"):
            count = sum(gap.kind == kind for gap in gaps)
            metrics.make_gauge("wallet_gaps", "Where wallet and ledger differ.", "kind").labels(kind).set(count)

    def _say(self, news: list[WalletGap], over: list[WalletGap]) -> None:
        now_ms, ended = self._clock.now_ms(), self._look.ended(news)
        for gap in news:
            told = replace(gap, resolved=gap.condition_id in ended, seen_at_ms=now_ms)
            self._review.gaps[gap.token_id] = told
            self._ledger.commit(gap_write(told, "apart", now_ms))
            say = self._log.info if told.resolved else self._log.error
            say("wallet_apart", found=gap_words(told), token_id=gap.token_id, fix=f"`{SETTLE}` settles it")
        for gap in over:
            self._ledger.commit(gap_write(gap, "over", now_ms))
            self._log.info("wallet_agrees", token_id=gap.token_id, was=gap_words(gap))
