"""Build what only a live buyer has: the signing venue, its account, the settlement. Needs the extra `live`."""

import gc
import sys
import threading
from dataclasses import dataclass
from functools import partial

from redis import Redis

from buyer.adoption import Adoption
from buyer.config import BuyerSettings
from buyer.lanes import Lanes
from buyer.recovery import Recovery
from buyer.settlement import Settlement
from buyer.settling import Settling
from buyer.venue.polymarket.account import Account, api_key
from buyer.venue.polymarket.auth import ApiKey, Requests
from buyer.venue.polymarket.live import LiveVenue
from buyer.venue.polymarket.order import Wallet, WalletKind
from buyer.venue.polymarket.preflight import Check, Preflight, check_wallet
from buyer.venue.polymarket.signer import Signer, checksummed, read_key
from buyer.venue.polymarket.user_feed import UserFeed
from buyer.venue.port import Prices
from shared.clock import Clock
from shared.errors import BadConfig, HybridError, RefusedForSafety
from shared.events import SIGNALS
from shared.gated_script import Turns
from shared.http import Upstream
from shared.polymarket.polygon import Polygon
from shared.polymarket.wallets import wallets_of
from shared.rate_gate import GateLimits, RateGate
from shared.streams import tail
from shared.websocket import open_socket

_KINDS = {
    "deposit": WalletKind.DEPOSIT,
    "safe": WalletKind.SAFE,
    "proxy": WalletKind.PROXY,
    "eoa": WalletKind.EOA,
}
_MADE = {WalletKind.DEPOSIT: "deposit wallet", WalletKind.SAFE: "Safe", WalletKind.PROXY: "proxy wallet"}


SWITCH_S = 0.0005
"""How long a busy thread (settlement, books) may keep an order waiting; Python's default is 5 ms."""
COLLECT_AT = (20_000, 20, 50)
"""Objects made before their cycles are looked for: values hold none, and a whole look takes as long as ten orders."""
LANES = 4
"""Markets whose signals are worked on at once."""
RECENT_SIGNALS = 5000
"""Where the leader of a forgotten order is looked for."""


@dataclass(frozen=True)
class LiveParts:
    """What a live buyer has that a paper one has not; `bankroll` is the wallet's collateral in micro-units."""

    venue: LiveVenue
    settlement: Settlement
    recovery: Recovery
    bankroll: int
    lanes: Lanes


def live_parts(
    settings: BuyerSettings,
    redis: Redis,
    adoption: Adoption,
    settling: Settling,
    prices: Prices,
    *,
    clock: Clock,
    stop: threading.Event,
) -> LiveParts:
    """Pass the preflight, then build.

    Raises:
        RefusedForSafety: a check failed; the message has one line for each, with its fix.
        BadConfig: the signing key is missing or wrong.
    """
    sys.setswitchinterval(SWITCH_S)
    gc.freeze()
    gc.set_threshold(*COLLECT_AT)
    signer = Signer(read_key(settings.private_key, settings.private_key_file))
    wallet = wallet_of(settings, signer)
    upstreams = Upstreams(settings, redis, clock, stop)
    key = _key(settings, upstreams.account, signer, wallet, clock)
    requests = Requests(signer.address, key)
    polygon = Polygon(upstreams.rpc)
    account = Account(upstreams.account, requests, polygon, clock=clock)
    preflight = Preflight(upstreams.account, upstreams.geoblock, account, wallet, clock)
    _demand(preflight.run())
    venue = LiveVenue(
        upstreams.orders,
        Turns(upstreams.gate, stop),
        account,
        signer=signer,
        wallet=wallet,
        requests=requests,
        clock=clock,
    )
    connect = partial(open_socket, "user feed", settings.clob_user_url)
    feed = UserFeed(connect, key, clock=clock, pause=lambda seconds: _pause(clock, stop, seconds))
    recovery = Recovery(
        polygon,
        account,
        adoption,
        prices,
        lambda: (entry.json for entry in tail(redis, SIGNALS, RECENT_SIGNALS)),
        wallet=wallet.funder.lower(),
        clock=clock,
    )
    settlement = Settlement(settling, account, feed, clock=clock)
    return LiveParts(venue, settlement, recovery, preflight.balance(), Lanes(LANES))


def wallet_of(settings: BuyerSettings, signer: Signer) -> Wallet:
    """Return the wallet that trades: the one that was named, or the one its factory makes for this key."""
    kind = _KINDS[settings.wallet_type]
    made = wallets_of(signer.address.lower())
    derived = made[_MADE[kind]] if kind in _MADE else signer.address
    return Wallet(kind, checksummed(settings.wallet or derived), signer.address)


class Upstreams:
    """The venue as a live buyer asks it. Orders have no gate here: their turn is taken with the intent."""

    def __init__(self, settings: BuyerSettings, redis: Redis, clock: Clock, stop: threading.Event) -> None:
        def gate(name: str, rate_per_s: float) -> RateGate:
            return RateGate(redis, name, GateLimits(rate_per_s, burst=max(1, round(rate_per_s / 5))), clock=clock)

        def upstream(name: str, url: str, gates: list[RateGate]) -> Upstream:
            return Upstream(name, url, gates, clock=clock, stop=stop, timeout_s=settings.http_timeout_s)

        self.gate = gate("clob_orders", settings.orders_per_s)
        self.orders = upstream("clob_orders", settings.clob_url, [])
        self.account = upstream("clob_account", settings.clob_url, [gate("clob_ledger", settings.account_rate_per_s)])
        self.rpc = upstream("rpc", settings.rpc_url, [gate("rpc", settings.rpc_rate_per_s)])
        self.geoblock = upstream("geoblock", settings.geoblock_url, [])


def _key(settings: BuyerSettings, clob: Upstream, signer: Signer, wallet: Wallet, clock: Clock) -> ApiKey:
    given = (settings.api_key, settings.api_secret, settings.api_passphrase)
    if all(given):
        return ApiKey(*(part for part in given if part is not None))
    if any(given):
        raise BadConfig("API_KEY, API_SECRET, API_PASSPHRASE: set all three or none (then they are derived)")
    try:
        return api_key(clob, signer, clock)
    except HybridError as error:
        fix = "Check WALLET_TYPE and the signing key, or set API_KEY, API_SECRET and API_PASSPHRASE"
        refusal = Check("api key", passed=False, found=f"{type(error).__name__}: {error}", fix=fix)
        raise _refusal((check_wallet(wallet), refusal)) from error


def _demand(checks: tuple[Check, ...]) -> None:
    if not all(check.passed for check in checks):
        raise _refusal(checks)


def _refusal(checks: tuple[Check, ...]) -> RefusedForSafety:
    lines = "\n".join(f"  {check}" for check in checks if not check.passed)
    return RefusedForSafety(f"live trading is refused, nothing was sent:\n{lines}")


def _pause(clock: Clock, stop: threading.Event, seconds: float) -> None:
    clock.wait(stop, seconds)
