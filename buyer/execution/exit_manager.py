"""Exits: begun for each lot where one is due, and tried until that lot is gone (pitfall 23)."""

from collections import Counter
from typing import Any

from buyer.execution.exit_store import ExitState, ExitStore
from buyer.execution.order_executor import BuyExecutor
from buyer.execution.venue_port import PriceSource
from buyer.strategy.exit_policy import DUST, LotMarket, due_exit, exit_trigger, needs_book
from buyer.strategy.limits import TradingLimits
from shared import logs
from shared.clock import Clock
from shared.domain.errors import HybridError, OutcomeUnknown
from shared.domain.ledger_accounts import Lot
from shared.messages.decisions import ExitTask

EVERY_S = 1.0
ENDED = "market_open"
"""The rule that a market fails whose trading ended, or rests."""
SWEEP_EVERY_S, SWEEP_AGAIN_S = 3600.0, 5.0
LONGEST_WINDOW_MS = 2 * 86_400_000
"""Twice the longest window in which small trades add up: what is older than this counts for nobody."""
LOTS_AT_ONCE = 4
"""Lots checked, and exits tried, between two signals at most: signals must not wait for a hundred lots' books."""


class ExitManager:
    """Works beside the signals, in the buyer's one thread; what it has to do is in the ledger, so a restart goes on."""

    def __init__(
        self,
        executor: BuyExecutor,
        exits: ExitStore,
        prices: PriceSource,
        *,
        clock: Clock,
        limits: TradingLimits,
        log: logs.Log | None = None,
    ) -> None:
        self._executor, self._exits, self._prices = executor, exits, prices
        self._clock, self._limits = clock, limits
        self._next = self._next_sweep = 0.0
        self._checked = 0
        self._last_reason: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._under_way = 0
        self._log = log or logs.get_logger("exits")

    def work_due(self) -> None:
        """Do what is due, once a second at most.

        Raises:
            TryAgain, OutcomeUnknown: come back after what was interrupted is finished.
            Fenced: another buyer is active.
        """
        now = self._clock.monotonic()
        if now < self._next:
            return
        self._next = now + EVERY_S
        state = self._exits.read()
        self._under_way = len(state.tasks)
        self._sweep(now)
        ready = sorted(state.tasks.values(), key=lambda task: (task.next_at_ms, task.id))
        for task in [task for task in ready if task.next_at_ms <= self._clock.now_ms()][:LOTS_AT_ONCE]:
            self._try(task, state)
        for lot in self._watched(state):
            self._check_lot(lot, flattening=state.flattening)

    def snapshot(self) -> dict[str, Any]:
        """Return how many exits are under way, and what began and ended them."""
        return {"under_way": self._under_way, **dict(sorted(self._counts.items()))}

    def _try(self, task: ExitTask, state: ExitState) -> None:
        if state.empty(task):
            self._exits.end(task)
            self._count_end(task, "done")
            return
        counted = self._exits.count(task, self._clock.now_ms(), self._last_reason.get(task.id, ""))
        try:
            self._last_reason[task.id] = reason = self._executor.sell(counted)
        except HybridError:
            raise
        except Exception as error:
            self._log.exception("exit_failed", exit=task.id, attempt=counted.attempt)
            raise OutcomeUnknown(f"exit {task.id}, attempt {counted.attempt} failed: {error}") from error
        self._log.info("exit_tried", exit=task.id, reason=task.reason, attempt=counted.attempt, result=reason)
        if reason == ENDED and self._closed(task):
            self._exits.end(task)
            self._log.info("left_to_redemption", leader=task.leader, token_id=task.token_id, why="the market closed")
            self._count_end(task, "closed")
        if reason == DUST and task.keep == 0:
            self._log.warning("dust_left", leader=task.leader, token_id=task.token_id, why="below the market's minimum")
            self._count_end(task, "dust")
        elif reason == DUST and task.reason == "retracted":
            self._exits.end(task)  # it must not wait for what is bought later: that was bought for another reason
            self._count_end(task, "dust")

    def _closed(self, task: ExitTask) -> bool:
        facts, _ = self._prices.facts(task.token_id)
        return facts is not None and facts.closed

    def _count_end(self, task: ExitTask, end: str) -> None:
        self._last_reason.pop(task.id, None)
        self._counts[end] += 1

    def _watched(self, state: ExitState) -> list[Lot]:
        """Return the next few lots that something could set off, in turn."""
        lots = [lot for lot in state.lots if lot.key not in state.tasks]
        lots = [lot for lot in lots if state.flattening or exit_trigger(self._limits.of(lot.leader))]
        if not lots:
            return []
        start = self._checked % len(lots)
        self._checked += LOTS_AT_ONCE
        return (lots[start:] + lots[:start])[:LOTS_AT_ONCE]

    def _check_lot(self, lot: Lot, *, flattening: bool) -> None:
        limits = self._limits.of(lot.leader)
        facts, _ = self._prices.facts(lot.token_id)
        book = self._prices.book(lot.token_id)[0] if needs_book(limits) and not flattening else None
        task = due_exit(LotMarket(lot, facts, book, self._clock.now_ms()), limits, flattening=flattening)
        if task is not None:
            self._exits.open(task)
            self._counts[task.reason] += 1
            self._log.info("exit_begun", exit=task.id, reason=task.reason, leader=lot.leader, token_id=lot.token_id)

    def _sweep(self, now: float) -> None:
        if now >= self._next_sweep:
            self._next_sweep = now + SWEEP_EVERY_S
            if self._exits.sweep(self._clock.now_ms() - LONGEST_WINDOW_MS):
                self._next_sweep = now + SWEEP_AGAIN_S
