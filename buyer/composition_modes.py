"""The differences between paper and live, row beside row; everything else of a buyer is built alike for both.

| row | paper | live |
|---|---|---|
| server | any | one that does not forget, or the operator's word that it may |
| money | `PAPER_BANKROLL_USDC` | the wallet's collateral |
| permission | none needed | the preflight: until it passed nothing is bought |
| venue | the real book, walked | Polymarket, with paper's outcome beside each order's |
| turns | none: nobody counts paper orders | the order gate's, taken with the intent |
| latency | `PAPER_LATENCY_S`: orders travel side by side | the venue's own |
| settlement | none: a paper fill is final at once | follows each order until its trades are terminal |
| recovery | intents alone | also the fills that only the chain knows |
| wallet | the ledger is all there is | compared with the chain every `WALLET_CHECK_S` |
| the ledger's owner | noted, and said where it changes | a wallet; another is refused |
| the ledger's last place | in memory | on disk too, in `RUN_DIR` |
| orders at once | one: a session can be replayed | `MOST_ORDERS` |
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from redis import Redis

from buyer.config import BuyerSettings
from buyer.execution.batches.entry_batch import MOST_ORDERS
from buyer.execution.order_transit import OrderTransit
from buyer.execution.venue_port import Venue
from buyer.market_data.held_books import HeldBooks
from buyer.market_data.price_feed import MarketPriceFeed
from buyer.recovery.bankroll import say_apart
from buyer.recovery.chain_reconciliation import ChainReconciliation
from buyer.recovery.shard_identity import ShardIdentity
from buyer.settlement.worker import SettlementWorker
from buyer.token_executor import TokenExecutor
from buyer.venue.paper import PaperVenue
from buyer.venue.paper_liquidity import TakenLiquidity
from buyer.venue.shadow import ShadowedVenue
from shared.clock import Clock
from shared.domain.errors import DependencyMissing, RefusedForSafety
from shared.domain.money import Shares, to_micro
from shared.domain.trading_words import LIVE, PAPER, Mode, trading_mode
from shared.ledger.gated_commit import GateTurns
from shared.ledger.ledger_owner import LedgerOwner, claim_ledger, note_paper
from shared.ledger.marks_folder import MarksFolder
from shared.ledger.redis_ledger import RedisLedger
from shared.process.process_name import installation_id
from shared.redis.client import check_server, server_address
from shared.redis.pipeline_record import note_own, note_wallet
from shared.redis.server_memory import ServerMemory

if TYPE_CHECKING:
    from buyer.composition_live import LiveAccount
    from buyer.venue.polymarket.buy_permission import BuyPermission


@dataclass(frozen=True)
class ProcessParts:
    """The things of one process that both modes share."""

    settings: BuyerSettings
    redis: Redis
    prices: MarketPriceFeed
    clock: Clock
    stop: threading.Event
    folder: MarksFolder | None = None
    memory: ServerMemory = field(default_factory=ServerMemory)
    held: HeldBooks | None = None


@dataclass(frozen=True)
class ShardMode:
    """The rows of one shard; its thread alone uses them."""

    venue: Venue
    order_turns: GateTurns | None
    transit: OrderTransit | None
    settlement: SettlementWorker | None
    recovery: ChainReconciliation | None
    executor: TokenExecutor


@dataclass(frozen=True)
class TradingMode:
    """The rows of one process, and how each of its shards gets its own."""

    name: Mode
    bankroll: Callable[[], int | None]
    permission: "BuyPermission | None"
    close: Callable[[], None]
    of_shard: Callable[[ShardIdentity], ShardMode]
    in_wallet: Callable[[str], Shares | None] = lambda _token_id: None
    gaps: Callable[[], dict[str, int]] = dict[str, int]
    doubt: Callable[[str], None] = lambda _why: None
    wallets: tuple[str, ...] = ()
    """Ours, beside those that the settings name."""

    @property
    def buys_wait_for(self) -> str:
        """Return what has to be answered before anything is bought, '' for nothing."""
        return self.permission.unanswered if self.permission else ""


class ModeSteps(NamedTuple):
    """The steps by which a mode begins: the server is checked before anything else is built.

    `on_disk` says whether the ledger's last place is kept there too: where there is money.
    """

    check_server: Callable[[Redis, BuyerSettings], None]
    begin: Callable[[ProcessParts], TradingMode]
    on_disk: bool


def lock_name(settings: BuyerSettings) -> str:
    """Name what one process of this consumer's name and mode holds on a machine."""
    return settings.consumer if mode_of(settings) == PAPER else f"{settings.consumer}-{LIVE}"


def needed_keys(settings: BuyerSettings) -> BuyerSettings:
    """Return the settings with the keys that their mode signs with: paper signs nothing."""
    return settings.without_keys() if mode_of(settings) == PAPER else settings


def mode_of(settings: BuyerSettings) -> Mode:
    """Return the mode that was asked for; real money needs both words (pitfall 25).

    Raises:
        RefusedForSafety: only one of them was given.
    """
    return trading_mode(live=settings.live, dry_run=settings.dry_run)


def begin_paper(parts: ProcessParts) -> TradingMode:
    """Trade money of our own making; say what came or went of it since the ledger knew."""
    bankroll = to_micro(parts.settings.paper_bankroll_usdc)
    note_own(parts.redis, parts.settings.limits.own_wallets)
    note_paper(parts.redis, installation_id(parts.settings.run_dir))
    say_apart(RedisLedger(parts.redis, PAPER), bankroll, PAPER)
    return paper_mode(parts)


def paper_mode(parts: ProcessParts) -> TradingMode:
    """Return what trades money of our own making; nothing is said or noted of it."""
    bankroll = to_micro(parts.settings.paper_bankroll_usdc)
    return TradingMode(
        name=PAPER,
        bankroll=lambda: bankroll,
        permission=None,
        close=lambda: None,
        of_shard=lambda _identity: ShardMode(
            venue=PaperVenue(parts.prices, clock=parts.clock, stop=parts.stop, taken=TakenLiquidity()),
            order_turns=None,
            transit=_paper_transit(parts),
            settlement=None,
            recovery=None,
            executor=TokenExecutor(most=1),
        ),
    )


def begin_live(parts: ProcessParts) -> TradingMode:
    """Trade real money; what came or went of it is said once the preflight passed.

    Raises:
        DependencyMissing, RefusedForSafety, BadConfig: the account cannot trade.
        Unavailable: told to stop while the venue was away.
    """
    account = _open_account(parts)
    return TradingMode(
        name=LIVE,
        bankroll=account.bankroll,
        permission=account.permission,
        close=account.close,
        of_shard=lambda identity: _live_shard(account, parts, identity),
        in_wallet=account.watch.held,
        gaps=account.watch.snapshot,
        doubt=account.watch.forgotten,
        wallets=account.wallets,
    )


def _live_shard(account: "LiveAccount", parts: ProcessParts, identity: ShardIdentity) -> ShardMode:
    polymarket = account.venue()
    return ShardMode(
        venue=ShadowedVenue(polymarket, parts.prices.book_at_hand, polymarket.turns),
        order_turns=polymarket.turns,
        transit=None,
        settlement=account.settlement(identity.settlement_writer),
        recovery=account.recovery(identity, parts.prices),
        executor=TokenExecutor(most=MOST_ORDERS),
    )


def _paper_transit(parts: ProcessParts) -> OrderTransit | None:
    """Return where paper orders travel; without a latency they meet the book at once."""
    latency_s = parts.settings.paper_latency_s
    return OrderTransit(clock=parts.clock, stop=parts.stop, latency_s=latency_s) if latency_s else None


def _open_account(parts: ProcessParts) -> "LiveAccount":
    """Open the account that only a live buyer has; its libraries are an extra that paper does without."""
    try:
        from buyer.composition_live import LiveAccount  # noqa: PLC0415 - needs the extra `live`
    except ImportError as error:
        raise DependencyMissing(f"--live needs the extra `live` ({error}): `make install`") from error
    account = LiveAccount(
        parts.settings,
        parts.redis,
        clock=parts.clock,
        stop=parts.stop,
        claim=lambda wallet: claim_ledger(parts.redis, LedgerOwner(wallet, LIVE)),
    )
    note_wallet(parts.redis, LIVE, account.wallet)
    note_own(parts.redis, (*parts.settings.limits.own_wallets, *account.wallets))
    return account


def accept_server(redis: Redis, settings: BuyerSettings) -> None:
    """Trade on any server: paper that is forgotten costs nobody anything."""
    del redis, settings


def demand_memory(redis: Redis, settings: BuyerSettings) -> None:
    """Refuse to trade live on a server that would forget an order; one that does not tell is not judged.

    Raises:
        RefusedForSafety: it would; each reason with its fix.
    """
    forgets = check_server(redis).forgets
    if forgets and not settings.accept_forgetful_server:
        raise RefusedForSafety(
            f"live trading is refused, nothing was sent: the server at {server_address(redis)} could forget orders: "
            f"{' '.join(forgets)} To trade on it all the same: --accept-forgetful-server"
        )


MODE_STEPS = {
    PAPER: ModeSteps(check_server=accept_server, begin=begin_paper, on_disk=False),
    LIVE: ModeSteps(check_server=demand_memory, begin=begin_live, on_disk=True),
}
"""The two modes, by their names."""
