"""The markets a generated world lists: every tick size, several fees, a neg-risk group."""

from decimal import Decimal
from random import Random

from simulator.core import contracts, identity
from simulator.core.amounts import MICRO, PRICE_ONE, TICKS
from simulator.core.market import Event, Market
from simulator.core.world import World

_FEES = {
    "Crypto": "0.07",
    "Sports": "0.05",
    "Politics": "0.04",
    "Culture": "0.05",
    "Geopolitics": "0",
}
_QUESTIONS = {
    "Sports": ("Will the home side win on {}?", "Will both teams score on {}?"),
    "Politics": ("Will the bill pass by {}?", "Will the cabinet change by {}?"),
    "Culture": ("Will the album come out by {}?", "Will the film top the charts on {}?"),
    "Geopolitics": ("Will the treaty be signed by {}?", "Will the summit be held by {}?"),
}
_MIN_SHARES = (5, 5, 15, 5, 10)
_GROUP = ("Avery", "Blake", "Casey")
_DAY_MS = 86_400_000


class Listing:
    """Open markets in a world."""

    def __init__(self, world: World) -> None:
        """List in a world, from its seed."""
        self._world = world
        self._random = Random(f"listing-{world.settings.seed}")
        self._made = 0

    def open_lasting(self, count: int) -> list[Market]:
        """Open markets that outlive a session, three of them one neg-risk group."""
        group = self._open_group() if count >= len(_GROUP) + 1 else []
        return group + [self._open_single() for _ in range(count - len(group))]

    def open_short(self, at_ms: int, lifetime_ms: int) -> Market:
        """Open a market of the up-or-down kind that ends soon."""
        start_s = at_ms // 1000
        slug = f"btc-updown-sim-{start_s}-{self._made}"
        event = self._world.catalog.open_event(slug, f"Bitcoin Up or Down - {start_s}")
        return self._open(
            event,
            slug,
            event.title,
            category="Crypto",
            outcomes=("Up", "Down"),
            fair=PRICE_ONE // 2,
            at_ms=at_ms,
            end_ms=at_ms + lifetime_ms,
        )

    def _open_group(self) -> list[Market]:
        event = self._world.catalog.open_event("who-wins-the-final", "Who wins the final?", neg_risk=True)
        fairs = (5200, 3100, 1600)
        return [
            self._open(
                event,
                f"will-{name.lower()}-win-the-final",
                f"Will {name} win the final?",
                category="Sports",
                fair=fair,
            )
            for name, fair in zip(_GROUP, fairs, strict=True)
        ]

    def _open_single(self) -> Market:
        category = list(_QUESTIONS)[self._made % len(_QUESTIONS)]
        text = _QUESTIONS[category][self._made // len(_QUESTIONS) % 2]
        question = text.format(f"day {self._made + 1}")
        slug = question.lower().rstrip("?").replace(" ", "-")
        event = self._world.catalog.open_event(slug, question)
        fair = self._random.randrange(800, 9200)
        return self._open(event, slug, question, category=category, fair=fair)

    def _open(
        self,
        event: Event,
        slug: str,
        question: str,
        *,
        category: str,
        fair: int,
        outcomes: tuple[str, str] = ("Yes", "No"),
        at_ms: int | None = None,
        end_ms: int | None = None,
    ) -> Market:
        world, made = self._world, self._made
        self._made += 1
        seed = (world.settings.seed, slug)
        condition = identity.hash32("condition", *seed)
        collateral = contracts.WRAPPED_COLLATERAL if event.neg_risk else contracts.USDC_E
        tick = list(TICKS.values())[(made + 1) % len(TICKS)] if end_ms is None else TICKS["0.01"]
        return world.open_market(
            Market(
                number=world.catalog.next_number(),
                slug=slug,
                question=question,
                event=event,
                condition_id=condition,
                tokens=(
                    identity.position(collateral, condition, 1),
                    identity.position(collateral, condition, 2),
                ),
                outcomes=outcomes,
                category=category,
                tick=tick,
                min_size=_MIN_SHARES[made % len(_MIN_SHARES)] * MICRO,
                fee_rate=Decimal(_FEES[category]),
                start_ms=at_ms or world.start_ms,
                end_ms=end_ms or world.start_ms + 30 * _DAY_MS,
                fair=fair,
            )
        )
