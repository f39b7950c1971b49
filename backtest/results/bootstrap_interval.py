"""Bootstrap intervals of a sum, which say how far luck alone carries: by drawing the bets again (Efron, 1979).

A bet is one market: its trades win and lose together, so drawing single trades would make luck look small.
"""

import random
from collections.abc import Sequence
from typing import NamedTuple

DRAWS = 1000
FEWEST_DRAWS = 200
MOST_WORK = 2_000_000
SURE = 0.9


class BootstrapInterval(NamedTuple):
    """The span that holds a sum in `SURE` of all draws, in the unit of its values."""

    low: int
    high: int

    @property
    def tells(self) -> bool:
        """Say whether it leaves no doubt on which side of 0 the sum is."""
        return self.low > 0 or self.high < 0


def bootstrap_interval(bets: Sequence[int], seed: int = 1) -> BootstrapInterval:
    """Return the bootstrap interval of the sum of `bets`; the same bets and seed give the same one."""
    if not bets:
        return BootstrapInterval(0, 0)
    chance = random.Random(seed)  # noqa: S311 - luck is simulated, nothing is kept secret
    draws = max(FEWEST_DRAWS, min(DRAWS, MOST_WORK // len(bets)))
    sums = sorted(sum(chance.choices(bets, k=len(bets))) for _ in range(draws))
    tail = round((1 - SURE) / 2 * draws)
    return BootstrapInterval(sums[tail], sums[draws - 1 - tail])
