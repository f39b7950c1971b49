"""Rules that an order must keep whatever the book holds: accuracy of amounts, tick, bounds, sizes, expiration."""

from simulator.core.amounts import MICRO, PRICE_ONE, TICK_TEXTS, TICKS, decimals, number, price_text
from simulator.core.market import Market
from simulator.exchange.order_form import MARKETABLE, OrderForm
from simulator.gateway.http_messages import RefusedError

SIZE_DECIMALS = 2
MARKET_DECIMALS = 4
"""Of the computed amount of an order that matches at once, whatever the tick."""
LEAST_GTD_S = 180
LEAST_MARKETABLE = MICRO
_EXACT = 6


def price_of(form: OrderForm, market: Market, name: str) -> int:
    """Return the order's price on the tick grid, in units of 1/10000, after checking everything about it."""
    _check_accuracy(form, market.tick)
    price = _on_grid(form, market.tick)
    if price is None:
        text = TICK_TEXTS[market.tick]
        raise RefusedError(400, f"order {name} is invalid. Price breaks minimum tick size rule: {text}")
    if not market.tick <= price <= PRICE_ONE - market.tick:
        low, high = (price_text(each, market.tick) for each in (market.tick, PRICE_ONE - market.tick))
        raise RefusedError(400, f"invalid price ({price_text(price, market.tick)}), min: {low} - max: {high}")
    _check_size(form, market, name)
    return price


def check_expiration(form: OrderForm, now_s: int) -> None:
    """Refuse an expiration on an order that cannot have one, and one that is too near."""
    wrong = form.expiration < now_s + LEAST_GTD_S if form.kind == "GTD" else form.expiration != 0
    if wrong:
        raise RefusedError(400, "invalid expiration")


def _check_accuracy(form: OrderForm, tick: int) -> None:
    """Shares have 2 decimals and collateral the tick's; a market BUY has 2 of collateral and 4 of shares on any."""
    amount = decimals(tick) + SIZE_DECIMALS
    maker, taker = (amount, SIZE_DECIMALS) if form.side == "BUY" else (SIZE_DECIMALS, amount)
    name = f"{form.side.lower()} orders"
    if form.by_value:
        maker, taker, name = SIZE_DECIMALS, MARKET_DECIMALS, "market buy orders"
    _check_places(form, maker, taker, name)


def check_market_sell(form: OrderForm) -> None:
    """Hold a market SELL to the accuracy of market BUYs, as live bots met it on some ticks."""
    if form.side == "SELL" and form.kind in MARKETABLE:
        _check_places(form, SIZE_DECIMALS, MARKET_DECIMALS, "market sell orders")


def _check_places(form: OrderForm, maker: int, taker: int, name: str) -> None:
    fine = _accurate(form.maker_amount, maker) and _accurate(form.taker_amount, taker)
    if not fine or not form.maker_amount or not form.taker_amount:
        words = f"invalid amounts, the {name} maker amount supports a max accuracy of {maker} decimals"
        raise RefusedError(400, f"{words}, taker amount a max of {taker} decimals")


def _accurate(amount: int, places: int) -> bool:
    return amount % 10 ** (_EXACT - places) == 0


def _on_grid(form: OrderForm, tick: int) -> int | None:
    """Return the grid price behind the amounts, None when there is none.

    A number of shares has its exact cost. A sum to spend names shares that were rounded, to 4 decimals or fewer by the
    tick known when it was signed, which may be coarser than today's.
    """
    price = _nearest(form, tick)
    if not form.by_value:
        return price if form.usdc * PRICE_ONE == form.shares * price else None
    for grid in sorted(each for each in TICKS.values() if each >= tick and each % tick == 0):
        nearest = _nearest(form, grid)
        step = 10 ** (_EXACT - min(decimals(grid) + SIZE_DECIMALS, MARKET_DECIMALS))
        if nearest and abs(form.usdc * PRICE_ONE - form.shares * nearest) <= step * nearest:
            return nearest
    return None


def _nearest(form: OrderForm, grid: int) -> int:
    """Return the grid price nearest to collateral per share."""
    given, step = form.usdc * PRICE_ONE, form.shares * grid
    return (2 * given + step) // (2 * step) * grid


def _check_size(form: OrderForm, market: Market, name: str) -> None:
    """A sum to spend is at least 1 pUSD; anything else at least the market's number of shares."""
    if form.by_value:
        check_marketable(form.usdc)
    elif form.shares < market.min_size:
        raise RefusedError(400, f"order {name} is invalid. Size lower than the minimum: {number(market.min_size)}")


def check_marketable(usdc: int) -> None:
    """Refuse a BUY that would trade at once for less than 1 pUSD."""
    if usdc < LEAST_MARKETABLE:
        raise RefusedError(400, f"invalid amount for a marketable BUY order (${number(usdc)}), min size: $1")
