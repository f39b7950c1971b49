"""Settings that a sweep tries: every combination of some values, or random ones from ranges."""

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from buyer.strategy.limits import LIMIT_NAMES
from shared.domain.errors import BadConfig

MODELS = ("delay", "order_ms", "half_spread_ticks", "level_shares", "fee_rate", "bankroll")
"""What may be varied beside the buyer's limits: the models' parameters, named as the flags of `python -m backtest`."""

NAMES = (*LIMIT_NAMES, *MODELS)
MOST_TRIALS = 100_000
DIGITS = Decimal("0.0001")

Settings = dict[str, str]


@dataclass(frozen=True)
class SweepAxis:
    """One setting and what it takes: `values`, or anything between `low` and `high`."""

    name: str
    values: tuple[str, ...] = ()
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)

    @property
    def whole(self) -> bool:
        """Say whether only whole numbers are meant."""
        return self.low == int(self.low) and self.high == int(self.high) and "." not in f"{self.low}{self.high}"


def read_axis(text: str) -> SweepAxis:
    """Read `stake_usdc=1,5,20`, `tiers=100:1,*:0.5|*:1` (values with commas), `max_price=0.5..0.9` (random sweeps).

    Raises:
        BadConfig: an unknown setting, no value, or a range that is none.
    """
    name, _, told = text.partition("=")
    if name not in NAMES or not told:
        raise BadConfig(f"--vary {text}: expected name=1,2,3 or name=low..high, the name one of {', '.join(NAMES)}")
    low, dots, high = told.partition("..")
    if dots:
        return SweepAxis(name, (), *_range(text, low, high))
    parts = told.split("|" if "|" in told else ",")
    values = tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))
    if not values:
        raise BadConfig(f"--vary {text}: no value")
    return SweepAxis(name, values)


def _range(text: str, low: str, high: str) -> tuple[Decimal, Decimal]:
    try:
        ends = Decimal(low), Decimal(high)
    except InvalidOperation as error:
        raise BadConfig(f"--vary {text}: both ends of a range must be numbers") from error
    if not (all(end.is_finite() for end in ends) and ends[0] < ends[1]):
        raise BadConfig(f"--vary {text}: both ends must be numbers, and the range must rise")
    return ends


def read_setting(text: str) -> tuple[str, str]:
    """Read `name=value`, a setting that all tries share.

    Raises:
        BadConfig: no such setting.
    """
    name, _, value = text.partition("=")
    if name not in NAMES or not value:
        raise BadConfig(f"--set {text}: expected name=value with one of {', '.join(NAMES)}")
    return name, value


def grid(axes: Sequence[SweepAxis]) -> list[Settings]:
    """Return every combination, the last axis changing fastest.

    Raises:
        BadConfig: a range, which has no end of values; or too many.
    """
    for axis in axes:
        if not axis.values:
            raise BadConfig(f"--vary {axis.name}={axis.low}..{axis.high}: a range needs --random N; or give values")
    names = [axis.name for axis in axes]
    total = 1
    for axis in axes:
        total *= len(axis.values)
    if total > MOST_TRIALS:
        raise BadConfig(f"{total} combinations are more than {MOST_TRIALS}: vary less, or try some with --random N")
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*(axis.values for axis in axes))]


def sample(axes: Sequence[SweepAxis], count: int, seed: int) -> list[Settings]:
    """Return up to `count` different random settings; the same seed gives the same."""
    chance = random.Random(seed)  # noqa: S311 - a repeatable sample, nothing is kept secret
    found: dict[tuple[str, ...], Settings] = {}
    for _ in range(20 * count):
        drawn = {axis.name: _draw(axis, chance) for axis in axes}
        found.setdefault(tuple(drawn.values()), drawn)
        if len(found) == count:
            break
    return list(found.values())


def _draw(axis: SweepAxis, chance: random.Random) -> str:
    if axis.values:
        return chance.choice(axis.values)
    if axis.whole:
        return str(chance.randint(int(axis.low), int(axis.high)))
    spread = (axis.high - axis.low) * chance.randint(0, 1_000_000) / 1_000_000
    return format((axis.low + spread).quantize(DIGITS), "f")


def named(settings: Mapping[str, str]) -> str:
    """Return settings as people read them."""
    return " ".join(f"{name}={value}" for name, value in settings.items())
