"""The settings that lead every program to a local venue (`python -m simulator`) instead of the real one. Pure."""

import re
from collections.abc import Mapping

_BASE = re.compile(r"http(s?)(://[\w.\[\]:-]+)/?", re.IGNORECASE)
_PATHS = {
    "DATA_API_URL": "/data",
    "GAMMA_URL": "/gamma",
    "CLOB_URL": "/clob",
    "RPC_URL": "/rpc",
    "SUBGRAPH_URL": "/subgraph/orderbook-subgraph/0.0.1/gn",
    "GEOBLOCK_URL": "/site/api/geoblock",
    "RELAYER_URL": "/relayer",
}
_SOCKETS = {
    "CLOB_MARKET_URL": "/ws/market",
    "CLOB_USER_URL": "/ws/user",
    "RTDS_URL": "/rtds",
    "PENDING_URLS": "/rpc/pending",
}


def local_venue(base: str) -> Mapping[str, str]:
    """Return each upstream's URL below `base`, as http://127.0.0.1:8600.

    Raises:
        ValueError: it is no address of a server.
    """
    found = _BASE.fullmatch(base.strip())
    if found is None:
        raise ValueError(f"{base!r} is no address of a local venue: http://127.0.0.1:8600")
    secure, place = found.groups()
    return {
        **{name: f"http{secure}{place}{path}" for name, path in _PATHS.items()},
        **{name: f"ws{secure}{place}{path}" for name, path in _SOCKETS.items()},
    }
