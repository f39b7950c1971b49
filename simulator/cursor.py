"""Opaque, signed cursors that are bound to the filters they were made for."""

import base64
import binascii
import json

from simulator import identity
from simulator.web import Query, RefusedError

_UNBOUND = {"cursor", "limit", "_"}


def filters_of(query: Query, known: frozenset[str]) -> str:
    """Return a fingerprint of the filters a cursor is valid for; unknown names do not count."""
    bound = sorted((query.names() & known) - _UNBOUND)
    return identity.digest(*((name, query.every(name)) for name in bound))[:16]


def encode(key: tuple[int, int], filters: str) -> str:
    """Return the cursor that continues after a key."""
    payload = json.dumps([*key, filters, _signature(key, filters)])
    return base64.urlsafe_b64encode(payload.encode()).decode()


def decode(text: str, filters: str) -> tuple[int, int] | None:
    """Return the key to continue after; refuse what we did not hand out for these filters."""
    if not text:
        return None
    try:
        low, high, bound, signature = json.loads(base64.urlsafe_b64decode(text))
        key = (int(low), int(high))
    except (binascii.Error, ValueError, TypeError) as error:
        raise RefusedError(400, "invalid cursor", parameter="cursor") from error
    if bound != filters or signature != _signature(key, filters):
        raise RefusedError(400, "cursor does not match the filters", parameter="cursor")
    return key


def _signature(key: tuple[int, int], filters: str) -> str:
    return identity.digest("cursor", key, filters)[:16]
