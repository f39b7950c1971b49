"""Prove what a transaction paid, and book that: done is only what came (trap 27)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from redeemer.domain import contract_calls, payout_proof
from redeemer.domain.contract_calls import Route
from redeemer.domain.payout_proof import Proof, prove
from redeemer.domain.payouts import Payment, booked_of, claim_of, merged_lots, pair_of
from redeemer.domain.pending_transaction import Receipt, Sending
from redeemer.domain.redemption_action import Due, Holding
from redeemer.redemption.holdings import Holdings
from redeemer.redemption.planner import ALARMS
from redeemer.redemption.redemption_ledger import Books, Entry, Held
from redeemer.transactions.node_client import Node
from shared import logs, metrics
from shared.clock import Clock
from shared.domain.errors import OutcomeUnknown, Unavailable
from shared.domain.ledger_write import Fence, Record, Write, Written
from shared.domain.money import from_micro
from shared.ledger.port import Ledger
from shared.messages.base import REDEMPTIONS, Event, fact_id
from shared.messages.redemptions import RedemptionAlarm, RedemptionResult
from shared.polymarket.positions import Positions
from shared.polymarket.wire.contracts import Contracts

TOKENS = {"pusd": "pUSD", "usdc_e": "USDC.e"}


@dataclass(frozen=True)
class Verdict:
    """What a mined transaction booked, by condition; `problem` is '' when everything owed came."""

    booked: Mapping[str, RedemptionResult]
    problem: str = ""


class Notary:
    """Proves and books for one wallet."""

    def __init__(
        self,
        wallet: str,
        contracts: Contracts,
        node: Node,
        ledger: Ledger,
        holdings: Holdings,
        positions: Positions,
        *,
        confirmations: int,
        fence: Callable[[], Fence | None],
        clock: Clock,
        emit: Callable[[Event], None],
    ) -> None:
        self._wallet, self._contracts, self._node, self._ledger = wallet, contracts, node, ledger
        self._holdings, self._positions, self._confirmations = holdings, positions, confirmations
        self._fence, self._clock, self._emit = fence, clock, emit
        self._books = Books(ledger)
        self._log = logs.get("redeemer", wallet=wallet)

    def settle(self, made: Sending, receipt: Receipt) -> Verdict:
        """Book everything that a transaction brought, or raise the alarm for all of it.

        Raises:
            TryAgain, GiveUp: the node or the ledger did not say; settle again, it is the same.
        """
        told = self._prove(made.dues, receipt, contract_calls.token(made.route, self._contracts))
        if told.problem:
            for due in made.dues:
                self._alarm(due, receipt, told, self._symbol(made.route))
            return Verdict({}, told.problem)
        booked: dict[str, RedemptionResult] = {}
        for place, due in enumerate(made.dues):
            gas = receipt.cost // len(made.dues) + (receipt.cost % len(made.dues) if place == 0 else 0)
            way = "merge" if due.state == "merge" else made.route
            came = told.paid[due.condition_id]
            payment = Payment(due.expected, came, way, self._symbol(made.route), receipt.hash, gas)
            event = self._book(due, payment)
            booked |= {due.condition_id: event} if event else {}
        return Verdict(booked)

    def write_off(self, due: Due) -> RedemptionResult | None:
        """Book lots that are owed nothing; no transaction is sent for them."""
        return self._book(due, Payment(0, 0, "write_off", ""))

    def find(self, due: Due) -> RedemptionResult | None:
        """Book what somebody else redeemed for us, the venue's automatic redeemer above all, if that can be proved.

        Raises:
            OutcomeUnknown: our lots are gone from the wallet and no payout for them is found.
            Unavailable: it is not deep enough yet, or nobody could be asked.
        """
        young = ""
        for tx_hash in self._positions.redeemed_in(self._wallet, due.condition_id):
            try:
                payment = self._elsewhere(due, tx_hash)
            except Unavailable as error:
                young = str(error)
                continue
            if payment:
                return self._book(due, payment)
        if young:
            raise Unavailable(young)
        raise OutcomeUnknown(
            f"condition {due.condition_id} resolved, our lots are not in {self._wallet} any more, and no redemption of "
            "them is found: were they sold or moved by hand? Nothing is booked"
        )

    def _elsewhere(self, due: Due, tx_hash: str) -> Payment | None:
        receipt = self._node.receipt(tx_hash)
        if receipt is None or self._node.head() - receipt.block + 1 < self._confirmations:
            raise Unavailable(f"transaction {tx_hash} is not {self._confirmations} blocks deep yet")
        for kind, tokens in self._holdings.tokens(due.condition_id).items():
            mine = replace(due, holding=Holding(due.condition_id, kind, tokens, (0, 0)))
            for name, symbol in TOKENS.items():
                told = self._prove((mine,), receipt, str(getattr(self._contracts, name)))
                paid = told.paid[due.condition_id]
                if paid and not told.problem:
                    return Payment(paid, paid, "elsewhere", symbol, tx_hash)
        return None

    def _prove(self, dues: Sequence[Due], receipt: Receipt, token: str) -> Proof:
        if not receipt.succeeded:
            nothing = {due.condition_id: 0 for due in dues}
            return Proof(
                nothing, 0, "it was mined and reverted: gas is spent, nothing was paid, nothing left the wallet"
            )
        told = prove(dues, receipt.logs, self._wallet, token, self._contracts)
        around = self._node.balances(token, self._wallet, receipt.block)
        if told.problem or around is None:
            return told
        transfers = self._node.transfers(token, receipt.block)
        same = [log for log in transfers if str(log.get("transactionHash")).lower() == receipt.hash]
        if payout_proof.net_transfers(same, token, self._wallet) != told.received:
            raise Unavailable(
                f"the node does not know all logs of block {receipt.block} yet; {receipt.hash} is asked again"
            )
        return replace(told, problem=payout_proof.balance_problem(*around, transfers, token, self._wallet))

    def _book(self, due: Due, payment: Payment) -> RedemptionResult | None:
        name = f"redeemed:{payment.transaction or 'nothing'}:{due.condition_id}"
        event = self._books.book(
            due.condition_id,
            lambda held, after: self._entry(name, due, payment, held, after),
            self._fence(),
            known_is_done=bool(payment.transaction),
        )
        if event:
            self._tell(event)
        return event

    def _entry(self, name: str, due: Due, payment: Payment, held: Held, after: int | None) -> Entry | None:
        merges = due.state == "merge"
        vector = pair_of(due.condition_id) if merges else due.vector
        lots = merged_lots(held.lots, due.expected) if merges else held.lots
        if vector is None or not (lots or payment.paid):
            return None
        claim = claim_of(self._wallet, lots, vector) if lots else None
        event = booked_of(claim, vector, self._wallet, payment, now_ms=self._clock.now_ms(), ledger_seq=held.seq + 1)
        if event.outside < 0 or (claim and payment.paid < claim.expected):
            self._log.warning("wallet_short", condition=due.condition_id, lots_owed=claim.expected if claim else 0)
        return name if after is None else f"{name}:{after}", event

    def _tell(self, event: RedemptionResult) -> None:
        self._log.info(
            "redeemed",
            condition=event.condition_id,
            paid=str(event.paid),
            currency=event.token,
            way=event.way,
            transaction=event.transaction,
        )
        metrics.counter("redemptions_total", "Conditions redeemed, by who told the payouts.", "source").labels(
            "chain"
        ).inc()
        self._emit(event)

    def _alarm(self, due: Due, receipt: Receipt, told: Proof, symbol: str) -> None:
        event = RedemptionAlarm(
            id=fact_id("redemption_alarm", self._wallet, due.condition_id, receipt.hash),
            emitted_at_ms=self._clock.now_ms(),
            wallet=self._wallet,
            condition_id=due.condition_id,
            mode="live",
            expected=from_micro(due.expected),
            paid=from_micro(min(told.paid[due.condition_id], told.received)),
            token=symbol,
            transaction=receipt.hash,
            why=told.problem,
        )
        record = Record(ALARMS, due.condition_id, event.model_dump_json())
        write = Write(id=f"alarm:{event.id}", records=(record,), events=((REDEMPTIONS, event),), fence=self._fence())
        self._log.error("redemption_alarm", condition=due.condition_id, transaction=receipt.hash, why=told.problem)
        metrics.counter("redemption_alarms_total", "Redemptions that did not bring what was owed.").inc()
        if isinstance(self._ledger.commit(write), Written):
            self._emit(event)

    def _symbol(self, route: Route) -> str:
        return TOKENS[contract_calls.WAYS[route, "plain"].token]
