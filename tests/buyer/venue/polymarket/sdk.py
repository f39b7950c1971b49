"""The official SDK as the judge of our orders: the same order, salt and time through its own code."""

import dataclasses
import json
from decimal import Decimal
from typing import Any

from eth_account import Account
from polymarket._internal.actions.orders.limit import _compute_limit_order_amounts
from polymarket._internal.actions.orders.market import _compute_market_order_amounts
from polymarket._internal.actions.orders.orders import create_signed_order, create_unsigned_order
from polymarket._internal.actions.orders.post import build_post_order_request
from polymarket._internal.actions.orders.typed_data import build_order_signature, build_order_typed_data
from polymarket._internal.actions.orders.types import OrderDraft
from polymarket._internal.wallet import WalletType
from polymarket.models.types import PositionId
from polymarket.types import EvmAddress, HexString

from buyer.venue.polymarket.order_signing import UnsignedOrder, WalletKind

WALLETS: dict[WalletKind, WalletType] = {
    WalletKind.EOA: "EOA",
    WalletKind.PROXY: "POLY_PROXY",
    WalletKind.SAFE: "GNOSIS_SAFE",
    WalletKind.DEPOSIT: "DEPOSIT_WALLET",
}


def amounts(side: Any, kind: str, quantity: Decimal, price: Decimal, tick: Decimal) -> tuple[int, int]:
    """Round as the SDK does."""
    if kind in {"GTC", "GTD"}:
        return _compute_limit_order_amounts(price=price, size=quantity, side=side, tick_size=tick)
    return _compute_market_order_amounts(amount=quantity, price=price, side=side, tick_size=tick)


def posted(order: UnsignedOrder, key: str, owner: str) -> str:
    """Build, sign and serialize `order` with the SDK; return the text it would post."""
    draft = OrderDraft(
        chain_id=137,
        exchange_address=EvmAddress(order.exchange.address),
        expiration=order.expires_at_s,
        funder_address=EvmAddress(order.wallet.funder),
        offered_amount=order.amounts.maker,
        order_type=order.kind,
        side=order.side,
        signer=EvmAddress(order.wallet.signer),
        requested_amount=order.amounts.taker,
        asset_id=PositionId(order.token_id),
    )
    wallet = EvmAddress(order.wallet.funder)
    theirs = create_unsigned_order(draft, wallet=wallet, wallet_type=WALLETS[order.wallet.kind])
    theirs = dataclasses.replace(
        theirs, salt=order.salt, timestamp=order.signed_at_ms, metadata=HexString(order.metadata)
    )
    signed = Account.from_key(key).sign_typed_data(full_message=build_order_typed_data(theirs))
    signature = build_order_signature(theirs, HexString("0x" + signed.signature.hex()))
    whole = create_signed_order(theirs, signature, post_only=order.post_only)
    return json.dumps(build_post_order_request(whole, owner_api_key=owner)[1], separators=(",", ":"))
