"""Signed orders and their trades in the CLOB's words, over REST and on the user channel."""

from decimal import Decimal
from typing import Any

from simulator.core.amounts import MICRO, PRICE_ONE, number, plain
from simulator.core.book import opposite
from simulator.exchange.accounts import CASH
from simulator.exchange.matching import Leg
from simulator.exchange.orders import PlacedOrder, Trade


def placed_json(order: PlacedOrder) -> dict[str, Any]:
    """Return the answer to POST /order; amounts are what was matched, hashes come with settlement."""
    given, received = (order.usdc, order.shares) if order.spends == CASH else (order.shares, order.usdc)
    matched = order.status != "DELAYED" and order.shares > 0
    return {
        "errorMsg": "",
        "orderID": order.id,
        "takingAmount": number(received) if matched else "",
        "makingAmount": number(given) if matched else "",
        "status": "matched" if matched else order.status.lower(),
        "tradeIDs": [trade.id for trade in order.trades],
        "transactionsHashes": [trade.tx_hash for trade in order.trades],
        "success": True,
    }


def order_json(order: PlacedOrder, owner: str) -> dict[str, Any]:
    """Return an order as its owner reads it over REST."""
    return _order(order, owner) | {"created_at": order.at_ms // 1000, "status": order.status}


def order_event(order: PlacedOrder, owner: str, kind: str, at_ms: int, shown: str) -> dict[str, Any]:
    """Return an order's frame on the user channel."""
    body = _order(order, owner) | {"created_at": str(order.at_ms // 1000)}
    if shown.startswith("CANCELED_"):  # as captured: what was killed has no numbers
        body |= dict.fromkeys(("size_matched", "outcome", "created_at"), "")
    return {
        "event_type": "order",
        **body,
        "order_owner": owner,
        "status": shown or order.status,
        "timestamp": str(at_ms),
        "type": kind,
    }


def trade_json(trade: Trade, owner: str) -> dict[str, Any]:
    """Return a trade as REST lists it; its statuses have a prefix there."""
    return _trade(trade, owner) | {"status": f"TRADE_STATUS_{trade.status}"}


def blank_trade_json(trade: Trade, owner: str) -> dict[str, Any]:
    """Return a trade as REST can list it while it waits to be carried out: every number is empty."""
    whole = trade_json(trade, owner)
    if trade.final:
        return whole
    makers = [{**maker, "matched_amount": "", "price": "", "fee_rate_bps": ""} for maker in whole["maker_orders"]]
    return {**whole, "size": "", "price": "", "fee_rate_bps": "", "maker_orders": makers}


def contradicted_json(order: PlacedOrder) -> dict[str, Any]:
    """Return an answer that says no and shows what was matched all the same."""
    return {**placed_json(order), "errorMsg": "could not execute the whole order", "success": False}


def trade_event(trade: Trade, owner: str, at_ms: int) -> dict[str, Any]:
    """Return a trade's frame on the user channel."""
    return {
        "event_type": "trade",
        **_trade(trade, owner),
        "timestamp": str(at_ms),
        "trade_owner": owner,
        "type": "TRADE",
    }


def _order(order: PlacedOrder, owner: str) -> dict[str, Any]:
    form = order.form
    return {
        "associate_trades": [trade.id for trade in order.trades],
        "id": order.id,
        "market": order.market.condition_id,
        "original_size": number(form.shares),
        "outcome": order.market.outcomes[order.outcome],
        "maker_address": form.maker,
        "owner": owner,
        "price": _price(order.price),
        "side": form.side,
        "size_matched": number(order.shares),
        "asset_id": form.token_id,
        "expiration": str(form.expiration),
        "order_type": form.kind,
    }


def _trade(trade: Trade, owner: str) -> dict[str, Any]:
    """Return what both ways share; seen by a maker, the trade's own side and wallet are the crowd's taker's."""
    order, market = trade.order, trade.order.market
    taking = trade.role == "TAKER"
    side = order.form.side if taking else opposite(order.form.side)
    return {
        "id": trade.id,
        "taker_order_id": order.id if taking else trade.crowd_order,
        "market": market.condition_id,
        "asset_id": order.form.token_id,
        "side": side,
        "size": number(trade.shares),
        "fee_rate_bps": "0",
        "price": _average(trade),
        "match_time": str(trade.at_ms // 1000),
        "last_update": str(trade.changed_ms // 1000),
        "outcome": market.outcomes[order.outcome],
        "bucket_index": 0,
        "owner": owner if taking else _stranger(trade),
        "maker_address": order.form.maker if taking else trade.crowd,
        "transaction_hash": trade.tx_hash,
        "maker_orders": _makers(trade, owner),
        "trader_side": trade.role,
        "status": trade.status,
    }


def _makers(trade: Trade, owner: str) -> list[dict[str, Any]]:
    order, taking = trade.order, trade.role == "TAKER"
    return [
        {
            "order_id": f"{trade.crowd_order[:-2]}{place:02x}" if taking else order.id,
            "owner": _stranger(trade) if taking else owner,
            "maker_address": trade.crowd if taking else order.form.maker,
            "matched_amount": number(leg.shares),
            "fee_rate_bps": "0",
            **_maker_side(trade, leg),
        }
        for place, leg in enumerate(trade.legs)
    ]


def _maker_side(trade: Trade, leg: Leg) -> dict[str, Any]:
    """Return what a maker traded: the taker's token the other way, ours when we made it, or the other one (a mint)."""
    order, side, taking = trade.order, trade.order.form.side, trade.role == "TAKER"
    outcome = 1 - order.outcome if leg.mint else order.outcome
    return {
        "price": _price(PRICE_ONE - leg.price if leg.mint else leg.price),
        "asset_id": order.market.tokens[outcome],
        "outcome": order.market.outcomes[outcome],
        "side": opposite(side) if taking and not leg.mint else side,
    }


def _stranger(trade: Trade) -> str:
    """Return the API key of somebody else."""
    digits = trade.crowd_order[2:]
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))


def _average(trade: Trade) -> str:
    """Return the price of all legs together: one leg's own, else a decimal on no tick grid."""
    if len(trade.legs) == 1:
        return _price(trade.legs[0].price)
    return plain((Decimal(trade.usdc) / trade.shares).quantize(Decimal(1) / MICRO))


def _price(units: int) -> str:
    return plain(Decimal(units) / PRICE_ONE)
