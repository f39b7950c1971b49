"""What docs/venue.md says of the Data API, Gamma and the CLOB, each held against one read."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from ops.probe.belief import Belief, NothingToSee, demand
from ops.probe.upstreams import ProbedVenue
from shared.domain.errors import HybridError
from shared.domain.money import MICRO, to_micro
from shared.polymarket.wire.parsing import as_list, as_object, parse_market, read_text

_TICKS = {"0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001"}
_STEP = 20_000 * MICRO
"""Shares of which a price of ten decimals leaves a micro-unit of collateral open."""


def read_beliefs(venue: ProbedVenue) -> Iterator[Belief]:
    """Give each line of the page that a read can confirm."""
    yield Belief("1.1", "the last page's cursor is null, beside limit and offset", lambda: _pages(venue))
    yield Belief("1.1", "offset is refused", lambda: _offset(venue))
    yield Belief("1.1", "usdc_size holds the taker's fee: never below a buy's price x size", lambda: _fees(venue))
    yield Belief("1.1", "times are whole seconds; no log index, role or fee", lambda: _rows(venue))
    yield Belief("1.1", "resolutions say payouts and how they are known", lambda: _resolutions(venue))
    yield Belief("1.2", "documented as retired; whether it answers is not measured", lambda: _version_1(venue))
    yield Belief("2", "outcomes, prices and tokens are JSON inside strings", lambda: _strings(venue))
    yield Belief("2", "closed markets are missing unless asked for", lambda: _closed(venue))
    yield Belief("2", "pages of /markets/keyset go on by after_cursor alone", lambda: _keyset(venue))
    yield Belief("0", "a market is of version v1 or v2, and its ids have that shape", lambda: _versions(venue))
    yield Belief("3.1", "prices are texts, bids rise, asks fall, the best is the last", lambda: _book(venue))
    yield Belief("3.1", "a resolved token has no book", lambda: _no_book(venue))
    yield Belief("3.5", "a market names its fee's rate and exponent", lambda: _fee(venue))


def _pages(venue: ProbedVenue) -> str:
    body = as_object(venue.get("data", "/v2/activity", user=venue.wallet, limit=1000), "activity")
    paging = as_object(body.get("pagination"), "pagination")
    demand({"limit", "offset", "next_cursor", "has_more"} <= set(paging), f"pagination has {sorted(paging)}")
    last, cursor = not paging["has_more"], paging["next_cursor"]
    demand((cursor is None) == last, f"has_more {paging['has_more']} with next_cursor {cursor!r}")
    return "null on the only page" if last else "a text while more is there"


def _offset(venue: ProbedVenue) -> str:
    demand(venue.refuses("data", "/v2/activity", user=venue.wallet, offset=1), "an offset is taken")
    return "refused"


def _fees(venue: ProbedVenue) -> str:
    charged = 0
    for row in venue.rows:
        size, price, paid = (Decimal(str(row[name])) for name in ("size", "price", "usdc_size"))
        over = to_micro(paid) - to_micro(size * price)
        over = over if row["side"] == "BUY" else -over
        doubt = 2 + to_micro(size) // _STEP
        demand(over >= -doubt, f"{row['side']} {size} @ {price} shows {paid}, {-over} micro-units on the wrong side")
        charged += over > doubt
    return f"{len(venue.rows)} rows, {charged} of them with a fee"


def _rows(venue: ProbedVenue) -> str:
    row = venue.rows[0]
    demand(isinstance(row.get("timestamp"), int), f"timestamp {row.get('timestamp')!r}")
    new = set(row) & {"log_index", "role", "fee", "fee_usdc", "is_taker"}
    demand(not new, f"rows carry {sorted(new)}")
    return f"{len(row)} keys, none of them"


def _resolutions(venue: ProbedVenue) -> str:
    conditions = [read_text(market, "conditionId") for market in venue.ended_markets]
    body = as_object(venue.get("data", "/v2/resolutions", condition=",".join(conditions[:5])), "resolutions")
    rows = [as_object(row, "resolution") for row in as_list(body.get("data"), "resolutions")]
    ended = [row for row in rows if row.get("status") == "resolved"]
    if not ended:
        raise NothingToSee(f"none of {len(rows)} is resolved")
    demand(all(len(as_list(row.get("payouts"), "payouts")) == 2 for row in ended), f"payouts {ended[0].get('payouts')}")  # noqa: PLR2004 - two outcomes
    return f"{len(ended)} resolved, source {ended[0].get('resolution_source')!r}"


def _version_1(venue: ProbedVenue) -> str:
    refused = venue.refuses("data", "/activity", user=venue.wallet, limit=1)
    return "version 1 is refused" if refused else "version 1 answers still"


def _strings(venue: ProbedVenue) -> str:
    market = venue.open_markets[0]
    for name in ("outcomes", "outcomePrices"):
        demand(isinstance(market.get(name), str), f"{name} is {type(market.get(name)).__name__}")
        json.loads(market[name])
    return f"as in market {market.get('id')}"


def _closed(venue: ProbedVenue) -> str:
    ended = [market for market in venue.open_markets if market.get("closed")]
    demand(not ended, f"{len(ended)} closed markets are listed as open")
    demand(all(market.get("closed") for market in venue.ended_markets), "open markets are listed as closed")
    return f"{len(venue.open_markets)} open, {len(venue.ended_markets)} closed"


def _keyset(venue: ProbedVenue) -> str:
    first = as_object(venue.get("gamma", "/markets/keyset", limit=2), "markets")
    cursor = read_text(first, "next_cursor")
    if not cursor:
        raise NothingToSee("one page holds all")
    ignored = as_object(venue.get("gamma", "/markets/keyset", limit=2, cursor=cursor), "markets")
    after = as_object(venue.get("gamma", "/markets/keyset", limit=2, after_cursor=cursor), "markets")
    demand(_ids(ignored) == _ids(first), "a parameter named cursor moves on too")
    demand(_ids(after) != _ids(first), "after_cursor does not move on")
    return "as said"


def _ids(body: Mapping[str, Any]) -> list[str]:
    return [read_text(as_object(market, "market"), "id") for market in as_list(body.get("markets"), "markets")]


def _versions(venue: ProbedVenue) -> str:
    versions: dict[str, int] = {}
    for market in venue.open_markets:
        try:
            parse_market(market)
        except HybridError as error:
            demand(False, str(error))  # noqa: FBT003 - it is refused
        name = read_text(market, "version") or "none named"
        versions[name] = versions.get(name, 0) + 1
    return ", ".join(f"{name} {count}" for name, count in versions.items())


def _book(venue: ProbedVenue) -> str:
    book = as_object(venue.get("clob", "/book", token_id=_token(venue)), "book")
    sides = {name: [_price(level) for level in as_list(book.get(name), name)] for name in ("bids", "asks")}
    demand(sides["bids"] == sorted(sides["bids"]), "bids do not rise")
    demand(sides["asks"] == sorted(sides["asks"], reverse=True), "asks do not fall")
    tick = str(book.get("tick_size"))
    demand(tick in _TICKS, f"tick {tick}")
    return f"{len(sides['bids'])} bids, {len(sides['asks'])} asks, tick {tick}"


def _price(level: object) -> Decimal:
    text = as_object(level, "level").get("price")
    demand(isinstance(text, str), f"a price is {text!r}")
    try:
        return Decimal(str(text))
    except InvalidOperation:
        demand(False, f"a price is {text!r}")  # noqa: FBT003 - it is none
        raise


def _token(venue: ProbedVenue) -> str:
    for market in venue.open_markets:
        tokens = json.loads(market.get("clobTokenIds") or "[]")
        if tokens and market.get("acceptingOrders"):
            return str(tokens[0])
    raise NothingToSee("no market takes orders")


def _no_book(venue: ProbedVenue) -> str:
    tokens = [token for market in venue.ended_markets for token in json.loads(market.get("clobTokenIds") or "[]")]
    if not tokens:
        raise NothingToSee("no ended market names its tokens")
    demand(venue.refuses("clob", "/book", token_id=tokens[0]), "there is one")
    return "404"


def _fee(venue: ProbedVenue) -> str:
    condition = read_text(venue.open_markets[0], "conditionId")
    market = as_object(venue.get("clob", f"/clob-markets/{condition}"), "market")
    fee = as_object(market.get("fd") or {}, "fee")
    demand({"r", "e"} <= set(fee), f"fd is {fee}")
    return f"rate {fee['r']}, exponent {fee['e']}"
