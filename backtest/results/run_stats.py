"""Statistics that a run adds up as it goes on, in memory that does not grow with its length. Pure."""

from collections import Counter
from collections.abc import Callable

from backtest.domain.market_state import MARKET_CLOSED
from backtest.results.pnl import LeaderSums, PnlSums
from backtest.results.result import CannotTell, CopyCosts, SignalOutcome
from shared.domain.market import MarketFacts
from shared.domain.money import MICRO
from shared.messages.redemptions import Redeemed

CLOSED = ("market_open", MARKET_CLOSED)
"""Why a signal, or its order, came too late."""

Sink = Callable[[SignalOutcome], object]


class RunStats:
    """Counts and sums; the outcome of each order goes on to `sink`."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._skipped: Counter[tuple[str, str]] = Counter()
        self._ordered: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()
        self.fills: Counter[str] = Counter()
        self.doubts: Counter[str] = Counter()
        self.closed_skips: Counter[str] = Counter()
        self.by_leader: dict[str, PnlSums] = {}
        self.by_market: dict[str, PnlSums] = {}
        self.market_facts: dict[str, MarketFacts] = {}
        self.theirs = LeaderSums()
        self.delay = self.spread = self.impact = self.fees = 0

    @property
    def orders(self) -> int:
        """Return how many orders were sent."""
        return self.fills.total()

    @property
    def skips(self) -> Counter[str]:
        """Return how many signals were not followed, by reason."""
        found: Counter[str] = Counter()
        for (_, reason), count in self._skipped.items():
            found[reason] += count
        return found

    @property
    def signals(self) -> Counter[str]:
        """Return how many signals there were, by leader."""
        found = self._ordered.copy()
        for (leader, _), count in self._skipped.items():
            found[leader] += count
        return found

    def add_skip(self, leader: str, reason: str, condition_id: str) -> None:
        """Count a signal that was not followed."""
        self._skipped[leader, reason] += 1
        if reason in CLOSED:
            self.closed_skips[condition_id] += 1

    def add_order(
        self, outcome: SignalOutcome, gain: int, facts: MarketFacts | None, *, assumed: bool, of_signal: bool
    ) -> None:
        """Count an order; `gain` is what a sell realized."""
        self._ordered[outcome.leader] += of_signal
        self.verdicts[outcome.verdict] += 1
        full = outcome.shares == outcome.wanted
        self.fills["filled" if full else "partial" if outcome.shares else "missed"] += 1
        self._doubt(outcome, assumed=assumed)
        if of_signal and outcome.reason in CLOSED:
            self.closed_skips[outcome.condition_id] += 1
        if outcome.shares:
            self._cost(outcome)
            if facts:
                self.market_facts.setdefault(facts.condition_id, facts)
            for sums in self._sums(outcome.leader, outcome.condition_id):
                _add(sums, outcome, gain)
        self._sink(outcome)

    def add_payout(self, condition_id: str, lot: Redeemed) -> None:
        """Count a payout."""
        payout, cost = lot.payout, lot.cost
        for sums in self._sums(lot.leader, condition_id):
            sums.paid_out += payout
            sums.realized += payout - cost

    def costs(self) -> CopyCosts:
        """Return what following cost."""
        return CopyCosts(fees=self.fees, delay=self.delay, spread=self.spread, impact=self.impact)

    def cannot_tell(self, never_resolved: int, closing_reckoned: int, shut_by_it: int) -> tuple[CannotTell, ...]:
        """Return what the data cannot answer, with the share of orders concerned; the markets' part is told to it."""
        asked = (
            ("the book that an order met: none was recorded, so spread and depth are the model's", "no_book"),
            ("how the price moved in the delay: nobody else's trade in the token is known since", "no_later_trade"),
            ("fees, tick and minimum size: the market's facts were not recorded", "assumed_facts"),
        )
        found = [CannotTell(what=what, trades=self.doubts[name], of=self.orders) for what, name in asked]
        traded = sum(sums.trades for sums in self.by_market.values())
        found.append(CannotTell(what="how the market resolved: still open here", trades=never_resolved, of=traded))
        reckoned = "when the market closed: nobody says, so it is reckoned from its plan or its last trade here"
        found.append(CannotTell(what=reckoned, trades=closing_reckoned, of=traded))
        shut = "whether a signal came in time: its market counted as closed by that reckoning"
        found.append(CannotTell(what=shut, trades=shut_by_it, of=self.signals.total()))
        theirs = sum(sums.trades for sums in self.theirs.sums.values())
        unbacked = "what the leader had paid for shares sold: bought before the history begins"
        found.append(CannotTell(what=unbacked, trades=self.theirs.unbacked, of=theirs))
        return tuple(doubt for doubt in found if doubt.trades)

    def _doubt(self, outcome: SignalOutcome, *, assumed: bool) -> None:
        self.doubts["no_book"] += outcome.evidence != "book"
        self.doubts["no_later_trade"] += outcome.evidence in {"leader", "none"}
        self.doubts["assumed_facts"] += assumed

    def _cost(self, outcome: SignalOutcome) -> None:
        """Split what was paid beyond the leader's price: it moved, half the spread, and levels beyond the best."""
        sign = 1 if outcome.side == "BUY" else -1
        shares = outcome.shares
        self.delay += sign * (outcome.middle - outcome.leader_price) * shares // MICRO
        self.spread += sign * (outcome.best - outcome.middle) * shares // MICRO
        self.impact += sign * (outcome.usdc - outcome.best * shares // MICRO)
        self.fees += outcome.fee

    def _sums(self, leader: str, condition_id: str) -> tuple[PnlSums, PnlSums]:
        ours = self.by_leader.get(leader)
        if ours is None:
            ours = self.by_leader[leader] = PnlSums()
        market = self.by_market.get(condition_id)
        if market is None:
            market = self.by_market[condition_id] = PnlSums()
        return ours, market


def _add(sums: PnlSums, outcome: SignalOutcome, gain: int) -> None:
    sums.trades += 1
    sums.fees += outcome.fee
    sums.realized += gain
    if outcome.side == "BUY":
        sums.spent += outcome.usdc + outcome.fee
    else:
        sums.received += outcome.usdc - outcome.fee
