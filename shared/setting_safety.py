"""Settings that are refused for safety: a key that others can read, a venue or node that anybody on the way can be."""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from shared.domain.errors import RefusedForSafety
from shared.domain.secret_settings import ADDRESSES, VALUES

_OTHERS = 0o077
_PLAIN = frozenset({"http", "ws"})
_FIX = (
    "whoever is on the way can read it and answer in its place. Use https:// (wss://), or where the way is your own "
    "ALLOW_PLAIN_HTTP=true"
)


def refuse_readable_keys(env_file: str, given: Mapping[str, str | None]) -> None:
    """Refuse a file of settings that holds a key and can be read by others.

    Raises:
        RefusedForSafety: naming the settings, never their values.
    """
    keys = sorted(name.upper() for name, value in given.items() if value and name.upper() in VALUES | ADDRESSES)
    if keys and Path(env_file).stat().st_mode & _OTHERS:
        fix = f"chmod 600 {env_file}, and replace them if others could have read it"
        raise RefusedForSafety(f"{env_file} holds {', '.join(keys)} and others can read it: {fix}")


def refuse_plain_urls(urls: Mapping[str, str]) -> None:
    """Refuse upstreams without TLS that are not on this machine; `urls` by the setting's name.

    Raises:
        RefusedForSafety: naming each, its host, and the fix.
    """
    found = {name: urlsplit(url).hostname or "" for name, url in urls.items() if urlsplit(url).scheme in _PLAIN}
    away = [f"{name.upper()} ({host})" for name, host in found.items() if not _is_loopback(host)]
    if away:
        raise RefusedForSafety(f"{', '.join(away)}: without TLS {_FIX}")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
