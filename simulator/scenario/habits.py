"""Trading habits of the made-up leaders."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Habit:
    """A trader's taste: shares per fill, fills per transaction, and how often what."""

    weight: float
    maker: float
    shares: tuple[int, int]
    fills: int = 1
    sells: float = 0.3
    dearest: int = 9700
    redeems: bool = True


HABITS: dict[str, Habit] = {
    "scalper": Habit(weight=4, maker=0.1, shares=(5, 60), sells=0.5),
    "whale": Habit(weight=2, maker=0.7, shares=(100, 900), fills=6, sells=0.25),
    "maker": Habit(weight=4, maker=1.0, shares=(10, 100), fills=4, sells=0.5),
    "value": Habit(weight=3, maker=0.2, shares=(50, 400), sells=0.05, dearest=5500),
    "quiet": Habit(weight=0.3, maker=0.0, shares=(10, 50), sells=0.1, redeems=False),
}
