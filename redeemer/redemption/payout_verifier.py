"""Prove what a transaction paid, and book that: done is only what came (pitfall 27)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from redeemer.domain import contract_calls, payout_proof
from redeemer.domain.payout_proof import PayoutProof, prove_payout
from redeemer.domain.payouts import PayoutPayment, claim_of, live_result, merged_lots, pair_vector
from redeemer.domain.pending_transaction import PendingTransaction, TransactionReceipt
from redeemer.domain.redemption_action import POSITION, ConditionHolding, MarketKind, RedemptionAction
from redeemer.redemption.holdings import Holdings
from redeemer.redemption.planner import ALARMS
from redeemer.redemption.redemption_ledger import Entry, HeldLots, RedemptionLedger
from redeemer.transactions.node_client import NodeClient
from shared import logs, metrics
from shared.clock import Clock
from shared.domain.errors import OutcomeUnknown, Unavailable
from shared.domain.ledger_accounts import Lot
from shared.domain.ledger_write import FencingToken, LedgerRecord, LedgerWrite, WrittenStep
from shared.domain.money import Usdc, micro_text
from shared.ledger.port import Ledger
from shared.messages.base import REDEMPTIONS, Event, fact_id
from shared.messages.redemptions import RedemptionAlarm, RedemptionResult
from shared.messages.value_codec import write_value
from shared.polymarket.positions import RedeemablePositions
from shared.polymarket.wire.contracts import Contracts
from shared.polymarket.wire.parsing import as_object

TOKENS = {"pusd": "pUSD", "usdc_e": "USDC.e"}


@dataclass(frozen=True)
class PayoutVerdict:
    """What a mined transaction booked, by condition; `problem` is '' when everything owed came."""

    booked: Mapping[str, RedemptionResult]
    problem: str = ""


class PayoutVerifier:
    """Proves and books for one wallet."""

    def __init__(
        self,
        wallet: str,
        contracts: Contracts,
        node: NodeClient,
        ledger: Ledger,
        holdings: Holdings,
        positions: RedeemablePositions,
        *,
        confirmations: int,
        fence: Callable[[], FencingToken | None],
        clock: Clock,
        emit: Callable[[Event], None],
    ) -> None:
        self._wallet, self._contracts, self._node, self._ledger = wallet, contracts, node, ledger
        self._holdings, self._positions, self._confirmations = holdings, positions, confirmations
        self._fence, self._clock, self._emit = fence, clock, emit
        self._redemptions = RedemptionLedger(ledger)
        self._log = logs.get_logger("redeemer", wallet=wallet)

    def book_confirmed(self, pending: PendingTransaction, receipt: TransactionReceipt) -> PayoutVerdict:
        """Book everything that a transaction brought, or raise the alarm for all of it.

        Raises:
            TryAgain, GiveUp: the node or the ledger did not say; call again, it is the same.
        """
        name = contract_calls.paid_token(pending.dues, pending.route)
        proof, symbol = self._prove_paid(pending.dues, receipt, str(getattr(self._contracts, name))), TOKENS[name]
        if proof.problem:
            for due in pending.dues:
                self._raise_alarm(due, receipt, proof, symbol)
            return PayoutVerdict({}, proof.problem)
        booked: dict[str, RedemptionResult] = {}
        for place, due in enumerate(pending.dues):
            # The remainder goes to the first, so that the parts add up to what was spent.
            gas = receipt.cost // len(pending.dues) + (receipt.cost % len(pending.dues) if place == 0 else 0)
            way = "merge" if due.state == "merge" else pending.route
            came = proof.paid[due.condition_id]
            payment = PayoutPayment(due.expected, came, way, symbol, receipt.hash, gas)
            event = self._book_payment(due, payment)
            booked |= {due.condition_id: event} if event else {}
        return PayoutVerdict(booked)

    def write_off(self, due: RedemptionAction) -> RedemptionResult | None:
        """Book lots that are owed nothing; no transaction is sent for them."""
        return self._book_payment(due, PayoutPayment(0, 0, "write_off", ""))

    def book_elsewhere(self, due: RedemptionAction) -> RedemptionResult | None:
        """Book what somebody else redeemed for us, the venue's automatic redeemer above all, if that can be proved.

        Raises:
            OutcomeUnknown: our lots are gone from the wallet and no payout for them is found.
            Unavailable: it is not deep enough yet, or nobody could be asked.
        """
        young, known = "", False
        for tx_hash in self._positions.redeemed_in(self._wallet, due.condition_id):
            try:
                found = self._payment_elsewhere(due, tx_hash)
            except Unavailable as error:  # another transaction may prove it already
                young = str(error)
                continue
            if found and (booked := self._book_payment(*found)):
                return booked
            # One outcome that is booked already says nothing of the other one's lots.
            known = known or bool(found and found[0].outcome is None)
        if known:
            return None
        if young:
            raise Unavailable(young)
        raise OutcomeUnknown(
            f"condition {due.condition_id} resolved, our lots are not in {self._wallet} any more, and no redemption of "
            "them is found: were they sold or moved by hand? Nothing is booked"
        )

    def _payment_elsewhere(self, due: RedemptionAction, tx_hash: str) -> tuple[RedemptionAction, PayoutPayment] | None:
        """Return what a transaction redeemed: a position of Protocol V2 can go by one outcome at a time."""
        receipt = self._node.receipt(tx_hash)
        if receipt is None or self._node.head() - receipt.block + 1 < self._confirmations:
            raise Unavailable(f"transaction {tx_hash} is not {self._confirmations} blocks deep yet")
        for kind, tokens in self._holdings.outcome_tokens(due.condition_id).items():
            mine = replace(due, holding=ConditionHolding(due.condition_id, kind, tokens, (0, 0)))
            for name, symbol in TOKENS.items():
                proof = self._prove_paid((mine,), receipt, str(getattr(self._contracts, name)))
                paid = proof.paid[due.condition_id]
                if paid and not proof.problem:
                    outcome = self._only_outcome(kind, tokens, receipt)
                    return replace(due, outcome=outcome), PayoutPayment(paid, paid, "elsewhere", symbol, tx_hash)
        return None

    def _only_outcome(self, kind: MarketKind, tokens: tuple[str, str], receipt: TransactionReceipt) -> int | None:
        """Return the only outcome of which shares left in a transaction; None for both, and for other kinds."""
        logs = [as_object(log, "log") for log in receipt.logs]
        given = payout_proof.shares_given(logs, self._wallet, self._contracts.position_manager)
        gone = [place for place, token in enumerate(tokens) if given[token]]
        return gone[0] if kind == POSITION and len(gone) == 1 else None

    def _prove_paid(self, dues: Sequence[RedemptionAction], receipt: TransactionReceipt, token: str) -> PayoutProof:
        if not receipt.succeeded:
            nothing = {due.condition_id: 0 for due in dues}
            return PayoutProof(
                nothing, 0, "it was mined and reverted: gas is spent, nothing was paid, nothing left the wallet"
            )
        proof = prove_payout(dues, receipt.logs, self._wallet, token, self._contracts)
        around = self._node.balances_around(token, self._wallet, receipt.block)
        if proof.problem or around is None:
            return proof
        transfers = self._node.transfers_in(token, receipt.block)
        same = [log for log in transfers if str(log.get("transactionHash")).lower() == receipt.hash]
        # A node may know the receipt before it has indexed the block's logs: that is no missing payout.
        if payout_proof.net_transfers(same, token, self._wallet) != proof.received:
            raise Unavailable(
                f"the node does not know all logs of block {receipt.block} yet; {receipt.hash} is asked again"
            )
        return replace(proof, problem=payout_proof.balance_problem(*around, transfers, token, self._wallet))

    def _book_payment(self, due: RedemptionAction, payment: PayoutPayment) -> RedemptionResult | None:
        name = f"redeemed:{payment.transaction or 'nothing'}:{due.condition_id}"
        event = self._redemptions.book_redemption(
            due.condition_id,
            lambda held, after: self._entry(name, due, payment, held, after),
            self._fence(),
            known_is_done=bool(payment.transaction),
        )
        if event:
            self._announce(event)
        return event

    def _entry(
        self, name: str, due: RedemptionAction, payment: PayoutPayment, held: HeldLots, after: int | None
    ) -> Entry | None:
        merges = due.state == "merge"
        vector = pair_vector(due.condition_id) if merges else due.vector
        lots = merged_lots(held.lots, due.expected) if merges else _handed_in(held.lots, due)
        if vector is None or not (lots or payment.paid):
            return None
        claim = claim_of(self._wallet, lots, vector) if lots else None
        event = live_result(claim, vector, self._wallet, payment, now_ms=self._clock.now_ms(), ledger_seq=held.seq + 1)
        if event.outside < 0 or (claim and payment.paid < claim.expected):
            self._log.warning("wallet_short", condition=due.condition_id, lots_owed=claim.expected if claim else 0)
        return name if after is None else f"{name}:{after}", event

    def _announce(self, event: RedemptionResult) -> None:
        self._log.info(
            "redeemed",
            condition=event.condition_id,
            paid=micro_text(event.paid),
            currency=event.token,
            way=event.way,
            transaction=event.transaction,
        )
        metrics.make_counter("redemptions_total", "Conditions redeemed, by who told the payouts.", "source").labels(
            "chain"
        ).inc()
        self._emit(event)

    def _raise_alarm(self, due: RedemptionAction, receipt: TransactionReceipt, proof: PayoutProof, symbol: str) -> None:
        event = RedemptionAlarm(
            id=fact_id("redemption_alarm", self._wallet, due.condition_id, receipt.hash),
            emitted_at_ms=self._clock.now_ms(),
            wallet=self._wallet,
            condition_id=due.condition_id,
            mode="live",
            expected=Usdc(due.expected),
            paid=Usdc(min(proof.paid[due.condition_id], proof.received)),
            token=symbol,
            transaction=receipt.hash,
            why=proof.problem,
        )
        record = LedgerRecord(ALARMS, due.condition_id, write_value(event))
        write = LedgerWrite(
            id=f"alarm:{event.id}", records=(record,), events=((REDEMPTIONS, event),), fence=self._fence()
        )
        self._log.error("redemption_alarm", condition=due.condition_id, transaction=receipt.hash, why=proof.problem)
        metrics.make_counter("redemption_alarms_total", "Redemptions that did not bring what was owed.").inc()
        # Said once: after a restart the ledger knows the alarm already.
        if isinstance(self._ledger.commit(write), WrittenStep):
            self._emit(event)


def _handed_in(lots: Sequence[Lot], due: RedemptionAction) -> tuple[Lot, ...]:
    """Return the lots that a redemption is of: all, or those of its only outcome."""
    return tuple(lot for lot in lots if due.outcome in {None, lot.outcome_index} and not _went_before(lot, due))


def _went_before(lot: Lot, due: RedemptionAction) -> bool:
    """Say whether a lot is owed something and its position, which goes by itself, is in the wallet no more."""
    held, vector = due.holding, due.vector
    if held is None or vector is None or held.kind != POSITION:
        return False
    return not held.balances[lot.outcome_index] and vector.owed(lot.outcome_index, lot.shares) > 0
