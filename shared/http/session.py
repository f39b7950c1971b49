"""The sessions that upstreams are asked through: pooled connections for polling, warm ones for orders."""

from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy

from shared.code_version import code_version
from shared.http.keepalive import KeptConnections

_SESSIONS_OWN = frozenset({"Accept-Encoding", "Connection"})


def pooled_session(base_url: str, pool_size: int, headers: Mapping[str, str]) -> requests.Session:
    """Build a session that threads can share: pooled, no retries, no cookies, no .netrc.

    Proxy and CA settings of the environment are read once, here; a local address is never sent to a proxy.
    """
    session = requests.Session()
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=pool_size, max_retries=0)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update({"User-Agent": f"hybrid-signals/{code_version()}", "Accept": "application/json", **headers})
    if urlsplit(base_url).hostname not in {"127.0.0.1", "localhost", "::1"}:
        found = cast("dict[str, Any]", session.merge_environment_settings(base_url, {}, None, None, None))
        session.proxies, session.verify = dict(found["proxies"]), found["verify"]
    session.trust_env = False
    return session


def warm_connections(
    base_url: str, session: requests.Session, silence_s: tuple[float, float]
) -> KeptConnections | None:
    """Return warm connections with the session's own words and CA bundle; None where a proxy stands between."""
    if select_proxy(base_url, session.proxies):
        return None
    headers = {name: str(value) for name, value in session.headers.items() if name not in _SESSIONS_OWN}
    ca = session.verify if isinstance(session.verify, str) else DEFAULT_CA_BUNDLE_PATH
    return KeptConnections(base_url, headers, ca=ca, connect_s=silence_s[0], silence_s=silence_s[1])
