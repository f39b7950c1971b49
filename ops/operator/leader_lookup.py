"""Which wallet trades for an address: the venue and the chain are asked before it is followed."""

import threading

from ops.research.proxy_wallets import ResolvedWallet, resolve
from shared.clock import Clock
from shared.config import Settings, parse
from shared.http.client import Upstream
from shared.polymarket.data_api import ActivityV2
from shared.polymarket.polygon import PolygonClient


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
