"""Retractions: a leader's trade that is in no block any more is not followed, or what it made us buy is sold again.

The event comes on the stream of signals, so a restart goes on where the last life was. A signal that is not decided yet
is concluded; shares that were bought because of it get an exit, which lasts until they are gone (`ON_RETRACTION`).
"""

from collections.abc import Callable

from msgspec.structs import replace

from buyer.execution.buy_gate import RETRACTED
from buyer.execution.exit_store import ExitStore
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.execution.order_precedence import NotSettled
from buyer.recovery.recent_purchases import Purchase
from buyer.strategy.exit_policy import mirrored_ids, retracted_exit
from buyer.strategy.limits import TradingLimits
from shared import logs
from shared.clock import Clock
from shared.domain.ledger_accounts import lot_key, shares_account
from shared.domain.money import Shares
from shared.messages.base import completed_id
from shared.messages.signals import FillRetracted


class Retractions:
    """Takes retractions, each in the thread that decides on its token; one may be taken again after a crash."""

    def __init__(
        self,
        executor: BuyExecutor,
        journal: Journal,
        exits: ExitStore,
        purchase_of: Callable[[str], Purchase | None],
        *,
        limits: TradingLimits,
        clock: Clock,
    ) -> None:
        self._executor, self._journal, self._exits = executor, journal, exits
        self._purchase_of, self._limits, self._clock = purchase_of, limits, clock
        self._log = logs.get_logger("buyer")

    def take(self, gone: FillRetracted) -> None:
        """Undo what can be undone.

        Raises:
            NotSettled: an order of it has not ended; hand it in again.
            Unavailable: Redis is away. Fenced: another buyer is active.
        """
        self._take(gone)
        rest = replace(gone, signal_id=completed_id(gone.signal_id))
        status = self._journal.status_of(rest.signal_id)
        if status.decided or status.intent:
            self._take(rest)

    def _take(self, gone: FillRetracted) -> None:
        status = self._journal.status_of(gone.signal_id)
        if status.intent and not status.decided:
            raise NotSettled(f"the retraction of {gone.signal_id} waits for its order")
        if not status.decided:
            self._executor.skip(gone, RETRACTED)
        elif gone.side == "SELL":
            self._stop_selling(gone)
        else:
            self._sell_again(gone)

    def _stop_selling(self, gone: FillRetracted) -> None:
        """End an exit that a sell began which never was; what it has sold by now is sold."""
        key = lot_key(gone.leader, gone.token_id)
        task = self._exits.read().tasks.get(key)
        if task is not None and task.id in mirrored_ids(key, gone.signal_id):
            self._exits.end(task)
            self._log.error("exit_retracted", exit=task.id, leader=gone.leader, token_id=gone.token_id)

    def _sell_again(self, gone: FillRetracted) -> None:
        bought = self._purchase_of(gone.signal_id)
        if bought is None:
            why, fix = "no decision is left of it", "look with `hybrid why`, and sell it by hand"
            self._log.error("retraction_unexplained", signal_id=gone.signal_id, why=why, fix=fix)
            return
        if bought.pending:
            raise NotSettled(f"the retraction of {gone.signal_id} waits for its trades")
        state = self._exits.read()
        held = Shares(state.values.get(shares_account(gone.leader, gone.token_id), 0))
        if not held or not bought.shares:
            return
        kept = self._limits.of(gone.leader).on_retraction == "keep"
        ids = {"signal_id": gone.signal_id, "leader": gone.leader, "token_id": gone.token_id, "shares": bought.shares}
        self._log.error("bought_on_a_retracted_fill", **ids, follows="nothing" if kept else "exit", why=gone.reason)
        if not kept:
            under_way = state.tasks.get(lot_key(gone.leader, gone.token_id))
            self._exits.open(retracted_exit(gone, held, bought.shares, under_way, self._clock.now_ms()))
