"""Open the wallet's account at the venue and build what only a live buyer has. Needs the extra `live`."""

import gc
import sys
import threading
from collections.abc import Callable
from functools import partial

from redis import Redis

from buyer.config import BuyerSettings
from buyer.execution.venue_port import PriceSource
from buyer.recovery.bankroll import say_apart
from buyer.recovery.chain_reconciliation import ChainReconciliation
from buyer.recovery.recent_signals import RecentSignals
from buyer.recovery.shard_identity import ShardIdentity
from buyer.recovery.stranger_fills import StrangerFills
from buyer.recovery.wallet_watch import AGAIN_S, LAG_PART, WalletLook, WalletWatch
from buyer.settlement.worker import SettlementWorker
from buyer.settlement.writer import SettlementWriter
from buyer.venue.polymarket.account import AccountApi, Shown
from buyer.venue.polymarket.account_access import Upstreams, open_account, read_key, wallet_of
from buyer.venue.polymarket.buy_permission import BuyPermission, retry_patiently
from buyer.venue.polymarket.client import PolymarketVenue
from buyer.venue.polymarket.credentials import RequestHeaders
from buyer.venue.polymarket.preflight import Preflight
from buyer.venue.polymarket.signer import OrderSigner
from buyer.venue.polymarket.user_channel import UserChannel
from shared.clock import Clock
from shared.domain.record_kinds import INTENTS, ORDERS
from shared.domain.trading_words import LIVE
from shared.ledger.gated_commit import GateTurns
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.positions import RedeemablePositions
from shared.polymarket.wallet_balances import WalletBalances
from shared.polymarket.wire.wallets import wallets_of
from shared.websocket import open_socket

SWITCH_S = 0.0005
"""How long a busy thread (settlement, books) may keep an order waiting; Python's default is 5 ms."""
COLLECT_AT = (20_000, 20, 50)
"""Objects made before their cycles are looked for: values hold none, and a whole look takes as long as ten orders."""


class LiveAccount:
    """The wallet and its account at the venue: one a process, whatever shards it holds.

    `permission` says whether the preflight has passed: until then nothing is bought, and what is held can be sold.
    """

    def __init__(
        self,
        settings: BuyerSettings,
        redis: Redis,
        *,
        clock: Clock,
        stop: threading.Event,
        claim: Callable[[str], None] = lambda _wallet: None,
    ) -> None:
        """Open the account, however long the venue is away, and make the preflight; `claim` says whose the ledger is.

        Raises:
            RefusedForSafety: a check says no; the message has one line for each, with its fix.
            BadConfig: the signing key is missing or wrong.
            Unavailable: told to stop while the venue was away.
        """
        sys.setswitchinterval(SWITCH_S)
        gc.freeze()
        gc.set_threshold(*COLLECT_AT)
        self._settings, self._redis, self._clock, self._stop = settings, redis, clock, stop
        self._signer = OrderSigner(settings.key_source.read())
        self._wallet = wallet_of(settings, self._signer)
        claim(self.wallet)
        self._upstreams = upstreams = Upstreams(settings, redis, clock, stop)
        self._key = read_key(
            settings,
            upstreams.account,
            self._signer,
            self._wallet,
            clock,
            lambda act: retry_patiently("the API key", act, clock, stop),
        )
        self._requests = RequestHeaders(self._signer.address, self._key)
        self._polygon = PolygonClient(upstreams.rpc)
        self._account = AccountApi(upstreams.account, self._requests, self._polygon, clock=clock)
        self._preflight = Preflight(
            upstreams.account,
            upstreams.geoblock,
            self._account,
            self._polygon,
            self._wallet,
            clock,
            partial(_holds_lots, redis),
            settings.exchange_fee_cap_bps,
        )
        self.permission = BuyPermission(self._preflight, clock=clock, stop=stop, granted=self._compare)
        self.permission.start()
        self.watch = _watch(settings, redis, upstreams, self.wallet, clock, stop)
        self.watch.start()

    def bankroll(self) -> int | None:
        """Return the wallet's collateral in micro-units as it was read last; None while it has not been."""
        return self._preflight.collateral

    def close(self) -> None:
        """End what runs in the background, once the process stops."""
        self.permission.close()
        self.watch.close()

    @property
    def wallet(self) -> str:
        """Return the address of the wallet that holds the money."""
        return self._wallet.funder.lower()

    @property
    def wallets(self) -> tuple[str, ...]:
        """Return every wallet of ours: the one that trades, the signer, and those that factories make for it."""
        signer = self._signer.address.lower()
        return (self._wallet.funder.lower(), signer, *wallets_of(signer).values())

    def settlement(self, writer: SettlementWriter) -> SettlementWorker:
        """Build what follows one shard's orders, on a feed of its own."""
        connect = partial(open_socket, "user feed", self._settings.clob_user_url)
        feed = UserChannel(connect, self._key, clock=self._clock, pause=self._pause)
        return SettlementWorker(writer, self._account, feed, clock=self._clock)

    def venue(self) -> PolymarketVenue:
        """Build the venue of one shard, whose orders take the gate's turns in their own order."""
        return PolymarketVenue(
            self._upstreams.orders,
            GateTurns(self._upstreams.gate, self._stop),
            self._account,
            signer=self._signer,
            wallet=self._wallet,
            requests=self._requests,
            clock=self._clock,
            doubt=self.watch.doubt,
            buys_barred=self.permission.withdraw,
        )

    def recovery(self, identity: ShardIdentity, prices: PriceSource) -> ChainReconciliation:
        """Build what adopts one shard's fills that only the chain knows; it keeps the lease meanwhile."""
        return ChainReconciliation(
            self._polygon,
            self._account,
            identity.adoption,
            prices,
            RecentSignals(self._redis).texts,
            wallet=self.wallet,
            clock=self._clock,
            shard=identity.shard,
            renew=identity.lease.renew,
        )

    def _compare(self) -> None:
        """Say what came or went of the wallet's collateral since the ledger knew of it."""
        there = self.bankroll()
        if there is not None:
            say_apart(RedisLedger(self._redis, "live"), there, "live")

    def _pause(self, seconds: float) -> None:
        self._clock.wait(self._stop, seconds)


def read_collateral(settings: BuyerSettings, redis: Redis, *, clock: Clock, stop: threading.Event) -> int:
    """Return what the wallet holds in micro-units, asked as a start asks it.

    Raises:
        BadConfig, RefusedForSafety: the key is missing or wrong, or the venue does not take it.
        TryAgain: throttled or away.
    """
    account, wallet = open_account(settings, redis, clock, stop)
    account.refresh("COLLATERAL", int(wallet.kind))
    return account.holding("COLLATERAL", int(wallet.kind)).balance


def _watch(
    settings: BuyerSettings, redis: Redis, upstreams: Upstreams, wallet: str, clock: Clock, stop: threading.Event
) -> WalletWatch:
    """Return what compares wallet and ledger; how far a node may be behind follows from how often it looks."""
    ledger, again_s = RedisLedger(redis, LIVE), min(AGAIN_S, settings.wallet_check_s)
    look = _look(ledger, upstreams, wallet, clock, again_s)
    strangers = StrangerFills(PolygonClient(upstreams.rpc), ledger, wallet, clock).look
    every_s = settings.wallet_check_s
    return WalletWatch(look, ledger, clock=clock, every_s=every_s, again_s=again_s, stop=stop, strangers=strangers)


def _look(ledger: RedisLedger, upstreams: Upstreams, wallet: str, clock: Clock, again_s: float) -> WalletLook:
    index, chain = RedeemablePositions(upstreams.data_api), WalletBalances(PolygonClient(upstreams.rpc), wallet)
    return WalletLook(ledger, chain, lambda: index.shares(wallet), clock, again_s * LAG_PART)


def wallet_look(settings: BuyerSettings, redis: Redis, *, clock: Clock, stop: threading.Event) -> WalletLook:
    """Return what looks once at this key's wallet, beside the live ledger.

    Raises:
        BadConfig: the key is missing or wrong.
    """
    signer = OrderSigner(settings.key_source.read())
    wallet, upstreams = wallet_of(settings, signer).funder.lower(), Upstreams(settings, redis, clock, stop)
    return _look(RedisLedger(redis, LIVE), upstreams, wallet, clock, min(AGAIN_S, settings.wallet_check_s))


def order_lookup(
    settings: BuyerSettings, redis: Redis, *, clock: Clock, stop: threading.Event
) -> Callable[[str, str, int], Shown | None]:
    """Return how the venue is asked what it shows of an order of this wallet: by its hash, token and time.

    Raises:
        BadConfig, RefusedForSafety: the key is missing or wrong, or the venue does not take it.
    """
    account, _ = open_account(settings, redis, clock, stop)
    return account.shown


def _holds_lots(redis: Redis) -> bool:
    """Say whether there is something to sell, or an order under way that may come to be."""
    ledger = RedisLedger(redis, LIVE)
    return bool(open_lots(ledger) or ledger.records(ORDERS) or ledger.records(INTENTS))
