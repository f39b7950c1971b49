"""Raw markets and books of the venue, read once at the edge into our nouns.

JSON arrives with its non-integers as `Decimal` (`shared/http/client`). A value that cannot be read is a `Malformed`
that names the field; what the venue leaves out has a default that is said here.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, cast

from shared.domain.errors import Malformed
from shared.domain.market import Book, Level, MarketFacts, is_position, module_of
from shared.domain.money import MICRO, Price, Rate, Shares, Usdc, decimal_text, fee_exponent_of, from_micro, to_micro

Raw = Mapping[str, Any]

_DEFAULT_TICK = Price(10_000)
_DEFAULT_MIN_SHARES = Shares(5_000_000)
_SPACED_TIME = re.compile(r"^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)\+00$")
_PLACES, _MOST_DIGITS = 6, 15
_FRACTION = re.compile(r"\.(\d+)")


def parse_market(raw: object) -> list[MarketFacts]:
    """Read one Gamma market into facts for each of its outcome tokens.

    Outcomes and token ids are JSON inside JSON, in the same order. A market without tokens (not on the CLOB) is an
    empty list; one of Protocol V2 names its tokens as `positionIds`. The taker's fee comes from `feeSchedule`, only
    where `feesEnabled` says so; a market that charges fees without saying how much is refused, because a guess would
    cost money. So is a market of a version that is none we know, and one whose tokens are of the other version.

    Raises:
        Malformed: naming the market and the field.
    """
    market = as_object(raw, "market")
    tokens = _tokens(market)
    outcomes = [str(outcome) for outcome in _inner_list(market, "outcomes")]
    if not any(tokens):
        return []
    if outcomes and len(outcomes) != len(tokens):
        raise Malformed(f"market {market.get('id')}: {len(outcomes)} outcomes for {len(tokens)} clobTokenIds")
    shared = _shared_facts(market)
    return [
        MarketFacts(token_id=token, outcome_index=place, outcome=outcomes[place] if outcomes else "", **shared)
        for place, token in enumerate(tokens)
        if token
    ]


def _tokens(market: Raw) -> list[str]:
    """Return the tokens that a market of this version trades; version and the shape of the ids must agree.

    About a third of the markets of version 1 carry `positionIds` too: those are not what is traded (venue reference 2).
    """
    version = read_text(market, "version")
    if version not in {"", "v1", "v2"}:
        raise Malformed(f"market {market.get('id')}: version {version!r} is none we know (v1, v2)")
    named = _inner_list(market, "clobTokenIds") or (_inner_list(market, "positionIds") if version == "v2" else [])
    tokens = [str(token) for token in named]
    for token in filter(None, tokens if version else []):
        if not token.isdecimal():
            raise Malformed(f"market {market.get('id')}: {token[:80]!r} is no token id")
        if is_position(token) != (version == "v2"):
            raise Malformed(f"market {market.get('id')}: version {version} and a token of the other kind, {token}")
        if version == "v2":
            module_of(token)
    return tokens


def _shared_facts(market: Raw) -> dict[str, Any]:
    rate, exponent = _fee(market)
    event = _first_event(market)
    return {
        "condition_id": read_text(market, "conditionId").lower(),
        "title": read_text(market, "question"),
        "slug": read_text(market, "slug"),
        "event_slug": read_text(event, "slug"),
        "event_id": read_text(event, "id"),
        "category": read_text(market, "category") or read_text(event, "category"),
        "tick": Price(read_amount(market, "orderPriceMinTickSize", _DEFAULT_TICK)),
        "min_shares": Shares(read_amount(market, "orderMinSize", _DEFAULT_MIN_SHARES)),
        "fee_rate": rate,
        "fee_exponent": exponent,
        "neg_risk": read_flag(market, "negRisk", default=False),
        "accepting_orders": read_flag(market, "acceptingOrders", default=False),
        "closed": read_flag(market, "closed", default=False),
        "ends_at_ms": read_time_ms(read_text(market, "endDate")),
        "liquidity": _liquidity(market),
    }


def _liquidity(market: Raw) -> Usdc | None:
    """Return what Gamma says rests in the books; 0 is what it says before it reckoned, so that is not known either."""
    try:
        return Usdc(to_micro(read_number(market, "liquidity", Decimal(0)))) or None
    except Malformed:
        return None


def _fee(market: Raw) -> tuple[Rate, int | Decimal]:
    if not read_flag(market, "feesEnabled", default=False):
        return Rate(0), 1
    schedule = market.get("feeSchedule")
    if not isinstance(schedule, Mapping):
        raise Malformed(f"market {market.get('id')}: feesEnabled without feeSchedule")
    known = cast("Raw", schedule)
    return Rate(read_amount(known, "rate")), fee_exponent_of(read_number(known, "exponent", Decimal(1)))


def _first_event(market: Raw) -> Raw:
    events = market.get("events")
    found = cast("list[Any]", events) if isinstance(events, list) else []
    return cast("Raw", found[0]) if found and isinstance(found[0], Mapping) else {}


def parse_book(raw: object, now_ms: int) -> Book:
    """Read one CLOB book: levels in any order, prices and sizes as strings, time in milliseconds as a string.

    Its age counts from `now_ms`, when the answer came: the venue's own time is that of the last change.

    Raises:
        Malformed: naming the field.
    """
    book = as_object(raw, "book")
    token = read_text(book, "asset_id")
    if not token:
        raise Malformed("book: asset_id is missing")
    stamp = read_text(book, "timestamp")
    return Book.of(
        token,
        now_ms,
        _levels(book, "bids"),
        _levels(book, "asks"),
        changed_at_ms=int(stamp) if stamp.isdigit() else None,
        tick=Price(read_amount(book, "tick_size")) if book.get("tick_size") else None,
    )


def _levels(book: Raw, side: str) -> list[Level]:
    levels = [as_object(row, side) for row in as_list(book.get(side) or [], f"book: {side}")]
    return [
        Level(price=Price(read_amount(level, "price")), shares=Shares(read_amount(level, "size"))) for level in levels
    ]


def as_object(raw: object, what: str) -> Raw:
    """Return `raw` as a JSON object.

    Raises:
        Malformed: it is something else.
    """
    if not isinstance(raw, Mapping):
        raise Malformed(f"{what}: expected a JSON object, got {str(raw)[:80]!r}")
    return cast("Raw", raw)


def as_list(raw: object, what: str) -> list[Any]:
    """Return `raw` as a JSON array.

    Raises:
        Malformed: it is something else.
    """
    if not isinstance(raw, list):
        raise Malformed(f"{what}: expected a JSON array, got {str(raw)[:80]!r}")
    return cast("list[Any]", raw)


def read_text(raw: Raw, name: str) -> str:
    """Return a field as text; '' where it is absent or null."""
    value = raw.get(name)
    return "" if value is None else str(value)


def read_flag(raw: Raw, name: str, *, default: bool) -> bool:
    """Return a boolean field.

    Raises:
        Malformed: it is something else.
    """
    value = raw.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise Malformed(f"{name}: expected true or false, got {value!r}")
    return value


def read_number(raw: Raw, name: str, default: Decimal | None = None) -> Decimal:
    """Return a finite number sent as a JSON number or as text.

    Raises:
        Malformed: absent without a default, or no finite number.
    """
    value = raw.get(name)
    if value is None and default is not None:
        return default
    if isinstance(value, float):
        value = repr(value)
    if isinstance(value, bool) or value is None:
        raise Malformed(f"{name}: expected a number, got {value!r}")
    try:
        found = Decimal(value)
    except (InvalidOperation, TypeError, ValueError) as error:
        raise Malformed(f"{name}: expected a number, got {value!r}") from error
    if not found.is_finite():
        raise Malformed(f"{name}: expected a finite number, got {value!r}")
    return decimal_text(found)


def read_amount(raw: Raw, name: str, default: int | None = None) -> int:
    """Return a number in micro-units.

    Raises:
        Malformed: it is none, or has more than 6 decimals, which no book, tick or rate of the venue has.
    """
    value = raw.get(name)
    if default is not None and value is None:
        return default
    if isinstance(value, str) and (plain := _plain_amount(value)) is not None:
        return plain
    number = read_number(raw, name)
    micro = to_micro(number)
    if from_micro(micro) != number:
        raise Malformed(f"{name}: more than 6 decimals: {number}")
    return micro


@lru_cache(maxsize=16_384)
def _plain_amount(text: str) -> int | None:
    """Return the micro-units of digits with at most 6 decimals, as a book has thousands; None for any other text."""
    whole, point, rest = text.partition(".")
    digits = whole + rest
    if not (digits.isascii() and digits.isdigit()) or len(digits) > _MOST_DIGITS or len(rest) > _PLACES:
        return None
    return None if not whole or (point and not rest) else int(whole) * MICRO + int(rest.ljust(_PLACES, "0"))


def read_time_ms(stamp: str) -> int | None:
    """Return an ISO-8601 or `YYYY-MM-DD HH:MM:SS+00` time in epoch milliseconds; None for none or an unreadable one."""
    spaced = _SPACED_TIME.match(stamp)
    cleaned = f"{spaced[1]}T{spaced[2]}+00:00" if spaced else stamp.replace("Z", "+00:00")
    cleaned = _FRACTION.sub(lambda found: "." + found[1][:6].ljust(6, "0"), cleaned, count=1)
    try:
        moment = datetime.fromisoformat(cleaned)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def _inner_list(market: Raw, name: str) -> list[Any]:
    value = market.get(name)
    if value is None or value == "":
        return []
    try:
        found: object = json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise Malformed(f"market {market.get('id')}: {name} is no JSON: {value[:80]!r}") from error
    return as_list(found, f"market {market.get('id')}: {name}")
