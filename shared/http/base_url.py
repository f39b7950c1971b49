"""The base URL of an upstream, checked, and the secrets that stand in it. Pure."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from shared.domain.errors import BadConfig

SECRET_CHARS = 12
"""A piece of the base URL's path this long is taken for a key (`/v2/<key>` of RPC providers)."""


def checked_base(name: str, base_url: str) -> str:
    """Return the base URL without a trailing slash.

    Raises:
        BadConfig: it is none, or holds a query string.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise BadConfig(f"The URL of {name} must look like https://host/path and hold no query string.")
    return base_url.rstrip("/")


def url_secrets(base_url: str, headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return what of an upstream's address and headers must never be shown."""
    parts = urlsplit(base_url)
    pieces = [*parts.path.split("/"), parts.password or "", *headers.values()]
    return tuple(piece for piece in pieces if len(piece) >= SECRET_CHARS)


def url_origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port: what a redirect must not leave."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port
