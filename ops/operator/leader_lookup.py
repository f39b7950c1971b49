"""Which wallet trades for what a person gave: the venue and the chain are asked before it is followed."""

import threading

from redis import Redis

from ops.operator.leaders import checked
from ops.research.proxy_wallets import ResolvedWallet, resolve
from shared.clock import Clock
from shared.config import Settings, parse
from shared.http.client import Upstream
from shared.polymarket.data_api import ActivityV2
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.profiles import wallet_of_handle
from shared.polymarket.wire.leader_words import read_leader
from shared.rate_limit.gate import RateGate
from shared.rate_limit.limits import GateLimits


def wallet_named(redis: Redis, word: str, clock: Clock) -> tuple[str, str]:
    """Return the address that a word names and what it is called there: a handle is looked up, within Gamma's budget.

    Raises:
        BadConfig: it names nobody, or a handle that nobody or several have.
        TryAgain: it is a handle, and the venue does not answer now.
    """
    named = read_leader(word)
    if named is None or not named.handle:
        return checked(word), ""
    cfg, stop = parse(Settings, []), threading.Event()
    gate = RateGate(redis, "gamma", GateLimits(cfg.gamma_rate_per_s), clock=clock)
    gamma = Upstream("gamma", cfg.gamma_url, [gate], clock=clock, stop=stop, timeout_s=cfg.http_timeout_s)
    try:
        return checked(wallet_of_handle(gamma, named.handle)), named.handle
    finally:
        gamma.close()


def look_up(address: str, clock: Clock, stop: threading.Event | None = None) -> ResolvedWallet:
    """Ask the venue and the chain which wallet trades for `address`.

    Raises:
        BadConfig: none does; with what to give instead.
        TryAgain: they do not answer now; `--offline` follows without asking.
    """
    cfg, stop = parse(Settings, []), stop or threading.Event()
    data = Upstream("data_api", cfg.data_api_url, [], clock=clock, stop=stop, timeout_s=cfg.http_timeout_s)
    node = Upstream("rpc", cfg.rpc_url, [], clock=clock, stop=stop, timeout_s=cfg.http_timeout_s)
    try:
        return resolve(address, ActivityV2(data, clock), PolygonClient(node))
    finally:
        data.close()
        node.close()
