"""The faults that venue and product once shared, as patches of this process: nothing else ever loads them."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.rigs.injected import judges
from benchmarks.rigs.injected.judges import Judge
from buyer.venue.polymarket.wire import order_amounts
from shared.polymarket.wire import trade_amounts
from simulator.core.amounts import PRICE_ONE, cost
from simulator.core.fill import Fill
from simulator.data_api import pages
from simulator.exchange import matching, order_rules
from simulator.exchange.matching import Leg

_FINEST = 6


@dataclass(frozen=True)
class Fault:
    """A fault of the product or of the local venue: how it is put in, and who should catch it."""

    what: str
    where: str
    put_in: Callable[[], None]
    judge: Judge
    witness: str


def _put(place: object, name: str, value: object) -> None:
    """Replace something of this process."""
    setattr(place, name, value)


def _fee_in_the_price() -> None:
    def none(_told: object, _shares: int) -> int:
        return 0

    _put(trade_amounts, "_fee", none)


def _no_fee_in_usdc_size() -> None:
    _put(Fill, "usdc_size", property(lambda fill: fill.order.usdc))


def _six_decimals_signed() -> None:
    _put(order_amounts, "MARKET_PLACES", _FINEST)


def _six_decimals_taken() -> None:
    _put(order_rules, "MARKET_DECIMALS", _FINEST)


def _no_cursor() -> None:
    whole = pages.pagination

    def absent(next_cursor: str | None, limit: int) -> dict[str, object]:
        return {name: value for name, value in whole(next_cursor, limit).items() if value is not None}

    _put(pages, "pagination", absent)


def _shares_rounded_up() -> None:
    whole: Callable[[int, int, int], int] = vars(order_amounts)["_rounded"]

    def up(product: int, by: int, places: int) -> int:
        return whole(product, by, places) + 10 ** (_FINEST - places)

    _put(order_amounts, "_rounded", up)


def _minted_rounded_up() -> None:
    def up(price: int, resting: int, usdc: int) -> Leg:
        wanted, others_price = usdc * PRICE_ONE // price, PRICE_ONE - price
        others = cost(min(wanted, resting), others_price)
        shares = -(-others * PRICE_ONE // others_price)
        return Leg(price, shares, shares - others, mint=True, last=wanted <= resting)

    _put(matching, "_minted", up)


_CAPTURED = "captured activity of 2026-07"
_OFFICIAL = "polymarket-client 0.14.0"
FAULTS: dict[str, Fault] = {
    "fee-in-price": Fault("fee left in the price", "product", _fee_in_the_price, judges.captured_prices, _CAPTURED),
    "fee-not-shown": Fault(
        "fee left out of usdc_size", "local venue", _no_fee_in_usdc_size, judges.captured_rows_again, _CAPTURED
    ),
    "six-decimals-signed": Fault(
        "6 decimals", "product", _six_decimals_signed, judges.accuracy_of_buys, "the accuracy that live refusals name"
    ),
    "six-decimals-taken": Fault(
        "6 decimals", "local venue", _six_decimals_taken, judges.official_buy_refused, f"{_OFFICIAL}, refused live"
    ),
    "no-cursor": Fault("missing cursor", "local venue", _no_cursor, judges.official_lists, _OFFICIAL),
    "shares-up-signed": Fault("shares rounded up", "product", _shares_rounded_up, judges.official_amounts, _OFFICIAL),
    "shares-up-minted": Fault(
        "shares rounded up", "local venue", _minted_rounded_up, judges.captured_buys, "captured legs of the chain"
    ),
}
