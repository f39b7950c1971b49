"""`hybrid reconcile --wallet`: where the live wallet differs from the ledger, made equal by a person's word."""

import threading
from collections.abc import Callable

from redis import Redis

from buyer import config
from buyer.domain.gap_review import GapReview
from buyer.domain.wallet_comparison import KINDS, Comparison, LedgerHoldings, WalletGap, ledger_holdings
from buyer.domain.wallet_settlement import settled_gaps
from buyer.domain.wallet_words import SETTLE, gap_words, known_gaps
from ops.operator.controls import who
from shared.clock import Clock
from shared.domain.errors import BadConfig, DependencyMissing, Unavailable
from shared.domain.ledger_write import RefusedWrite, WrittenStep
from shared.domain.plain_text import make_plain
from shared.domain.record_kinds import WALLET
from shared.domain.trading_words import LIVE
from shared.ledger.port import Ledger, open_lots
from shared.ledger.redis_ledger import RedisLedger

AGAIN_S = 30.0
"""Seconds between the two looks that have to show the same, unless the running buyer found the same before."""

Look = Callable[[], Comparison]


def from_settings(redis: Redis, clock: Clock, words: list[str]) -> Look:
    """Return what looks at the wallet with the buyer's own settings.

    Raises:
        HybridError: they lack the key.
    """
    settings = config.parse_args(words)
    try:
        from buyer.composition_live import wallet_look  # noqa: PLC0415 - needs the extra `live`
    except ImportError as error:
        raise DependencyMissing(f"--wallet needs the extra `live` ({error}): `make install`") from error
    return wallet_look(settings, redis, clock=clock, stop=threading.Event()).take


def gap_lines(ledger: Ledger) -> list[str]:
    """Return a line for each gap that the watch found and nobody settled."""
    gaps = known_gaps(ledger.records(WALLET))
    lines = [f"wallet  {make_plain(gap_words(gap))}" for gap in gaps]
    return [*lines, f"        `{SETTLE}` settles what the owner did by hand"] if gaps else []


def settle_wallet(redis: Redis, look: Look, why: str, clock: Clock) -> list[str]:
    """Make the ledger say what the wallet holds; return what was done.

    Raises:
        BadConfig: two looks differ, or the ledger refuses.
        TryAgain: chain or ledger cannot be asked now; nothing was changed.
    """
    ledger = RedisLedger(redis, LIVE)
    gaps = _sure_gaps(look, known_gaps(ledger.records(WALLET)), clock)
    left = [f"left to the redeemer: {make_plain(gap_words(gap))}" for gap in gaps if gap.resolved]
    gaps = [gap for gap in gaps if not gap.resolved]
    if not gaps:
        return [*left, "live: the wallet holds what the ledger says, nothing was posted"]
    found = ledger.whole(KINDS)
    if not all(_stands_alike(gap, ledger_holdings(found)) for gap in gaps):
        raise Unavailable("the ledger moved on meanwhile, nothing was posted: try again")
    write = settled_gaps(gaps, open_lots(ledger), seq=found.seq, who=who(), why=why, now_ms=clock.now_ms())
    done = ledger.commit(write)
    if isinstance(done, RefusedWrite):
        raise BadConfig(f"--wallet: {done.account} would be {done.value}; nothing was posted, look again")
    if not isinstance(done, WrittenStep):
        raise Unavailable("the ledger moved on meanwhile, nothing was posted: try again")
    return [*left, *(f"settled: {make_plain(gap_words(gap))}" for gap in gaps)]


def _stands_alike(gap: WalletGap, ledger: LedgerHoldings) -> bool:
    """Say whether the ledger still says what the wallet was compared with."""
    if gap.kind == "cash":
        return ledger.cash == gap.lots
    return ledger.lots.get(gap.token_id, 0) == gap.lots and not ledger.is_busy(gap.token_id)


def _sure_gaps(look: Look, known: list[WalletGap], clock: Clock) -> list[WalletGap]:
    """Return the gaps that stand now and stood before: at the watch's looks, or half a minute ago."""
    review, found = GapReview(known, AGAIN_S), look()
    review.take(found, clock.monotonic())
    if review.waiting:
        clock.wait(threading.Event(), AGAIN_S)
        found = look()
        review.take(found, clock.monotonic())
    if review.waiting:
        raise BadConfig("--wallet: two looks, half a minute apart, showed different amounts: wait until it rests")
    return [gap for gap in review.gaps.values() if gap.token_id in found.compared]
