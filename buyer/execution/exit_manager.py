"""Exits: begun for each lot where one is due, and tried until that lot is gone (pitfall 23)."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from buyer.execution.exit_store import ExitState, ExitStore
from buyer.execution.exits.attempt_times import AttemptTimes
from buyer.execution.exits.floor_steps import FloorSteps
from buyer.execution.exits.leader_holdings import LeaderHoldings
from buyer.execution.exits.lot_looks import LotLooks
from buyer.execution.order_executor import BuyExecutor
from buyer.execution.venue_port import PriceSource
from buyer.strategy.exit_policy import DUST, LotMarket, due_exit, exit_trigger, needs_book
from buyer.strategy.exits.exit_floor import TYPED, basis_of, can_lower, floor_price, floor_text, grounded
from buyer.strategy.exits.exit_triggers import TRIGGER, suspects
from buyer.strategy.limits import TradingLimits
from buyer.strategy.sizing import GRAIN, sell_size
from shared import logs
from shared.clock import Clock
from shared.domain.errors import HybridError, OutcomeUnknown
from shared.domain.ledger_accounts import Lot
from shared.domain.market import Book
from shared.domain.money import Price, Shares
from shared.messages.decisions import FLOOR, ExitTask

EVERY_S = 1.0
ENDED = "market_open"
"""The rule that a market fails whose trading ended, or rests."""
SWEEP_EVERY_S, SWEEP_AGAIN_S = 3600.0, 5.0
LONGEST_WINDOW_MS = 2 * 86_400_000
"""Twice the longest window in which small trades add up: what is older than this counts for nobody."""
LOTS_AT_ONCE = 4
"""Lots checked, and exits tried, between two signals at most: signals must not wait for a hundred lots' books."""
SPARE_LOOKS = 1
"""Books asked for in a turn only to know what a lot is worth."""


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
        in_wallet: Callable[[str], Shares | None] = lambda _token_id: None,
        log: logs.Log | None = None,
        looks: LotLooks | None = None,
        kept: Callable[[str], Book | None] | None = None,
        holdings: LeaderHoldings | None = None,
    ) -> None:
        """Build it; `kept` is asked for a book first, where another costs a request; `holdings` what leaders hold."""
        self._executor, self._exits, self._prices, self._in_wallet = executor, exits, prices, in_wallet
        self._clock, self._limits = clock, limits
        self._looks, self._kept, self._holdings = looks or LotLooks(limits), kept, holdings
        self._floors, self._times = FloorSteps(clock, limits), AttemptTimes(clock)
        self._next = self._next_sweep = 0.0
        self._checked = self._spare_looks = 0
        self._suspected: set[str] = set()
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
        self._next, self._spare_looks = now + EVERY_S, SPARE_LOOKS
        state = self._exits.read()
        if state.by_hand:
            self._counts["by_hand"] += len(state.by_hand)
            self._exits.begin_by_hand(state, self._clock.now_ms())
            state = self._exits.read()
        self._under_way = len(state.tasks)
        self._sweep(now)
        self._learn_holdings(state)
        self._times.keep_only(state.tasks.values())
        tasks = [task for task in state.tasks.values() if state.empty(task) or not self._lacks(task.token_id)]
        ready = sorted(tasks, key=lambda task: (task.next_at_ms, task.id))
        for task in [task for task in ready if self._times.is_due(task)][:LOTS_AT_ONCE]:
            self._try(task, state)
        for lot in self._watched(state):
            self._check_lot(lot, state)
        self._forget(state)

    @property
    def rests(self) -> bool:
        """Say whether every exit under way waits at the end of its floor: only another book changes something."""
        return bool(self._under_way) and self._floors.ended == self._under_way

    def snapshot(self) -> dict[str, Any]:
        """Return how many exits are under way, and what began and ended them."""
        waiting = {"at_floor": len(self._floors)} if self._floors else {}
        return {"under_way": self._under_way, **waiting, **dict(sorted(self._counts.items()))}

    def _try(self, task: ExitTask, state: ExitState) -> None:
        if state.empty(task):
            self._exits.end(task)
            self._count_end(task, "done")
            return
        now_ms, lot = self._clock.now_ms(), state.lot_of(task)
        if lot is not None:
            self._look_at(lot, needed=True)
        stepped = self._floors.step(self._ground(task, state), now_ms)
        counted = self._exits.count(stepped, now_ms, self._last_reason.get(task.id, ""))
        self._times.counted(counted)
        tell = counted.last != FLOOR or counted.lowered != task.lowered
        try:
            self._last_reason[task.id] = reason = self._executor.sell(counted, tell=tell)
        except HybridError:
            raise
        except Exception as error:
            self._log.exception("exit_failed", exit=task.id, attempt=counted.attempt)
            raise OutcomeUnknown(f"exit {task.id}, attempt {counted.attempt} failed: {error}") from error
        self._log.info("exit_tried", exit=task.id, reason=task.reason, attempt=counted.attempt, result=reason)
        self._floors.note(counted, at_floor=reason == FLOOR)
        if reason == FLOOR and tell:
            self._say_waiting(counted)
        if reason == ENDED and self._closed(task):
            self._exits.end(task)
            self._log.info("left_to_redemption", leader=task.leader, token_id=task.token_id, why="the market closed")
            self._count_end(task, "closed")
        if reason == TRIGGER:
            self._log.info("exit_withdrawn", exit=task.id, reason=task.reason, why="what set it off does not hold")
            self._count_end(task, "withdrawn")
        if reason == DUST and task.keep == 0:
            fix = "it ends by its market's redemption, with more bought beside it, or `hybrid sell LOT --write-off`"
            names = {"leader": task.leader, "token_id": task.token_id}
            self._log.warning("dust_left", **names, why="below the market's minimum", fix=fix)
            self._count_end(task, "dust")
        elif reason == DUST and task.reason == "retracted":
            self._exits.end(task)  # it must not wait for what is bought later: that was bought for another reason
            self._count_end(task, "dust")

    def _lacks(self, token_id: str) -> bool:
        """Say whether the wallet holds too little of a token to sell any: an exit of it rests until that is settled."""
        held = self._in_wallet(token_id)
        if held is None:
            return False
        facts, _ = self._prices.facts(token_id)
        return sell_size(held) < (facts.min_shares if facts else GRAIN)

    def _ground(self, task: ExitTask, state: ExitState) -> ExitTask:
        """Return the exit with what its floor hangs below, as far as that is known by now."""
        if state.at_any_price and task.source != TYPED:
            return replace(task, reference=Price(0), source=TYPED)
        stood = self._looks.stood(task.leader, task.token_id)
        return grounded(task, basis_of(Price(0), stood, state.cost_of(task)))

    def _say_waiting(self, task: ExitTask) -> None:
        """Say that nobody pays the floor: the first time, and at each step that it comes down."""
        limits = self._limits.of(task.leader)
        self._counts["floor_lowered" if task.lowered else "floor_met"] += 1
        self._log.warning(
            "exit_waits_at_floor",
            exit=task.id,
            reason=task.reason,
            leader=task.leader,
            token_id=task.token_id,
            floor=floor_text(task, floor_price(task, limits), limits),
            next_step_s=limits.exit_floor_step_s if can_lower(task, limits) else "none: it is at its end",
            fix="nothing, it goes on; `hybrid sell LOT --floor PRICE` or `flatten --any-price` sell below the floor",
        )

    def _closed(self, task: ExitTask) -> bool:
        facts, _ = self._prices.facts(task.token_id)
        return facts is not None and facts.closed

    def _count_end(self, task: ExitTask, end: str) -> None:
        self._last_reason.pop(task.id, None)
        self._counts[end] += 1

    def _watched(self, state: ExitState) -> list[Lot]:
        """Return the next few lots to look at, in turn, and those of which the last look would set off something."""
        leaders = {lot.leader for lot in state.lots}
        looked_at = leaders if state.flattening else set(filter(self._looks_at, leaders))
        lots = [lot for lot in state.lots if lot.leader in looked_at and not self._lacks(lot.token_id)]
        if not lots:
            return []
        start = self._checked % len(lots)
        self._checked += LOTS_AT_ONCE
        turn = (lots[start:] + lots[:start])[:LOTS_AT_ONCE]
        suspected = [lot for lot in lots if lot.key in self._suspected] if self._suspected else []
        soon = [lot for lot in suspected if lot not in turn][:LOTS_AT_ONCE]
        self._suspected.clear()
        return [*soon, *turn]

    def _looks_at(self, leader: str) -> bool:
        limits = self._limits.of(leader)
        return limits.floors or exit_trigger(limits)

    def _check_lot(self, lot: Lot, state: ExitState) -> None:
        limits = self._limits.of(lot.leader)
        holding = self._look_at(lot, needed=needs_book(limits) and not state.flattening)
        if lot.key in state.tasks:
            return
        seen = self._looks.of(lot.leader, lot.token_id)
        task = due_exit(holding, limits, flattening=state.flattening, seen=seen)
        if task is None and suspects(holding.position, seen, limits):
            self._suspected.add(lot.key)
        if task is not None:
            self._exits.open(task)
            self._counts[task.reason] += 1
            self._log.info("exit_begun", exit=task.id, reason=task.reason, leader=lot.leader, token_id=lot.token_id)

    def _look_at(self, lot: Lot, *, needed: bool) -> LotMarket:
        """Return a lot beside its market, and remember what it is worth where a book worth believing says so."""
        facts, _ = self._prices.facts(lot.token_id)
        holding = LotMarket(lot, facts, self._book(lot.token_id, needed=needed), self._clock.now_ms())
        look = holding.look(self._limits.of(lot.leader).max_book_age_s, self._clock.monotonic())
        if look is not None:
            self._looks.add(lot.leader, lot.token_id, look)
        return holding

    def _book(self, token_id: str, *, needed: bool) -> Book | None:
        """Return a book: one that is kept costs nothing, another a request, of which a turn has one to spare."""
        kept = self._kept(token_id) if self._kept else None
        if kept is None and (needed or self._kept is None or self._spare_looks > 0):
            self._spare_looks -= 1
            return self._prices.book(token_id)[0]
        return kept

    def _learn_holdings(self, state: ExitState) -> None:
        if self._holdings is None:
            return
        self._holdings.want(state.lots)
        for lot, shares in self._holdings.answers():
            self._exits.tell_position(lot, shares, state.values)

    def _forget(self, state: ExitState) -> None:
        """Forget what was seen of lots that are gone, and floors of exits that ended."""
        self._looks.keep_only([lot.key for lot in state.lots])
        self._floors.keep_only([task.id for task in state.tasks.values()])

    def _sweep(self, now: float) -> None:
        if now >= self._next_sweep:
            self._next_sweep = now + SWEEP_EVERY_S
            if self._exits.sweep(self._clock.now_ms() - LONGEST_WINDOW_MS):
                self._next_sweep = now + SWEEP_AGAIN_S
