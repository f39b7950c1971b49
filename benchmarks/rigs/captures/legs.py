"""Captured market buys, done again by the local venue's matching: what was paid and what was got, to the micro-unit."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from simulator.core.amounts import PRICE_ONE, price_units
from simulator.exchange.matching import filled_whole, legs_of
from simulator.exchange.order_form import OrderForm

_WORD = "0x" + "00" * 32
_OWNER = "0x" + "1" * 40
_DEEP = 10**12
_FORM = OrderForm(
    salt=1,
    maker=_OWNER,
    signer=_OWNER,
    token_id="11",  # noqa: S106 - a token of the chain
    maker_amount=0,
    taker_amount=0,
    side="BUY",
    signature_type=0,
    timestamp=1,
    expiration=0,
    metadata=_WORD,
    builder=_WORD,
    signature=b"",
    kind="FOK",
    owner="",
    post_only=False,
)


@dataclass(frozen=True)
class Bought:
    """A taker's leg as the chain has it: micro-units paid and got, and the price."""

    paid: int
    shares: int
    price: str


OF_THE_REFERENCE = Bought(1_000_000, 2_083_334, "0.48")
"""One dollar at 0.48 fills whole (docs/venue.md 3.4): a micro-unit of dust kills no order."""


def captured_legs(folder: Path) -> list[Bought]:
    """Return the captured taker legs that bought, and the one that the reference tells of."""
    legs = json.loads((folder / "venue" / "chain_order_filled_taker_fees.json").read_text(encoding="utf-8"))
    bought = [leg for leg in legs if leg["side"] == "BUY"]
    return [
        OF_THE_REFERENCE,
        *(Bought(int(leg["maker_amount_filled"]), int(leg["taker_amount_filled"]), leg["price"]) for leg in bought),
    ]


def ways(leg: Bought) -> set[str]:
    """Return the ways (bought, minted) in which the local venue gives and takes the very amounts of a leg."""
    price, asked = price_units(leg.price), -(-leg.paid // 10_000) * 10_000
    form = replace(_FORM, maker_amount=asked, taker_amount=asked * PRICE_ONE // price // 100 * 100)
    tried = {name: legs_of(form, {}, {price: _DEEP}, mint=name == "minted") for name in ("bought", "minted")}
    return {
        name
        for name, legs in tried.items()
        if [(each.usdc, each.shares) for each in legs] == [(leg.paid, leg.shares)] and filled_whole(form, legs)
    }
