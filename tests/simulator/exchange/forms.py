"""Posted orders as the engine reads them."""

import dataclasses
from typing import Any

from simulator.exchange.order_form import OrderForm

_WORD = "0x" + "00" * 32


def a_form(**changed: Any) -> OrderForm:
    """Return an order for 10 shares at 0.50, with some of it changed."""
    form = OrderForm(
        salt=1,
        maker="0x" + "1" * 40,
        signer="0x" + "1" * 40,
        token_id="11",
        maker_amount=5_000_000,
        taker_amount=10_000_000,
        side="BUY",
        signature_type=0,
        timestamp=1,
        expiration=0,
        metadata=_WORD,
        builder=_WORD,
        signature=b"",
        kind="GTC",
        owner="",
        post_only=False,
    )
    return dataclasses.replace(form, **changed)
