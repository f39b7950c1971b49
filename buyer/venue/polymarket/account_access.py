"""The way to the account at the venue, from the settings: wallet, API key, and upstreams with their budgets."""

import threading
from collections.abc import Callable

from redis import Redis

from buyer.config import BuyerSettings
from buyer.venue.polymarket.account import AccountApi
from buyer.venue.polymarket.account_requests import api_key
from buyer.venue.polymarket.credentials import ApiKey, RequestHeaders
from buyer.venue.polymarket.order_signing import TradingWallet, WalletKind
from buyer.venue.polymarket.preflight import PreflightCheck, check_wallet, refusal
from buyer.venue.polymarket.signer import OrderSigner, checksummed
from shared.clock import Clock
from shared.domain.errors import BadConfig, HybridError, Malformed, Rejected, TryAgain
from shared.http.client import Upstream
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.wire.endpoints import BUDGETS
from shared.polymarket.wire.wallets import wallets_of
from shared.rate_limit.gate import GateLimits, RateGate

_KINDS = {
    "deposit": WalletKind.DEPOSIT,
    "safe": WalletKind.SAFE,
    "proxy": WalletKind.PROXY,
    "eoa": WalletKind.EOA,
}
_MADE = {WalletKind.DEPOSIT: "deposit wallet", WalletKind.SAFE: "Safe", WalletKind.PROXY: "proxy wallet"}


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
        positions = gate("data_positions", BUDGETS["data_positions"].target_per_s)
        self.data_api = upstream("data_positions", settings.data_api_url, [positions])


def open_account(
    settings: BuyerSettings, redis: Redis, clock: Clock, stop: threading.Event
) -> tuple[AccountApi, TradingWallet]:
    """Return the account of this key's wallet as a command asks it, which waits for nothing.

    Raises:
        BadConfig, RefusedForSafety: the key is missing or wrong, or the venue does not take it.
    """
    signer = OrderSigner(settings.key_source.read())
    wallet, upstreams = wallet_of(settings, signer), Upstreams(settings, redis, clock, stop)
    requests = RequestHeaders(signer.address, read_key(settings, upstreams.account, signer, wallet, clock))
    return AccountApi(upstreams.account, requests, PolygonClient(upstreams.rpc), clock=clock), wallet


def wallet_of(settings: BuyerSettings, signer: OrderSigner) -> TradingWallet:
    """Return the wallet that trades: the one that was named, or the one its factory makes for this key."""
    kind = _KINDS[settings.wallet_type]
    made = wallets_of(signer.address.lower())
    derived = made[_MADE[kind]] if kind in _MADE else signer.address
    return TradingWallet(kind, checksummed(settings.wallet or derived), signer.address)


def _asked_twice(act: Callable[[], ApiKey]) -> ApiKey:
    """Return what `act` answers, at the second try when the first was refused: a command does not wait for more."""
    try:
        return act()
    except Rejected:
        return act()


def read_key(
    settings: BuyerSettings,
    clob: Upstream,
    signer: OrderSigner,
    wallet: TradingWallet,
    clock: Clock,
    insist: Callable[[Callable[[], ApiKey]], ApiKey] = _asked_twice,
) -> ApiKey:
    """Return the API key that was given, or the one that `insist` gets from the venue.

    Raises:
        BadConfig: a part of the key alone was given. RefusedForSafety: the venue gives none.
        TryAgain: throttled or away.
    """
    given = (settings.api_key, settings.api_secret, settings.api_passphrase)
    if all(given):
        return ApiKey(*(part for part in given if part is not None))
    if any(given):
        raise BadConfig("API_KEY, API_SECRET, API_PASSPHRASE: set all three or none (then they are derived)")
    try:
        return insist(lambda: api_key(clob, signer, clock))
    except (TryAgain, Malformed):
        raise
    except HybridError as error:
        fix = "Check WALLET_TYPE and the signing key, or set API_KEY, API_SECRET and API_PASSPHRASE"
        no = PreflightCheck("api key", passed=False, found=f"{type(error).__name__}: {error}", fix=fix)
        raise refusal((check_wallet(wallet), no)) from error
