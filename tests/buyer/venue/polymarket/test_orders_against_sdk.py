"""Our orders are the SDK's, byte for byte: amounts, signatures and bodies for every tick, side, type and wallet."""

import hashlib
import json
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from buyer.venue.polymarket.credentials import ApiKey, RequestHeaders, statement_headers
from buyer.venue.polymarket.order_signing import (
    TradingWallet,
    UnsignedOrder,
    WalletKind,
    exchange_of,
    order_body,
    order_digest,
    order_hash,
    whole_signature,
)
from buyer.venue.polymarket.signer import OrderSigner, checksummed
from buyer.venue.polymarket.wire.order_amounts import AMOUNT_PLACES, MARKET_PLACES, Kind, order_amounts
from shared.domain.errors import Malformed
from shared.domain.market import Side
from shared.domain.money import MICRO, Price, from_micro, to_micro
from shared.polymarket.wire.wallets import wallets_of
from tests.amounts import D

KEY = hashlib.sha256(b"correct horse").hexdigest()
"""A public test key: anybody can make it."""
KINDS: tuple[Kind, ...] = ("FAK", "FOK", "GTC", "GTD")
SIDES: tuple[Side, ...] = ("BUY", "SELL")
TICKS = tuple(AMOUNT_PLACES)
CTF_TOKEN = str(int("ab" * 32, 16))
V3_TOKEN = str((1 << 248) | (0xBEEF << 120) | 1)
EXCHANGES = ((CTF_TOKEN, False), (CTF_TOKEN, True), (V3_TOKEN, False))


def a_wallet(kind: WalletKind) -> TradingWallet:
    signer = OrderSigner(SecretStr(KEY)).address
    made = wallets_of(signer)
    names = {WalletKind.PROXY: "proxy wallet", WalletKind.SAFE: "Safe", WalletKind.DEPOSIT: "deposit wallet"}
    return TradingWallet(kind, checksummed(made[names[kind]]) if kind in names else signer, signer)


def an_order(kind: Kind, side: Side, wallet: WalletKind, token: str, *, neg_risk: bool, turn: int) -> UnsignedOrder:
    tick = TICKS[turn % len(TICKS)]
    return UnsignedOrder(
        wallet=a_wallet(wallet),
        exchange=exchange_of(token, neg_risk=neg_risk),
        token_id=token,
        side=side,
        amounts=order_amounts(side, kind, D("17.339"), Price(MICRO - tick), Price(tick)),
        salt=(1 << 53) - 1 - turn,
        signed_at_ms=1_790_619_864_000 + turn,
        metadata="0x" + hashlib.sha256(str(turn).encode()).hexdigest(),
        kind=kind,
        expires_at_s=1_790_700_000 if kind == "GTD" else 0,
        post_only=kind == "GTC" and side == "SELL",
    )


@pytest.mark.sdk
@pytest.mark.parametrize("wallet", WalletKind)
def test_signed_bodies_equal_the_sdks_for_every_type_side_and_exchange(wallet: WalletKind) -> None:
    from tests.buyer.venue.polymarket import sdk  # noqa: PLC0415 - takes seconds to import: only where it is asked

    signer = OrderSigner(SecretStr(KEY))

    for turn, ((token, neg_risk), kind, side) in enumerate(product(EXCHANGES, KINDS, SIDES)):
        order = an_order(kind, side, wallet, token, neg_risk=neg_risk, turn=turn)
        signature = whole_signature(order, signer.sign(order_digest(order)))

        assert order_body(order, signature, "an-owner") == sdk.posted(order, "0x" + KEY, "an-owner")


@pytest.mark.parametrize(
    ("module", "told"), [(3, "is a combo: it trades by request"), (9, "of module 9 of Protocol V2")]
)
def test_no_order_is_made_for_a_combo_or_a_module_nobody_told_us_of(module: int, told: str) -> None:
    with pytest.raises(Malformed, match=told):
        exchange_of(str((module << 248) | (0xBEEF << 120) | 1), neg_risk=False)


@pytest.mark.pitfall(17)
@pytest.mark.sdk
@settings(max_examples=60)
@given(
    tick=st.sampled_from(TICKS),
    side=st.sampled_from(SIDES),
    kind=st.sampled_from(KINDS),
    quantity=st.decimals("0.02", "100000", places=4),
    place=st.floats(0, 1),
)
@example(tick=D("0.001"), side="BUY", kind="FAK", quantity=Decimal(5), place=0.332)
def test_amounts_equal_the_sdks_on_every_tick(
    tick: Price, side: Side, kind: Kind, quantity: Decimal, place: float
) -> None:
    from tests.buyer.venue.polymarket import sdk  # noqa: PLC0415 - takes seconds to import: only where it is asked

    price = _on_grid(tick, place)
    theirs = sdk.amounts(side, kind, quantity, from_micro(price), from_micro(tick))

    offered, asked = theirs
    if side == "BUY" and kind in {"FAK", "FOK"}:
        asked -= asked % 100  # the venue refuses what the SDK signs beyond four decimals

    if min(offered, asked) <= 0:
        with pytest.raises(Malformed):
            order_amounts(side, kind, to_micro(quantity), price, tick)
        return
    ours = order_amounts(side, kind, to_micro(quantity), price, tick)
    assert (ours.maker, ours.taker) == (offered, asked)


def _on_grid(tick: Price, place: float) -> Price:
    steps = MICRO // tick - 1
    return Price(tick * (1 + min(steps - 1, int(place * steps))))


@pytest.mark.pitfall(17)
@given(
    tick=st.sampled_from(TICKS),
    kind=st.sampled_from(("FAK", "FOK")),
    quantity=st.decimals("1", "100000", places=4),
    place=st.floats(0, 1),
)
@example(tick=D("0.001"), kind="FAK", quantity=Decimal("9.98"), place=0.985)
@example(tick=D("0.0025"), kind="FAK", quantity=Decimal(5), place=0.035)
def test_a_market_buy_signs_four_decimals_of_shares_on_every_tick_and_reaches_no_price_beyond_its_limit(
    tick: Price, kind: Kind, quantity: Decimal, place: float
) -> None:
    price = _on_grid(tick, place)

    found = order_amounts("BUY", kind, to_micro(quantity), price, tick)

    assert (found.maker % 10**4, found.taker % 10 ** (6 - MARKET_PLACES)) == (0, 0)
    assert found.maker * MICRO >= price * found.taker, "the venue would not match it at its limit"
    assert found.maker * MICRO < found.taker * (price + tick), "it would reach the next price on the grid"


@pytest.mark.pitfall(17)
@given(tick=st.sampled_from(TICKS), quantity=st.decimals("0.01", "5000", places=2), place=st.floats(0, 1))
def test_a_coarse_market_sell_offers_all_it_can_with_a_product_of_four_decimals(
    tick: Price, quantity: Decimal, place: float
) -> None:
    price = _on_grid(tick, place)
    try:
        found = order_amounts("SELL", "FAK", to_micro(quantity), price, tick, coarse=True)
    except Malformed:
        assert quantity < 1
        return

    offered = from_micro(found.maker)
    assert (found.maker % 10**4, found.taker % 100) == (0, 0)
    assert from_micro(found.taker) == offered * from_micro(price)
    assert 0 <= quantity - offered < 1
    assert (offered == quantity) == (quantity * from_micro(price) * 10**4 % 1 == 0)


@pytest.mark.pitfall(17)
def test_a_price_off_the_grid_or_an_unknown_tick_is_refused() -> None:
    for price, tick in ((D("0.505"), D("0.01")), (D("0.5"), D("0.02")), (D(1), D("0.01")), (D(0), D("0.01"))):
        with pytest.raises(Malformed, match="tick"):
            order_amounts("BUY", "FAK", D(5), price, tick)


def test_the_hash_is_that_of_the_order_alone_so_two_wallet_kinds_differ_and_a_resend_does_not() -> None:
    order = an_order("FAK", "BUY", WalletKind.DEPOSIT, CTF_TOKEN, neg_risk=False, turn=1)
    again = an_order("FAK", "BUY", WalletKind.DEPOSIT, CTF_TOKEN, neg_risk=False, turn=1)
    other = an_order("FAK", "BUY", WalletKind.SAFE, CTF_TOKEN, neg_risk=False, turn=1)

    assert order_hash(order) == order_hash(again) != order_hash(other)


@pytest.mark.sdk
def test_l2_headers_equal_the_sdks() -> None:
    from polymarket._internal.hmac import build_hmac_signature  # noqa: PLC0415 - takes seconds to import: only where it is asked

    secret = "c2VjcmV0LXRoYXQtaXMtbm9uZQ=="
    requests = RequestHeaders("0xabc", ApiKey(SecretStr("owner"), SecretStr(secret), SecretStr("phrase")))
    text = json.dumps({"a": 1}, separators=(",", ":"))

    found = requests.headers("POST", "/order", text, 1_790_000_000_999)

    theirs = build_hmac_signature(secret=secret, timestamp=1_790_000_000, method="POST", path="/order", body=text)
    assert found["POLY_SIGNATURE"] == theirs
    assert (found["POLY_TIMESTAMP"], found["POLY_ADDRESS"], found["POLY_API_KEY"]) == ("1790000000", "0xabc", "owner")


@pytest.mark.sdk
def test_l1_headers_equal_the_sdks() -> None:
    from eth_account import Account  # noqa: PLC0415 - takes seconds to import: only where it is asked
    from polymarket._internal.l1_auth import sign_api_key_auth  # noqa: PLC0415 - takes seconds to import: only where it is asked

    theirs = sign_api_key_auth(Account.from_key("0x" + KEY), chain_id=137, timestamp=1_790_000_000)

    ours = statement_headers(OrderSigner(SecretStr(KEY)), 1_790_000_000_500)

    assert (ours["POLY_ADDRESS"], ours["POLY_SIGNATURE"]) == (theirs.address, theirs.signature)
    assert (ours["POLY_NONCE"], ours["POLY_TIMESTAMP"]) == ("0", "1790000000")
