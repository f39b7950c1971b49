"""Redeem one live condition: plan, send, wait, prove, book. The live counterpart of `PaperRedeemer`.

Whatever ran this before, and wherever it was killed: a transaction under way is finished before anything else is sent,
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
from redeemer.domain.pending_transaction import ConfirmedTransaction, LostTransaction, PendingTransaction, WaitForBlock
from redeemer.domain.redemption_action import RedemptionAction
from redeemer.redemption.payout_verifier import PayoutVerifier
from redeemer.redemption.planner import LivePlan
from redeemer.redemption.redemption_ledger import RedemptionLedger
from redeemer.redemption.resolutions import in_batches
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
class RedeemerSetup:
    """What a redeemer works with: `wallet` holds the positions, `confirm_wait_s` bounds one job's patience."""

    wallet: str
    route: Route
    contracts: Contracts
    confirm_wait_s: float = 40.0
    look_every_s: float = 2.0


class LiveRedeemer:
    """Redeems for one live wallet; `lease` keeps its signer to one worker at a time."""

    def __init__(
        self,
        setup: RedeemerSetup,
        plan: LivePlan,
        sender: CallSender,
        redemptions: RedemptionLedger,
        verifier: PayoutVerifier,
        lease: Lease | None,
        *,
        clock: Clock,
        stop: threading.Event,
    ) -> None:
        self.wallet = setup.wallet
        self._setup, self._plan, self._sender, self._redemptions = setup, plan, sender, redemptions
        self._verifier, self._lease, self._clock, self._stop = verifier, lease, clock, stop
        self._booked_along: dict[str, RedemptionResult] = {}
        self._log = logs.get_logger("redeemer", wallet=setup.wallet)

    def redeem(self, wallet: str, condition_id: str) -> RedemptionResult | None:
        """Redeem what `wallet` holds of a condition; None when there is nothing (more) to do.

        A condition that just went along with another one's transaction has a job of its own waiting: that one returns
        what came, once, without a question to the node.

        Raises:
            Unavailable: not now (under way, another worker sends, no gas, node away); ask again later.
            Rejected: it would revert, or an alarm stands.
            OutcomeUnknown: it was mined and did not bring what was owed; nothing is booked.
        """
        if wallet != self.wallet:
            raise Rejected(f"this redeemer serves the wallet {self.wallet!r}, not {wallet!r}")
        with self._signer_lease():
            self._booked_along.update(self._finish_pending())
            known = self._booked_along.pop(condition_id, None)
            if known and not self._redemptions.held_lots(condition_id).lots:
                return known
            return self._act_on(condition_id)

    def perform_call(self, call: contract_calls.ContractCall) -> None:
        """Have the wallet make one call that redeems nothing (an approval), and wait until it is final.

        Raises:
            Rejected: it would revert. Unavailable: not final yet. OutcomeUnknown: it was mined and reverted.
        """
        with self._signer_lease():
            self._finish_pending()
            self._sender.send((call,), (), self._setup.route)
            self._finish_pending()

    def _act_on(self, condition_id: str) -> RedemptionResult | None:
        alarm = self._plan.open_alarms().get(condition_id)
        if alarm:
            raise Rejected(
                f"condition {condition_id} has an alarm: {alarm}; `hybrid redeem --clear {condition_id}` lifts it"
            )
        least = self._plan.least_payout()
        dues = self._plan.judge_conditions([condition_id], least)
        if not dues:
            raise Unavailable(f"condition {condition_id}: the node did not say how it stands")
        due = dues[0]
        match due.state:
            case "pay" | "merge":
                self._booked_along = dict(self._send_due(due, least))
                return self._booked_along.pop(condition_id, None)
            case "write_off":
                return self._verifier.write_off(due)
            case "gone":
                return self._verifier.book_elsewhere(due)
            case "open":
                raise Unavailable(f"condition {condition_id} is not known to be resolved: the chain has no payouts")
            case _:
                self._log.info("nothing_to_send", condition=condition_id, state=due.state, expected=due.expected)
                return None

    def _send_due(self, due: RedemptionAction, least: int) -> Mapping[str, RedemptionResult]:
        """Send one condition, with others that are due where the wallet takes several at once."""
        self._redemptions.held_lots(due.condition_id).check_orders(due.condition_id)
        batch = self._batch(due, least)
        while True:
            try:
                # Simulated first: a batch that would revert spends no gas.
                self._sender.send(self._calls(batch), batch, self._setup.route)
            except Rejected as error:
                if len(batch) == 1:
                    raise
                self._log.warning("batch_would_revert", conditions=len(batch), error=str(error))
                # One condition that reverts takes the whole batch with it: halves find the good ones.
                batch = batch[: len(batch) // 2]
            else:
                break
        return self._finish_pending()

    def _batch(self, first: RedemptionAction, least: int) -> tuple[RedemptionAction, ...]:
        if self._sender.calls_at_once == 1:
            return (first.one_call(),)
        token = contract_calls.paid_token((first,), self._setup.route)
        alarms = self._plan.open_alarms()
        names = [
            name for name in self._plan.candidate_conditions() if name != first.condition_id and name not in alarms
        ]
        judged = (due for some in in_batches(names, JUDGED_AT_ONCE) for due in self._plan.judge_conditions(some, least))
        wanted = (due for due in judged if due.state in {"pay", "merge"} and self._has_no_orders(due))
        # What a transaction paid is proved in one token.
        ready = (due for due in wanted if contract_calls.paid_token((due,), self._setup.route) == token)
        return (first, *islice(ready, self._sender.calls_at_once - 1))

    def _has_no_orders(self, due: RedemptionAction) -> bool:
        """Say whether no order of ours is under way in this market."""
        return not self._redemptions.held_lots(due.condition_id).orders_under_way

    def _calls(self, batch: tuple[RedemptionAction, ...]) -> tuple[contract_calls.ContractCall, ...]:
        route, contracts = self._setup.route, self._setup.contracts
        return tuple(call for due in batch for call in contract_calls.redeem_calls(due, route, contracts))

    def _finish_pending(self) -> Mapping[str, RedemptionResult]:
        deadline = self._clock.monotonic() + self._setup.confirm_wait_s
        while pending := self._sender.under_way():
            self._check_ours(pending)
            step = self._sender.advance(pending)
            if isinstance(step, ConfirmedTransaction):
                return self._book_confirmed(pending, step)
            if isinstance(step, LostTransaction):
                self._log.error("transaction_lost", nonce=pending.nonce, why=step.why)
                self._sender.close(pending)
                return {}
            self._wait_for_block(pending, step, deadline)
        return {}

    def _check_ours(self, pending: PendingTransaction) -> None:
        """Touch nothing that another wallet of this signer, or the other way to send, has under way."""
        if pending.wallet != self.wallet:
            raise Unavailable(
                f"a transaction of {pending.wallet}, which has the same signer, is under way: "
                "its own redeemer settles it"
            )
        if pending.relayed != self._sender.relayed:
            way = "relayer" if pending.relayed else "owner"
            raise Unavailable(
                f"a transaction sent by the {way} is under way: set SAFE_SENT_BY={way} until it is settled"
            )

    def _wait_for_block(self, pending: PendingTransaction, step: WaitForBlock | None, deadline: float) -> None:
        if self._stop.is_set() or self._clock.monotonic() >= deadline:
            depth = f"{step.depth} block(s) deep" if step else "not mined"
            raise Unavailable(f"transaction {pending.last.hash} is under way, {depth}; it is looked at again")
        self._clock.wait(self._stop, self._setup.look_every_s)
        if self._lease:  # a wait of several blocks outlasts the lease
            self._lease.renew()

    def _book_confirmed(
        self, pending: PendingTransaction, step: ConfirmedTransaction
    ) -> Mapping[str, RedemptionResult]:
        # Booked first, the nonce freed after: a kill in between books the same again, which the ledger knows.
        verdict = self._verifier.book_confirmed(pending, step.receipt)
        self._sender.close(pending)
        if verdict.problem:
            raise OutcomeUnknown(f"transaction {step.receipt.hash}: {verdict.problem}")
        return verdict.booked

    @contextmanager
    def _signer_lease(self) -> Generator[None]:
        """Wait for the signer's lease, hold it, and let the next worker in."""
        if self._lease is None:
            yield
            return
        deadline = self._clock.monotonic() + self._setup.confirm_wait_s
        while other := self._lease.try_acquire():
            # Four looks in an interval: another worker's transaction may be over any moment.
            if self._clock.monotonic() >= deadline or self._clock.wait(self._stop, self._setup.look_every_s / 4):
                raise Unavailable(f"{other} sends for this wallet now; it is tried again")
        try:
            yield
        except Fenced as error:
            raise Unavailable(f"another worker sends for this wallet now: {error}") from error
        finally:
            self._lease.release()
