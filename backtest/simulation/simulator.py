"""The simulator of a backtest: the live engine over past events, one decision after the other, never looking ahead.

Time moves from decision to decision. Before each, and before its order meets a book, everything that happened up to
that moment is taken in, and nothing later. One buyer decides at a time: while an order is under way, signals wait.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial

from backtest.domain.market_events import FOREVER_MS, MarketEvent, MergedAhead
from backtest.domain.market_state import MarketState, ResolvedMarket
from backtest.domain.price_model import PriceQuotes
from backtest.results.mark_to_market import LotValuation
from backtest.results.run_stats import RunStats, Sink
from backtest.results.silenced_spans import SilencedSpans
from backtest.simulation.latency import seen_early
from backtest.simulation.leader_memory import LeaderMemory
from backtest.simulation.lot_watch import LotWatch
from backtest.simulation.recent_signals import RecentSignals
from backtest.simulation.redemption_payouts import redeem_market, unpaid_redemption
from backtest.simulation.run_account import RunAccount
from backtest.simulation.run_journal import RunJournal, RunLedger
from backtest.simulation.run_losses import RunLosses
from backtest.simulation.run_models import RunModels
from backtest.simulation.run_retractions import RunRetractions
from backtest.simulation.run_writer import RunWriter
from backtest.simulation.signal_outcomes import order_outcome, skip_outcome
from backtest.simulation.world.market_changes import MarketChanges
from backtest.simulation.world.simulated_venue import PaperMarket, RunClock, SimulatedWorld
from buyer.execution.buy_gate import RETRACTED
from buyer.execution.decision_writer import BuyerIdentity, DecisionWriter
from buyer.execution.exit_manager import ExitManager
from buyer.execution.exit_store import ExitStore
from buyer.execution.exits.lot_looks import LotLooks
from buyer.execution.exits.other_side import OtherSide
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.execution.order_precedence import NotSettled
from buyer.settlement.buy_breaker import BuyBreaker
from buyer.strategy.exit_policy import exit_trigger
from buyer.strategy.limits import TradingLimits
from buyer.strategy.sizing import is_completed
from shared import logs
from shared.domain.record_kinds import EXITS
from shared.messages.decisions import BuyEngineDecision
from shared.messages.signals import ActionableSignal, FillRetracted

EXIT_STEP_MS = 1000
WATCH_STEP_MS = 5000
"""How often exits under way are tried, and lots looked at, between signals."""
WAIT_STEP_MS = 2 * EXIT_STEP_MS
"""When a buy is decided again that waits for an exit, which has its turn in between."""

Waiting = tuple[int, int, ActionableSignal]
"""A trade on its way to the buyer: when it arrives, and a number that keeps equal times in the order of the trades."""


class SimulatedRun:
    """One pass over what happened."""

    def __init__(
        self,
        market_events: Iterable[MarketEvent],
        limits: TradingLimits,
        bankroll: int,
        models: RunModels,
        sink: Sink,
        *,
        skips: bool = False,
        whole: bool = False,
        one_leader: bool = False,
    ) -> None:
        """Build it.

        Args:
            market_events: In time order.
            limits: What the policy decides by.
            bankroll: What the account begins with, in micro-units.
            models: What stands in for the world.
            sink: Where the outcomes of orders go.
            skips: Send it those of every signal.
            whole: Make each decision whole, with every rule's value, as the live buyer does; the result is the same.
            one_leader: All trades are of one leader.
        """
        self._models, self._coming = models, MergedAhead(seen_early(market_events, models.delay))
        self.ledger, self.stats = RunLedger(), RunStats(sink)
        self.quotes, self.markets = PriceQuotes(models.prices), MarketState(models.markets)
        self._clock = RunClock(0)
        self._world = SimulatedWorld(self.quotes, self.markets, self._clock)
        self._venue = PaperMarket(self._world, self._clock, models.order_ms, self._pass_time)
        self._sink = sink if skips else None
        self.silences = SilencedSpans(limits)
        self._decided_on = RecentSignals()
        marks = limits.mark_losses or limits.breaker_fall_usdc or limits.leader_limits
        self._losses = RunLosses(self.ledger, self.quotes, self.markets, self._clock, on=bool(marks))
        losses, errors = self._losses.losses, logs.errors_of("breaker")
        self._breaker = BuyBreaker(self.ledger, lambda: None, losses, clock=self._clock, limits=limits, log=errors)
        self._memory = LeaderMemory(self.ledger, self.stats.theirs, self._clock, limits, alone=one_leader)
        self._looks = LotLooks(limits)
        self._watch = LotWatch(self._looks, self._world.book_at, on=limits.floors or bool(limits.leader_limits))
        self._value = LotValuation(self.quotes)
        self.account = RunAccount(self.ledger, self._value)
        world = (self.quotes, self.markets, self.stats.theirs, self._memory, self._value, self._watch)
        self._changes = MarketChanges(*world, models.redeem_ms)
        tasks, errors = ExitStore(self.ledger, lambda: None), logs.errors_of("exits")
        self._other_side = OtherSide(tasks, self._clock, errors)
        self._engine = self._build_executor(limits, bankroll, whole=whole)
        self._retractions = RunRetractions(self.ledger, self._engine, tasks, self._clock, limits)
        self._exits = ExitManager(
            self._engine, tasks, self._world, clock=self._clock, limits=limits, log=errors, looks=self._looks
        )
        self._watches = exit_trigger(limits) or bool(limits.leader_limits)
        self._arriving: list[Waiting] = []
        self._waits: set[str] = set()
        self._expected: deque[MarketEvent] = deque()
        self._number = self._look_ms = 0
        self._trade: ActionableSignal | None = None
        self.starts_at_ms = 0 if self._coming.next_ms == FOREVER_MS else self._coming.next_ms
        self.ends_at_ms = 0

    def _build_executor(self, limits: TradingLimits, bankroll: int, *, whole: bool) -> BuyExecutor:
        journal = Journal(self.ledger, lambda: None) if whole else RunJournal(self.ledger)
        journal.deposit(bankroll)
        return BuyExecutor(
            journal=journal,
            prices=self._world,
            venue=self._venue,
            clock=self._clock,
            limits=limits,
            identity=BuyerIdentity("paper", limits.id, "backtest"),
            emit=self._record_decision,
            losses=self._losses.losses,
            writes=DecisionWriter if whole else partial(RunWriter, skipped=self._record_skip),
            stood=self._looks.stood,
            others=self._memory.others,
            sell_first=self._other_side.sell_first,
        )

    def steps(self) -> Iterator[int]:
        """Decide on one signal after the other; yield the time of each decision."""
        arriving = self._arriving
        while self._read_ahead():
            if self._retractions.next_ms < arriving[0][0]:
                self._take_back(arriving[0][0])
            if self._value.shares:
                self._manage_exits(arriving[0][0])
            arrives_ms, _, trade = heapq.heappop(arriving)
            now_ms = max(arrives_ms, self._clock.now_ms())
            self._pass_time(now_ms)
            self._trade, self._world.signal_id = trade, trade.id
            if now_ms >= self._look_ms:  # between two looks it has nothing to do
                self._breaker.work_due()
                self._look_ms = self._breaker.next_look_ms
            if self._decided_on.add_new(trade.id) or trade.id in self._waits:
                self._decide(trade)
            yield self._clock.now_ms()
        self._take_back(FOREVER_MS)
        self._manage_exits(self.ends_at_ms)
        self._pass_time(FOREVER_MS)

    def _take_back(self, until_ms: int) -> None:
        """Take the trades back that are in no block any more, each when that is told."""
        while (at_ms := self._retractions.next_ms) < until_ms:
            self._manage_exits(at_ms)
            self._pass_time(max(at_ms, self._clock.now_ms()))
            self._retractions.take_next()

    def _decide(self, trade: ActionableSignal) -> None:
        """Decide on a trade; one that waits for an exit is decided again, after a step of that."""
        if self._waits:
            self._waits.discard(trade.id)
        if self._retractions.gone and trade.id in self._retractions.gone:
            self._record_skip(trade, RETRACTED)
            return
        self._memory.before(trade)
        try:
            self._engine.process_actionable(trade)
        except NotSettled:
            self._waits.add(trade.id)
            self._number += 1
            heapq.heappush(self._arriving, (self._clock.now_ms() + WAIT_STEP_MS, self._number, trade))

    def _manage_exits(self, until_ms: int) -> None:
        """Let the buyer go on with its exits until the next signal, as it does between signals."""
        while self._value.shares and (self._watches or self.ledger.holds(EXITS)):
            if not self._watches and self._exits.rests and not self._watch.moved:
                return
            self._watch.moved = False
            step_ms = EXIT_STEP_MS if self.ledger.holds(EXITS) and not self._exits.rests else WATCH_STEP_MS
            if self._clock.now_ms() + step_ms >= until_ms:
                return
            self._pass_time(self._clock.now_ms() + step_ms)
            self._exits.work_due()

    def _read_ahead(self) -> bool:
        """Look for trades until no later one could arrive before the next that waits; say whether one waits.

        What is looked at early still happens in its time: exits between two signals must not see it before.
        """
        waiting, coming = self._arriving, self._coming
        while coming.next_ms <= (waiting[0][0] if waiting else FOREVER_MS - 1):
            self._expect_event(coming.pop_next())
        return bool(waiting)

    def _pass_time(self, now_ms: int) -> None:
        """Let everything up to `now_ms` happen."""
        coming, expected = self._coming, self._expected
        while coming.next_ms <= now_ms and coming.next_ms != FOREVER_MS:
            self._expect_event(coming.pop_next())
        while expected and expected[0][0] <= now_ms:
            self._changes.apply_event(expected.popleft())
        payouts = self._changes.payouts
        while payouts and payouts[0][0] <= now_ms:
            self._pay_market(*heapq.heappop(payouts))
        self._clock.set(now_ms)

    def _expect_event(self, market_event: MarketEvent) -> None:
        """Note what will happen, and when a trade's signal will arrive."""
        at_ms, what = market_event
        self.ends_at_ms = at_ms
        self._expected.append(market_event)
        if isinstance(what, ActionableSignal):
            if what.completes and not is_completed(what, self._engine.limits_of(what.leader)):
                return
            self._number += 1
            arrives_ms = self._models.delay.arrival_ms(what)
            heapq.heappush(self._arriving, (max(at_ms, arrives_ms), self._number, what))
        elif isinstance(what, FillRetracted):
            self._retractions.expect(at_ms, what)

    def _pay_market(self, at_ms: int, resolved: ResolvedMarket) -> None:
        if resolved.condition_id in self.stats.by_market:
            paid = redeem_market(self.ledger, unpaid_redemption(resolved.condition_id, resolved.payouts, at_ms))
            for lot in paid.lots:
                self.stats.add_payout(resolved.condition_id, lot)
                self._value.add_shares(lot.token_id, -lot.shares)
                self._losses.touch(lot.leader, lot.token_id)
                self._watch.change(lot.leader, lot.token_id, -lot.shares)
            self.account.add_point(at_ms)
        self._changes.forget_market(resolved.condition_id)

    def _record_skip(self, trade: ActionableSignal, reason: str) -> None:
        """Take in that a signal is not followed, and that nothing else follows from it."""
        self.stats.add_skip(trade.leader, reason, trade.market.condition_id)
        self.silences.add_skip(trade.leader, reason, self._clock.now_ms())
        if self._sink:
            self._sink(skip_outcome(trade, reason, self._clock.now_ms(), self._world.quote))

    def _record_decision(self, decision: BuyEngineDecision) -> None:
        """Take in what the engine decided."""
        trade = self._trade if self._trade and self._trade.id == decision.signal_id else None
        if decision.order is None or decision.outcome is None:
            if trade:
                self._record_skip(trade, decision.reason)
            return
        self._breaker.count(decision)
        self._look_ms = 0
        met, facts = self._venue.met, decision.inputs.market
        outcome = order_outcome(trade, decision, decision.order, met)
        gain = self.account.newly_realized()
        change = outcome.shares if outcome.side == "BUY" else -outcome.shares
        if outcome.side == "BUY":
            self.silences.add_buy(decision.leader)
            self._retractions.note_buy(decision)
        self._losses.touch(decision.leader, decision.token_id)
        self._value.add_shares(outcome.token_id, change)
        self._watch.change(decision.leader, outcome.token_id, change)
        assumed = self.markets.is_assumed(outcome.token_id)
        self.stats.add_order(outcome, gain, facts, assumed=assumed, of_signal=trade is not None)
        self.account.add_point(met.at_ms)
