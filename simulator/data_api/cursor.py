"""Opaque, signed cursors: they carry page size and direction, and are bound to the filters they were made for."""

import base64
import binascii
import json
from typing import NamedTuple

from simulator.core import identity
from simulator.gateway.http_messages import Query, RefusedError

_UNBOUND = {"cursor", "limit", "sort_direction", "_"}


class Place(NamedTuple):
    """Where a page ended, how large it was and which way it went."""

    key: tuple[int, int]
    size: int
    direction: str = ""


def filters_of(query: Query, known: frozenset[str]) -> str:
    """Return a fingerprint of the filters a cursor is valid for; unknown names do not count."""
    bound = sorted((query.names() & known) - _UNBOUND)
    return identity.digest(*((name, query.every(name)) for name in bound))[:16]


def encode(place: Place, filters: str) -> str:
    """Return the cursor that continues after a place."""
    payload = json.dumps([*place.key, place.size, place.direction, filters, _signature(place, filters)])
    return base64.urlsafe_b64encode(payload.encode()).decode()


def decode(text: str, filters: str) -> Place | None:
    """Return the place to continue after; refuse what we did not hand out for these filters."""
    if not text:
        return None
    try:
        low, high, size, direction, bound, signature = json.loads(base64.urlsafe_b64decode(text))
        place = Place((int(low), int(high)), int(size), str(direction))
    except (binascii.Error, ValueError, TypeError) as error:
        raise RefusedError(400, "invalid cursor", parameter="cursor") from error
    if bound != filters or signature != _signature(place, filters):
        raise RefusedError(400, "cursor does not match the filters", parameter="cursor")
    return place


def _signature(place: Place, filters: str) -> str:
    return identity.digest("cursor", *place, filters)[:16]
