"""Money and prices as integers, and the texts the venue shows them in.

Shares and collateral are micro-units (6 decimals, as on chain); prices are units of 1/10000, the
finest tick.
"""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal

MICRO = 1_000_000
PRICE_ONE = 10_000
TICKS = {"0.1": 1000, "0.01": 100, "0.005": 50, "0.0025": 25, "0.001": 10, "0.0001": 1}
TICK_TEXTS = {units: text for text, units in TICKS.items()}


def micro(value: str | Decimal | float) -> int:
    """Return a decimal amount in micro-units, rounded to the nearest."""
    scaled = Decimal(str(value)) * MICRO
    return int(scaled.to_integral_value(rounding=ROUND_HALF_EVEN))


def price_units(value: str | Decimal | float) -> int:
    """Return a price in units of 1/10000; refuse what lies between them."""
    scaled = Decimal(str(value)) * PRICE_ONE
    if scaled != scaled.to_integral_value():
        msg = f"price {value} is finer than 0.0001"
        raise ValueError(msg)
    return int(scaled)


def number(amount: int) -> str:
    """Return micro-units as the shortest JSON number: 41, 0.47, 11.71875."""
    sign, amount = ("-", -amount) if amount < 0 else ("", amount)
    whole, rest = divmod(amount, MICRO)
    return sign + (f"{whole}.{rest:06d}".rstrip("0") if rest else str(whole))


def ratio(usdc: int, shares: int) -> str:
    """Return the price of a row: collateral per share to 10 decimals, on no tick grid."""
    if shares == 0:
        return "0"
    value = (Decimal(usdc) / Decimal(shares)).quantize(Decimal("1e-10"))
    return plain(value)


def plain(value: Decimal) -> str:
    """Return a decimal without exponent or trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def number_of(value: Decimal) -> int | float:
    """Return a decimal as the JSON number that the venue writes: 1, 0.5."""
    return int(value) if value == value.to_integral_value() else float(value)


def decimals(tick: int) -> int:
    """Return how many decimals a price on this tick is written with."""
    return len(TICK_TEXTS[tick]) - 2


def price_text(units: int, tick: int) -> str:
    """Return a price as the order book writes it."""
    return f"{Decimal(units) / PRICE_ONE:.{decimals(tick)}f}"


def size_text(amount: int) -> str:
    """Return a size as the order book writes it, with at least two decimals."""
    text = number(amount)
    whole, _, rest = text.partition(".")
    return f"{whole}.{rest:0<2}"


def cost(shares: int, price: int, *, up: bool = False) -> int:
    """Return the collateral of shares at a price, in micro-units."""
    product = shares * price
    return -(-product // PRICE_ONE) if up else product // PRICE_ONE


def taker_fee(shares: int, usdc: int, rate: Decimal, exponent: Decimal = Decimal(1)) -> int:
    """Return rate x shares x (p x (1 - p))^exponent in micro-units, to 5 decimals of collateral."""
    if not rate or not shares:
        return 0
    price = Decimal(usdc) / Decimal(shares)
    weight = price * (1 - price) if exponent == 1 else _power(price * (1 - price), exponent)
    fee = rate * Decimal(shares) * weight / MICRO
    return int(fee.quantize(Decimal("0.00001"), rounding=ROUND_DOWN) * MICRO)


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    """Return a power whose last digits do not depend on how it was reckoned: a root of 0.25 is 0.5."""
    return (base**exponent).quantize(Decimal("1e-20"))
