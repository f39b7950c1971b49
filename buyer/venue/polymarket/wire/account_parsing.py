"""The venue's JSON on our own orders and trades, read once at the edge. Pure.

Source: venue reference 3.3 and 4.2; `polymarket-client` 0.14.0, `models/clob/account.py` and `user_events.py`.
"""

from dataclasses import replace
from fractions import Fraction

from buyer.domain.order_result import TRADE_STATES, OrderSeen, OwnTrade, Standing
from shared.domain.errors import Malformed
from shared.domain.market import MarketFacts
from shared.domain.money import Shares, Usdc, paid_fee, to_micro
from shared.polymarket.wire.parsing import Raw, as_list, as_object, read_number, read_text

_PREFIXES = ("ORDER_STATUS_", "TRADE_STATUS_")
_STANDINGS: dict[str, Standing] = {"LIVE": "open", "DELAYED": "open", "MATCHED": "matched", "UNMATCHED": "gone"}
_GONE = ("CANCEL", "INVALID", "EXPIRED")
_LAST_PAGE = "LTE="
_SHOWN_CHARS = 80
_AMOUNTS = ("matched_amount", "price")


def read_order(raw: object) -> OrderSeen:
    """Read `/data/order/{hash}`; a status we do not know counts as open, so nothing is given back by mistake.

    So does one that is gone without a word of what it matched.

    Raises:
        Malformed: naming the field.
    """
    order = as_object(raw, "order")
    status = _plain(read_text(order, "status"))
    standing = "gone" if status.startswith(_GONE) else _STANDINGS.get(status, "open")
    ids = as_list(order.get("associate_trades") or [], "associate_trades")
    blank = not read_text(order, "size_matched")
    matched = 0 if blank else to_micro(read_number(order, "size_matched"))
    return OrderSeen("open" if blank and standing == "gone" else standing, matched, frozenset(map(str, ids)))


def read_page(raw: object, path: str) -> tuple[list[Raw], str]:
    """Return a list's rows and the cursor of its next page, '' after the last: that page names a cursor of its own.

    Rows that are null stand for none only there. An answer without rows or cursor, as an error object, says nothing.

    Raises:
        Malformed: this is no such page.
    """
    page = as_object(raw, path)
    cursor = page.get("next_cursor")
    if not isinstance(cursor, str) or not cursor:
        raise Malformed(f"{path}: no next_cursor in {str(raw)[:_SHOWN_CHARS]!r}")
    last = cursor == _LAST_PAGE
    if "data" not in page or (page["data"] is None and not last):
        raise Malformed(f"{path}: no data in {str(raw)[:_SHOWN_CHARS]!r}")
    rows = [] if page["data"] is None else as_list(page["data"], path)
    return [as_object(row, path) for row in rows], "" if last else cursor


def orders_of(raw: Raw) -> frozenset[str]:
    """Return the hashes of every order that has a part in a trade; a row that names none is no trade.

    Raises:
        Malformed: it names no taker's order, or a maker's that cannot be read.
    """
    taker = read_text(raw, "taker_order_id").lower()
    if not taker:
        raise Malformed(f"trade without taker_order_id: {str(raw)[:_SHOWN_CHARS]!r}")
    makers = (read_text(as_object(maker, "maker order"), "order_id").lower() for maker in _makers(raw))
    return frozenset((taker, *makers))


def is_pending(raw: Raw) -> bool:
    """Say whether a trade can still fail."""
    return TRADE_STATES.get(_plain(read_text(raw, "status")), "PENDING") == "PENDING"


def read_trade(raw: object, order_hash: str, facts: MarketFacts) -> OwnTrade:
    """Read our part of one trade: the taker pays the fee, a maker none.

    The venue may leave every number of a trade blank while it waits to be carried out: id and status say enough then.

    Raises:
        Malformed: naming the field, or that the order has no part in it.
    """
    trade = as_object(raw, "trade")
    state = TRADE_STATES.get(_plain(read_text(trade, "status")), "PENDING")
    makers = [as_object(maker, "maker order") for maker in _makers(trade)]
    taking = read_text(trade, "taker_order_id").lower() == order_hash
    own = makers if taking else [maker for maker in makers if read_text(maker, "order_id").lower() == order_hash]
    if not (read_text(trade, "id") and (taking or own)):
        raise Malformed(f"trade {read_text(trade, 'id')!r}: no id, or order {order_hash} has no part in it")
    blank = OwnTrade(read_text(trade, "id"), state, 0, 0, 0, read_text(trade, "transaction_hash"), sized=False)
    if _blank(trade, ("size", "price") if taking else ()) or any(_blank(maker, _AMOUNTS) for maker in own):
        return blank
    shares, usdc = _our_amounts(trade, facts.token_id) if taking else _made(own)
    fee = paid_fee(Shares(shares), Usdc(usdc), facts.fee_rate, facts.fee_exponent) if taking else 0
    return replace(blank, shares=shares, usdc=usdc, fee=fee, sized=True)


def _blank(raw: Raw, names: tuple[str, ...]) -> bool:
    return any(not read_text(raw, name) for name in names)


def _made(own: list[Raw]) -> tuple[int, int]:
    """Add up our parts as a maker."""
    amounts = [(read_number(maker, "matched_amount"), read_number(maker, "price")) for maker in own]
    return sum(to_micro(amount) for amount, _ in amounts), sum(to_micro(amount * price) for amount, price in amounts)


def _our_amounts(trade: Raw, token_id: str) -> tuple[int, int]:
    """Add up the makers we met, where they account for all of it: the trade's own price is rounded.

    A maker of the other outcome sold us ours for the rest of a share's worth (a mint, or a merge). With each maker we
    pay whole micro-units, cut: that is what 9 of 9 captured market buys paid.
    """
    shares = to_micro(read_number(trade, "size"))
    met, usdc = 0, Fraction(0)
    for maker in (as_object(maker, "maker order") for maker in _makers(trade)):
        amount, price = to_micro(read_number(maker, "matched_amount")), read_number(maker, "price")
        own = price if read_text(maker, "asset_id") in {"", token_id} else 1 - price
        met, usdc = met + amount, usdc + int(amount * Fraction(own))
    if met != shares:
        usdc = shares * Fraction(read_number(trade, "price"))
    return shares, round(usdc)


def _makers(trade: Raw) -> list[object]:
    return as_list(trade.get("maker_orders") or [], "maker_orders")


def _plain(status: str) -> str:
    for prefix in _PREFIXES:
        status = status.removeprefix(prefix)
    return status.upper()
