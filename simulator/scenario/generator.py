"""A seeded life for the world: leaders with habits, drifting prices, markets that end."""

from random import Random

from simulator.core.amounts import MICRO, PRICE_ONE
from simulator.core.book import Side
from simulator.core.deal import Deal, clamp, match_of
from simulator.core.market import Market
from simulator.core.settlement import Profile
from simulator.core.world import World
from simulator.scenario.habits import HABITS, Habit
from simulator.scenario.listing import Listing

_DRIFT_S = 3.0
_SHORTEST_DRIFT_MS = 200
_REDEEM_AFTER_S = 20.0
_VOID = 0.1
_MINT = 0.15
_OTHER_LEADER = 0.1
_UNEVEN = 0.25


class Generator:
    """Plan the next act of somebody, again and again."""

    def __init__(self, world: World) -> None:
        """Live in a world."""
        self._world = world
        self._random = Random(f"generator-{world.settings.seed}")
        self._listing = Listing(world)

    def start(self) -> None:
        """Open markets, introduce leaders and plan the first acts."""
        settings, start = self._world.settings, self._world.start_ms
        short = max(1, settings.markets // 4) if settings.markets else 0
        self._listing.open_lasting(settings.markets - short)
        for slot in range(short):
            self._open_short(start + slot)
        for place in range(settings.leaders):
            self._introduce(place)
        if settings.leaders and settings.markets and settings.fills_per_minute > 0:
            self._plan_act(start, 1)
        if settings.markets:
            self._plan_drift(start)

    def _introduce(self, place: int) -> None:
        habit = list(HABITS)[place % len(HABITS)]
        wallet = self._world.operator.keyring.leader(place)
        self._world.follow(Profile(wallet, f"{habit}-{place}", f"Seeded-{habit.title()}", habit))

    def _plan_act(self, at_ms: int, fills: int) -> None:
        settings = self._world.settings
        pause_s = self._random.expovariate(settings.fills_per_minute / 60) * fills
        self._world.agenda.at(at_ms + max(1, settings.wall_ms(pause_s)), self._act)

    def _act(self, at_ms: int) -> None:
        deal = None if self._world.paused else self._deal(at_ms)
        if deal is not None:
            market = self._world.catalog.by_token[deal.token_id]
            self._world.settle(match_of(market, deal, at_ms))
        self._plan_act(at_ms, deal.fills if deal else 1)

    def _deal(self, at_ms: int) -> Deal | None:
        rng = self._random
        known = [leader for leader in self._world.leaders if leader.habit]
        weights = [HABITS[leader.habit].weight for leader in known]
        leader = rng.choices(known, weights)[0]
        habit = HABITS[leader.habit]
        selling = self._sale(leader.address, at_ms) if rng.random() < habit.sells else None
        return selling or self._purchase(leader.address, habit, at_ms)

    def _purchase(self, wallet: str, habit: Habit, at_ms: int) -> Deal | None:
        rng = self._random
        market = self._open_market(at_ms)
        if market is None:
            return None
        outcome = rng.randrange(2)
        making = rng.random() < habit.maker
        price = _price(market, outcome, "BUY", making=making)
        if price is None or price > habit.dearest:
            return None
        fills = rng.randint(1, habit.fills) if making else 1
        lowest = max(habit.shares[0], market.min_size // MICRO)
        shares = rng.randint(lowest * 100, max(lowest, habit.shares[1]) * 100) * (MICRO // 100)
        if rng.random() < _UNEVEN:
            shares += rng.randrange(1, MICRO // 100)
        return Deal(
            wallet=wallet,
            token_id=market.tokens[outcome],
            side="BUY",
            shares=shares,
            price=price,
            role="maker" if making else "taker",
            fills=fills,
            mint=rng.random() < _MINT,
            counterparty=self._counterparty(wallet),
        )

    def _sale(self, wallet: str, at_ms: int) -> Deal | None:
        rng = self._random
        held = [
            position
            for position in self._world.held.of_wallet(wallet)
            if position.shares >= position.market.min_size and position.market.trading(at_ms)
        ]
        if not held:
            return None
        position = rng.choice(held)
        making = rng.random() < HABITS[self._world.profile(wallet).habit].maker
        price = _price(position.market, position.outcome, "SELL", making=making)
        if price is None:
            return None
        part = position.shares if rng.random() < 0.5 else position.shares // 2
        return Deal(
            wallet=wallet,
            token_id=position.token_id,
            side="SELL",
            shares=max(part, min(position.shares, position.market.min_size)),
            price=price,
            role="maker" if making else "taker",
        )

    def _counterparty(self, wallet: str) -> str:
        others = [each.address for each in self._world.leaders if each.address != wallet]
        if others and self._random.random() < _OTHER_LEADER:
            return self._random.choice(others)
        return ""

    def _open_market(self, at_ms: int) -> Market | None:
        trading = [m for m in self._world.catalog.markets if m.trading(at_ms)]
        return self._random.choice(trading) if trading else None

    def _plan_drift(self, at_ms: int) -> None:
        pause = max(_SHORTEST_DRIFT_MS, self._world.settings.wall_ms(_DRIFT_S))
        self._world.agenda.at(at_ms + pause, self._drift)

    def _drift(self, at_ms: int) -> None:
        market = None if self._world.paused else self._open_market(at_ms)
        if market is not None:
            step = self._random.choice((-2, -1, 1, 2)) * max(market.tick, 25)
            market.fair = clamp(min(max(market.fair + step, 300), 9700), market.tick)
            self._world.desk.quote(market, at_ms)
        self._plan_drift(at_ms)

    def _open_short(self, at_ms: int) -> None:
        settings = self._world.settings
        market = self._listing.open_short(at_ms, settings.wall_ms(settings.resolve_after_s))
        self._world.agenda.at(market.end_ms, lambda at: self._end(market, at))

    def _end(self, market: Market, at_ms: int) -> None:
        rng = self._random
        self._open_short(at_ms)
        if market.resolution is not None:
            return
        up = rng.random() < market.fair / PRICE_ONE
        payouts = (1, 1) if rng.random() < _VOID else ((1, 0) if up else (0, 1))
        ended = self._world.resolve(market, payouts, at_ms)
        for leader in self._world.leaders:
            if leader.habit and HABITS[leader.habit].redeems:
                wait_s = _REDEEM_AFTER_S * (1 + rng.random())
                due = ended.redeemable_at_ms + self._world.settings.wall_ms(wait_s)
                self._world.agenda.at(due, lambda at, w=leader.address: self._redeem(w, market, at))

    def _redeem(self, wallet: str, market: Market, at_ms: int) -> None:
        if any(self._world.held.shares(wallet, token_id) for token_id in market.tokens):
            self._world.redeem(wallet, market, at_ms)


def _price(market: Market, outcome: int, side: Side, *, making: bool) -> int | None:
    bid, ask = market.book.best(outcome)
    return bid if (side == "BUY") == making else ask
