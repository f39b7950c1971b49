"""Random matches of all kinds, as an operator could send them: most settle, some break a rule of the exchange."""

from dataclasses import dataclass
from random import Random

MICRO = 1_000_000


@dataclass(frozen=True)
class PlainOrder:
    """An order without a wallet: which trader, which outcome, and its two amounts."""

    trader: int
    outcome: int
    is_sell: bool
    gives: int
    wants: int


@dataclass(frozen=True)
class PlainMatch:
    """A taker's order and the makers', with fills and fees."""

    taker: PlainOrder
    makers: tuple[PlainOrder, ...]
    taker_fill: int
    fills: tuple[int, ...]
    taker_fee: int
    fees: tuple[int, ...]
    received: int


def a_random_match(random: Random, traders: int) -> PlainMatch:
    """Return a match; trader 0 takes."""
    price = random.randint(5, 95) * 10_000
    is_sell, outcome = random.random() < 0.5, random.randint(0, 1)
    mixed = random.random() < 0.6
    makers = [
        _maker(random, price, outcome, traders, is_sell=is_sell, mixed=mixed) for _ in range(random.randint(1, 4))
    ]
    fills = [random.choice([each.gives, random.randint(1, each.gives)]) for each in makers]
    got = [fill * each.wants // each.gives for fill, each in zip(fills, makers, strict=True)]
    needs = taker_needs(is_sell, makers, fills, got)
    spare = random.choice([0, 0, random.randint(0, 50_000)])
    fill = max(1, needs + spare - random.choice([0] * 12 + [1]))
    taker = _taker(random, price, outcome, fill, is_sell=is_sell)
    fees = [
        random.choice([0, _proceeds(each, one, what) // 50]) for each, one, what in zip(makers, fills, got, strict=True)
    ]
    received = taker_receives(is_sell, makers, fills, got)
    cash = received if is_sell else needs
    return PlainMatch(taker, tuple(makers), fill, tuple(fills), random.choice([0, cash // 40]), tuple(fees), received)


def _maker(random: Random, price: int, outcome: int, traders: int, *, is_sell: bool, mixed: bool) -> PlainOrder:
    shares = random.randint(100_000, 40 * MICRO)
    better = random.choice([0, 0, 10_000, 20_000, random.randint(0, 9_999)]) - random.choice([0] * 15 + [10_000])
    trader = random.randint(1, traders - 1)
    if mixed and random.random() < 0.6:  # the other outcome, on the same side
        own = MICRO - price + (-better if is_sell else better)
        return _order(trader, 1 - outcome, is_sell, shares, own)
    return _order(trader, outcome, not is_sell, shares, price + (better if is_sell else -better))


def _order(trader: int, outcome: int, is_sell: bool, shares: int, price: int) -> PlainOrder:  # noqa: FBT001 - a row
    price = min(max(price, 1_000), 999_000)
    cash = max(1, shares * price // MICRO)
    return PlainOrder(trader, outcome, is_sell, shares if is_sell else cash, cash if is_sell else shares)


def _taker(random: Random, price: int, outcome: int, fill: int, *, is_sell: bool) -> PlainOrder:
    gives = fill + random.choice([0, random.randint(0, 5 * MICRO)])
    wants = gives * price // MICRO if is_sell else gives * MICRO // price
    slack = random.choice([990, 1000, 1000, 995])
    return PlainOrder(0, outcome, is_sell, gives, max(1, wants * slack // 1000 - random.choice([0, 2])))


def taker_needs(is_sell: bool, makers: list[PlainOrder], fills: list[int], got: list[int]) -> int:  # noqa: FBT001
    """Return what a taker has to give for these fills: to the other side, and his part of each MINT or MERGE."""
    total = 0
    for each, fill, received in zip(makers, fills, got, strict=True):
        if each.is_sell != is_sell:
            total += received
        else:
            total += fill if is_sell else received - fill
    return total


def taker_receives(is_sell: bool, makers: list[PlainOrder], fills: list[int], got: list[int]) -> int:  # noqa: FBT001
    """Return what a taker gets for these fills."""
    total = 0
    for each, fill, received in zip(makers, fills, got, strict=True):
        if each.is_sell != is_sell:
            total += fill
        else:
            total += fill - received if is_sell else received
    return total


def _proceeds(order: PlainOrder, fill: int, received: int) -> int:
    return received if order.is_sell else fill


def seeded(seed: int) -> Random:
    """Return what draws the same matches each time."""
    return Random(seed)  # noqa: S311 - a repeatable draw, no secret
