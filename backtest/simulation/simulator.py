"""The simulator of a backtest: the live engine over past events, one decision after the other, never looking ahead.

Time moves from decision to decision. Before each, and before its order meets a book, everything that happened up to
that moment is taken in, and nothing later. One buyer decides at a time: while an order is under way, signals wait.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from typing import cast

from backtest.domain.market_events import FOREVER_MS, MarketEvent, MergedAhead
from backtest.domain.market_state import MarketState, ResolvedMarket
from backtest.domain.price_model import LastTrade, PriceQuotes
from backtest.results.equity_curve import EquityCurve
from backtest.results.mark_to_market import LotValuation
from backtest.results.result import EquityPoint
from backtest.results.run_stats import RunStats, Sink
from backtest.simulation.recent_signals import RecentSignals
from backtest.simulation.redemption_payouts import redeem, resolution
from backtest.simulation.run_journal import RunJournal, RunLedger
from backtest.simulation.run_models import RunModels
from backtest.simulation.signal_outcomes import ordered_of, skipped_of
from backtest.simulation.simulated_venue import PaperMarket, SimulatedWorld
from buyer.execution.exit_manager import ExitManager
from buyer.execution.exit_store import ExitStore
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyerIdentity, BuyExecutor
from buyer.strategy.exit_policy import exit_trigger
from buyer.strategy.limits import TradingLimits
from buyer.strategy.skip_cache import LotVerdict, SkipCache, at_once
from shared import logs
from shared.clock import ManualClock
from shared.domain import ledger_accounts
from shared.domain.leader_trade import LeaderTrade
from shared.domain.ledger_accounts import DAY_MS
from shared.domain.market import Book, MarketFacts
from shared.domain.money import from_micro, to_micro
from shared.domain.record_kinds import EXITS
from shared.messages.decisions import BuyEngineDecision
from shared.messages.signals import ActionableSignal

MOST_NEAR = 20_000
"""Lots that are kept at hand as they stand, while the ledger and the day do; then all are forgotten."""
MOST_RECENT = 50_000
"""Signals of late that are known when a second source brings them again."""
EXIT_STEP_MS = 1000
WATCH_STEP_MS = 5000
"""How often exits under way are tried, and lots looked at, between signals."""


Waiting = tuple[int, int, LeaderTrade]
"""A trade on its way to the buyer: when it arrives, and a number that keeps equal times in the order of the trades."""


class RunClock(ManualClock):
    """A clock that one thread sets, millions of times."""

    def set(self, now_ms: int) -> None:
        """Jump to `now_ms`."""
        self._now_ms = now_ms


class SimulatedRun:
    """One pass over what happened."""

    def __init__(
        self,
        happenings: Iterable[MarketEvent],
        limits: TradingLimits,
        bankroll: int,
        models: RunModels,
        sink: Sink,
        *,
        skips: bool = False,
        whole: bool = False,
    ) -> None:
        """Build it.

        Args:
            happenings: In time order.
            limits: What the policy decides by.
            bankroll: What the account begins with, in micro-units.
            models: What stands in for the world.
            sink: Where the outcomes of orders go, and with `skips` those of every signal.
            skips: See `sink`.
            whole: Make each decision whole, with every rule's value, as the live buyer does; the result is the same.
        """
        self._models, self._coming = models, MergedAhead(happenings)
        self.ledger, self.tally, self.curve = RunLedger(), RunStats(sink), EquityCurve()
        self.quotes, self.markets = PriceQuotes(models.prices), MarketState(models.markets)
        self._clock = RunClock(0)
        self._world = SimulatedWorld(self.quotes, self.markets, self._clock)
        self._venue = PaperMarket(self._world, self._clock, models.order_ms, self._pass_time)
        self._sink = sink if skips else None
        self._reasons = SkipCache()
        self._near: dict[tuple[str, str, str], LotVerdict] = {}
        self._near_as_of = (0, 0)
        self._decided_on = RecentSignals(MOST_RECENT)
        self._engine = self._built(limits, bankroll, whole=whole)
        tasks = ExitStore(self.ledger, lambda: None)
        errors = logs.errors_of("exits")
        self._desk = ExitManager(self._engine, tasks, self._world, clock=self._clock, limits=limits, log=errors)
        self._watches = exit_trigger(limits) or bool(limits.leader_limits)
        self._waiting: list[Waiting] = []
        self._expected: deque[MarketEvent] = deque()
        self._payouts: list[tuple[int, ResolvedMarket]] = []
        self._value = LotValuation(self.quotes)
        self._number = self._realized = 0
        self._trade: LeaderTrade | None = None
        self.starts_at_ms = 0 if self._coming.next_ms == FOREVER_MS else self._coming.next_ms
        self.ends_at_ms = 0

    def _built(self, limits: TradingLimits, bankroll: int, *, whole: bool) -> BuyExecutor:
        journal = Journal(self.ledger, lambda: None) if whole else RunJournal(self.ledger)
        journal.deposit(bankroll)
        return BuyExecutor(
            journal=journal,
            prices=self._world,
            venue=self._venue,
            clock=self._clock,
            limits=limits,
            identity=BuyerIdentity("paper", limits.id, "backtest"),
            emit=self._decided,
            reasons=None if whole else self._reasons,
            skipped=lambda signal, reason: self._skip(cast("LeaderTrade", signal), reason),
        )

    def steps(self) -> Iterator[int]:
        """Decide on one signal after the other; yield the time of each decision."""
        while self._fetch():
            self._attend(self._waiting[0][0])
            arrives_ms, _, trade = heapq.heappop(self._waiting)
            now_ms = max(arrives_ms, self._clock.now_ms())
            self._pass_time(now_ms)
            self._trade, self._world.signal_id = trade, trade.id
            if self._decided_on.add(trade.id):
                self._decide(trade, now_ms)
            yield self._clock.now_ms()
        self._attend(self.ends_at_ms)
        self._pass_time(FOREVER_MS)

    def _decide(self, trade: LeaderTrade, now_ms: int) -> None:
        """Let the engine decide, unless it is known at once that it would skip."""
        lot, as_of = (trade.leader, trade.token_id, trade.side), (self.ledger.seq, now_ms // DAY_MS)
        if as_of != self._near_as_of or len(self._near) >= MOST_NEAR:
            self._near.clear()
            self._near_as_of = as_of
        reason = self._known(trade, self._near.get(lot), now_ms)
        if reason:
            self._skip(trade, reason)
            return
        self._reasons.last = None
        self._engine.handle(cast("ActionableSignal", trade))
        if self._reasons.last is not None and self.ledger.seq == as_of[0]:
            self._near[lot] = self._reasons.last

    def _known(self, trade: LeaderTrade, standing: LotVerdict | None, now_ms: int) -> str:
        """Return why a trade is not followed, '' when the engine has to be asked."""
        if standing is None or self._sink or self.markets.known(trade.token_id) is not standing.facts:
            return ""
        return at_once(standing, trade, self.quotes.levels(trade.token_id, standing.facts, now_ms), now_ms)

    def _attend(self, until_ms: int) -> None:
        """Let the buyer go on with its exits until the next signal, as it does between signals."""
        while self._value.shares and (self._watches or self.ledger.holds(EXITS)):
            step_ms = EXIT_STEP_MS if self.ledger.holds(EXITS) else WATCH_STEP_MS
            if self._clock.now_ms() + step_ms >= until_ms:
                return
            self._pass_time(self._clock.now_ms() + step_ms)
            self._desk.turn()

    def _fetch(self) -> bool:
        """Look for trades until no later one could arrive before the next that waits; say whether one waits.

        What is looked at early still happens in its time: exits between two signals must not see it before.
        """
        waiting, coming = self._waiting, self._coming
        while coming.next_ms != FOREVER_MS and (not waiting or coming.next_ms <= waiting[0][0]):
            self._expect(coming.take())
        return bool(waiting)

    def _pass_time(self, now_ms: int) -> None:
        """Let everything up to `now_ms` happen."""
        coming, expected = self._coming, self._expected
        while coming.next_ms <= now_ms and coming.next_ms != FOREVER_MS:
            self._expect(coming.take())
        while expected and expected[0][0] <= now_ms:
            self._happen(expected.popleft())
        while self._payouts and self._payouts[0][0] <= now_ms:
            self._redeem(*heapq.heappop(self._payouts))
        self._clock.set(now_ms)

    def _expect(self, happening: MarketEvent) -> None:
        """Note what will happen, and when a trade's signal will arrive."""
        at_ms, what = happening
        self.ends_at_ms = at_ms
        self._expected.append(happening)
        if isinstance(what, LeaderTrade):
            self._number += 1
            arrives_ms = max(at_ms, self._models.delay.arrival_ms(what))
            heapq.heappush(self._waiting, (arrives_ms, self._number, what))

    def _happen(self, happening: MarketEvent) -> None:
        at_ms, what = happening
        if isinstance(what, LeaderTrade):
            self.markets.traded(what)
            if what.cause == "TRADE":
                self.quotes.traded(what.token_id, LastTrade(what.price, what.traded_at_ms, what.id))
                self._value.priced(what.token_id)
            self.tally.theirs.trade(what.leader, what.token_id, what.side, what.shares_micro, what.usdc_micro)
        elif isinstance(what, Book):
            self.quotes.seen(what)
        elif isinstance(what, MarketFacts):
            self.markets.learn(what)
        else:
            self._resolve(at_ms, what)

    def _resolve(self, at_ms: int, resolved: ResolvedMarket) -> None:
        for facts in self.markets.close(resolved):
            share = resolved.payouts[facts.outcome_index]
            self.tally.theirs.pay(facts.token_id, share)
            self.quotes.traded(facts.token_id, LastTrade(from_micro(int(share * 1_000_000)), at_ms, ""))
            self._value.priced(facts.token_id)
        heapq.heappush(self._payouts, (at_ms + self._models.redeem_ms, resolved))

    def _redeem(self, at_ms: int, resolved: ResolvedMarket) -> None:
        if resolved.condition_id in self.tally.by_market:
            paid = redeem(self.ledger, resolution(resolved.condition_id, resolved.payouts, at_ms))
            for lot in paid.lots:
                self.tally.pay(resolved.condition_id, lot)
                self._value.holds(lot.token_id, -to_micro(lot.shares))
            self._note(at_ms)
        for token in self.markets.forget(resolved.condition_id):
            self.quotes.forget(token)

    def _skip(self, trade: LeaderTrade, reason: str) -> None:
        """Take in that a signal is not followed, and that nothing else follows from it."""
        self.tally.skip(trade.leader, reason, trade.market.condition_id)
        if self._sink:
            self._sink(skipped_of(trade, reason, self._clock.now_ms(), self._world.quote))

    def _decided(self, decision: BuyEngineDecision) -> None:
        """Take in what the engine decided."""
        trade = self._trade if self._trade and self._trade.id == decision.signal_id else None
        if decision.order is None or decision.outcome is None:
            if trade:
                self._skip(trade, decision.reason)
            return
        met, facts = self._venue.met, decision.inputs.market
        outcome = ordered_of(trade, decision, decision.order, met)
        gain = self._gained()
        self._value.holds(outcome.token_id, outcome.shares if outcome.side == "BUY" else -outcome.shares)
        assumed = self.markets.assumed(outcome.token_id)
        self.tally.order(outcome, gain, facts, assumed=assumed, of_signal=trade is not None)
        self._note(met.at_ms)

    def _gained(self) -> int:
        """Return what was realized since the last order."""
        before, self._realized = self._realized, self.ledger.values.get(ledger_accounts.REALIZED, 0)
        return self._realized - before

    def _note(self, at_ms: int) -> None:
        values = self.ledger.values
        cash, realized = values.get(ledger_accounts.CASH, 0), values.get(ledger_accounts.REALIZED, 0)
        cost = values.get(ledger_accounts.DEPOSITED, 0) + realized - cash
        self._realized = realized
        self.curve.see(EquityPoint(at_ms, cash, cost, self._value.total, realized, values.get(ledger_accounts.FEES, 0)))
