"""A posted order, read strictly: the venue accepts these members in these JSON types and no others."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from simulator.core.book import Side
from simulator.gateway.http_messages import Json, RefusedError

Kind = Literal["GTC", "GTD", "FOK", "FAK"]
MARKETABLE = frozenset({"FOK", "FAK"})
_KINDS = frozenset({"GTC", "GTD", "FOK", "FAK"})
_V1_ONLY = frozenset({"taker", "nonce", "feeRateBps"})
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_WORD = re.compile(r"0x[0-9a-fA-F]{64}")
_HEX = re.compile(r"0x(?:[0-9a-fA-F]{2})+")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,77}")
_SALT_LIMIT = 1 << 53
_MEMBERS = frozenset(
    {
        "salt",
        "maker",
        "signer",
        "tokenId",
        "makerAmount",
        "takerAmount",
        "side",
        "signatureType",
        "timestamp",
        "expiration",
        "metadata",
        "builder",
        "signature",
    }
)


@dataclass(frozen=True, kw_only=True)
class OrderForm:
    """What was posted; addresses and words in lower case, amounts in micro-units, times as given (ms and s)."""

    salt: int
    maker: str
    signer: str
    token_id: str
    maker_amount: int
    taker_amount: int
    side: Side
    signature_type: int
    timestamp: int
    expiration: int
    metadata: str
    builder: str
    signature: bytes
    kind: Kind
    owner: str
    post_only: bool

    @property
    def shares(self) -> int:
        """Return the tokens asked for or offered."""
        return self.taker_amount if self.side == "BUY" else self.maker_amount

    @property
    def usdc(self) -> int:
        """Return the collateral offered or asked for."""
        return self.maker_amount if self.side == "BUY" else self.taker_amount

    @property
    def by_value(self) -> bool:
        """Tell whether the order is a sum to spend, not a number of shares: market BUYs are."""
        return self.side == "BUY" and self.kind in MARKETABLE


def form_of(body: Json) -> OrderForm:
    """Read the body of POST /order; refuse anything but a V2 order in its exact shape."""
    whole = _mapping(body)
    order = _mapping(whole.get("order"))
    if _V1_ONLY & order.keys():
        raise RefusedError(400, "order_version_mismatch")
    kind, post_only = whole.get("orderType"), whole.get("postOnly", False)
    if _MEMBERS.symmetric_difference(order) or kind not in _KINDS or not isinstance(post_only, bool):
        raise _invalid()
    if not isinstance(whole.get("deferExec", False), bool) or not isinstance(whole.get("owner"), str):
        raise _invalid()
    side = order["side"]
    if side not in {"BUY", "SELL"}:
        raise _invalid()
    return OrderForm(
        salt=_integer(order["salt"], _SALT_LIMIT),
        maker=_text(order["maker"], _ADDRESS),
        signer=_text(order["signer"], _ADDRESS),
        token_id=_text(order["tokenId"], _NUMBER),
        maker_amount=_number(order["makerAmount"]),
        taker_amount=_number(order["takerAmount"]),
        side=cast("Side", side),
        signature_type=_integer(order["signatureType"], 4),
        timestamp=_number(order["timestamp"]),
        expiration=_number(order["expiration"]),
        metadata=_text(order["metadata"], _WORD),
        builder=_text(order["builder"], _WORD),
        signature=bytes.fromhex(_text(order["signature"], _HEX)[2:]),
        kind=cast("Kind", kind),
        owner=str(whole["owner"]),
        post_only=post_only,
    )


def _mapping(value: Json) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _invalid()
    return cast("dict[str, Any]", value)


def _integer(value: object, limit: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < limit:
        raise _invalid()
    return value


def _text(value: object, shape: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not shape.fullmatch(value):
        raise _invalid()
    return value.lower()


def _number(value: object) -> int:
    number = int(_text(value, _NUMBER))
    if number >> 256:
        raise _invalid()
    return number


def _invalid() -> RefusedError:
    return RefusedError(400, "Invalid order payload")
