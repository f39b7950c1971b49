"""Redeem one live condition: plan, send, wait, prove, book. The live counterpart of `Cashier`.

Whatever ran this before, and wherever it was killed: a transaction under way is settled before anything else is sent,
and what the wallet holds is read again right before. So a condition is paid once by the contract, and booked once by
the ledger.
"""

import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from redeemer.domain import contract_calls
from redeemer.domain.contract_calls import Route
from redeemer.domain.pending_transaction import LostTransaction, PendingTransaction, SettleTransaction, WaitForBlock
from redeemer.domain.redemption_action import RedemptionAction
from redeemer.redemption.payout_verifier import PayoutVerifier
from redeemer.redemption.planner import Planner
from redeemer.redemption.redemption_ledger import RedemptionLedger
from redeemer.redemption.resolutions import answer_batches
from redeemer.transactions.call_sender import CallSender
from shared import logs
from shared.clock import Clock
from shared.domain.errors import Fenced, OutcomeUnknown, Rejected, Unavailable
from shared.messages.redemptions import RedemptionResult
from shared.polymarket.wire.contracts import Contracts
from shared.redis.lease import Lease

JUDGED_AT_ONCE = 50
"""Conditions looked at until a batch is full: of hundreds that are due, no more are read than are sent."""


@dataclass(frozen=True)
class RedeemerDesk:
    """What a teller works with: `wallet` holds the positions, `settle_wait_s` bounds one job's patience."""

    wallet: str
    route: Route
    contracts: Contracts
    settle_wait_s: float = 40.0
    look_every_s: float = 2.0


class LiveRedeemer:
    """Redeems for one live wallet; `lease` keeps its signer to one worker at a time."""

    def __init__(
        self,
        desk: RedeemerDesk,
        planner: Planner,
        carrier: CallSender,
        books: RedemptionLedger,
        notary: PayoutVerifier,
        lease: Lease | None,
        *,
        clock: Clock,
        stop: threading.Event,
    ) -> None:
        self.wallet = desk.wallet
        self._desk, self._planner, self._carrier, self._books = desk, planner, carrier, books
        self._notary, self._lease, self._clock, self._stop = notary, lease, clock, stop
        self._told: dict[str, RedemptionResult] = {}
        self._log = logs.get_logger("redeemer", wallet=desk.wallet)

    def redeem(self, wallet: str, condition_id: str) -> RedemptionResult | None:
        """Redeem what `wallet` holds of a condition; None when there is nothing (more) to do.

        A condition that just went along with another one's transaction has a job of its own waiting: that one is told
        what came, once, without a question to the node.

        Raises:
            Unavailable: not now (under way, another worker's turn, no gas, node away); ask again later.
            Rejected: it would revert, or an alarm stands.
            OutcomeUnknown: it was mined and did not bring what was owed; nothing is booked.
        """
        if wallet != self.wallet:
            raise Rejected(f"this redeemer serves the wallet {self.wallet!r}, not {wallet!r}")
        with self._turn():
            self._told.update(self._finish())
            known = self._told.pop(condition_id, None)
            if known and not self._books.held(condition_id).lots:
                return known
            return self._act(condition_id)

    def finish(self) -> Mapping[str, RedemptionResult]:
        """Settle what is under way; return what that booked, by condition. Raises as `redeem`."""
        with self._turn():
            return self._finish()

    def perform(self, call: contract_calls.ContractCall) -> None:
        """Have the wallet make one call that redeems nothing (an approval), and wait until it is settled.

        Raises:
            Rejected: it would revert. Unavailable: not settled yet. OutcomeUnknown: it was mined and reverted.
        """
        with self._turn():
            self._finish()
            self._carrier.send((call,), (), self._desk.route)
            self._finish()

    def _act(self, condition_id: str) -> RedemptionResult | None:
        alarm = self._planner.alarms().get(condition_id)
        if alarm:
            raise Rejected(
                f"condition {condition_id} has an alarm: {alarm}; `hybrid redeem --clear {condition_id}` lifts it"
            )
        least = self._planner.floor()
        dues = self._planner.judge([condition_id], least)
        if not dues:
            raise Unavailable(f"condition {condition_id}: the node did not say how it stands")
        due = dues[0]
        match due.state:
            case "pay" | "merge":
                self._told = dict(self._send(due, least))
                return self._told.pop(condition_id, None)
            case "write_off":
                return self._notary.write_off(due)
            case "gone":
                return self._notary.find(due)
            case "open":
                raise Unavailable(f"condition {condition_id} is not known to be resolved: the chain has no payouts")
            case _:
                self._log.info("nothing_to_send", condition=condition_id, state=due.state, expected=due.expected)
                return None

    def _send(self, due: RedemptionAction, least: int) -> Mapping[str, RedemptionResult]:
        """Send one condition, with others that are due where the wallet takes several at once."""
        self._books.held(due.condition_id).check(due.condition_id)
        batch = self._batch(due, least)
        while True:
            try:
                self._carrier.send(self._calls(batch), batch, self._desk.route)
            except Rejected as error:
                if len(batch) == 1:
                    raise
                self._log.warning("batch_would_revert", conditions=len(batch), error=str(error))
                batch = batch[: len(batch) // 2]
            else:
                break
        return self._finish()

    def _batch(self, first: RedemptionAction, least: int) -> tuple[RedemptionAction, ...]:
        if self._carrier.calls_at_once == 1:
            return (first,)
        alarms = self._planner.alarms()
        names = [name for name in self._planner.candidates() if name != first.condition_id and name not in alarms]
        judged = (due for some in answer_batches(names, JUDGED_AT_ONCE) for due in self._planner.judge(some, least))
        ready = (due for due in judged if due.state in {"pay", "merge"} and self._free(due))
        return (first, *islice(ready, self._carrier.calls_at_once - 1))

    def _free(self, due: RedemptionAction) -> bool:
        """Say whether no order of ours is under way in this market."""
        return not self._books.held(due.condition_id).under_way

    def _calls(self, batch: tuple[RedemptionAction, ...]) -> tuple[contract_calls.ContractCall, ...]:
        return tuple(contract_calls.call_of(due, self._desk.route, self._desk.contracts) for due in batch)

    def _finish(self) -> Mapping[str, RedemptionResult]:
        deadline = self._clock.monotonic() + self._desk.settle_wait_s
        while made := self._carrier.under_way():
            self._check_ours(made)
            step = self._carrier.look(made)
            if isinstance(step, SettleTransaction):
                return self._settle(made, step)
            if isinstance(step, LostTransaction):
                self._log.error("transaction_lost", nonce=made.nonce, why=step.why)
                self._carrier.close(made)
                return {}
            self._await(made, step, deadline)
        return {}

    def _check_ours(self, made: PendingTransaction) -> None:
        """Touch nothing that another wallet of this signer, or the other way to send, has under way."""
        if made.wallet != self.wallet:
            raise Unavailable(
                f"a transaction of {made.wallet}, which has the same signer, is under way: its own redeemer settles it"
            )
        if made.relayed != self._carrier.relayed:
            way = "relayer" if made.relayed else "owner"
            raise Unavailable(
                f"a transaction sent by the {way} is under way: set SAFE_SENT_BY={way} until it is settled"
            )

    def _await(self, made: PendingTransaction, step: WaitForBlock | None, deadline: float) -> None:
        if self._stop.is_set() or self._clock.monotonic() >= deadline:
            depth = f"{step.depth} block(s) deep" if step else "not mined"
            raise Unavailable(f"transaction {made.last.hash} is under way, {depth}; it is looked at again")
        self._clock.wait(self._stop, self._desk.look_every_s)
        if self._lease:
            self._lease.renew()

    def _settle(self, made: PendingTransaction, step: SettleTransaction) -> Mapping[str, RedemptionResult]:
        verdict = self._notary.settle(made, step.receipt)
        self._carrier.close(made)
        if verdict.problem:
            raise OutcomeUnknown(f"transaction {step.receipt.hash}: {verdict.problem}")
        return verdict.booked

    @contextmanager
    def _turn(self) -> Generator[None]:
        """Wait for the signer's lease, hold it, and let the next worker in."""
        if self._lease is None:
            yield
            return
        deadline = self._clock.monotonic() + self._desk.settle_wait_s
        while other := self._lease.try_acquire():
            if self._clock.monotonic() >= deadline or self._clock.wait(self._stop, self._desk.look_every_s / 4):
                raise Unavailable(f"{other} sends for this wallet now; it is tried again")
        try:
            yield
        except Fenced as error:
            raise Unavailable(f"another worker sends for this wallet now: {error}") from error
        finally:
            self._lease.release()
