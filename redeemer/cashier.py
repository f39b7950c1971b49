"""Pay one resolved condition into the paper ledger, once.

Whatever ran this before, however often and wherever it was killed: the lots leave the ledger and their payout enters it
in one step that can happen once for these shares.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from redeemer.chain import Answers, Resolutions
from redeemer.policy import Claim, claim_of, result_of
from shared import logs, metrics
from shared.accounts import Lot, peaks_of, redemption_postings, shares_account
from shared.clock import Clock
from shared.errors import OutcomeUnknown, Rejected, Unavailable
from shared.events import REDEMPTIONS, Event, RedemptionResult
from shared.ledger import Ledger, open_lots
from shared.ledger_records import INTENTS
from shared.polymarket.conditions import PayoutVector
from shared.writes import Guard, Known, Record, Refused, Write, Written

MOST_TRIES = 50
"""Tries to book against a ledger that others write to; each is one read and one script, a millisecond or two."""


@dataclass(frozen=True)
class Held:
    """What is held of one condition, true as of the ledger's step `seq`, and how many of its orders are under way."""

    seq: int
    lots: tuple[Lot, ...]
    under_way: int


class Cashier:
    """Redeems for one paper wallet."""

    def __init__(
        self, wallet: str, ledger: Ledger, resolutions: Resolutions, *, clock: Clock, emit: Callable[[Event], None]
    ) -> None:
        self.wallet = wallet
        self._ledger, self._resolutions, self._clock, self._emit = ledger, resolutions, clock, emit
        self._log = logs.get("redeemer", wallet=wallet)

    def redeem(self, wallet: str, condition_id: str) -> RedemptionResult | None:
        """Redeem what `wallet` holds of a condition; None when nothing is held any more: it was redeemed before.

        Raises:
            Unavailable: not resolved yet, an order of this market is under way, or Redis is away; ask again later.
            Malformed: the payout vector does not fit the lots.
            OutcomeUnknown: what came is not what was owed.
            Rejected: another wallet's job.
        """
        if wallet != self.wallet:
            raise Rejected(f"this redeemer serves the wallet {self.wallet!r}, not {wallet!r}")
        if not self._held(condition_id).lots:
            self._log.info("nothing_held", condition=condition_id)
            return None
        vector = _known(condition_id, self._resolutions.read([condition_id]))
        return self._pay(vector)

    def _pay(self, vector: PayoutVector) -> RedemptionResult | None:
        after: int | None = None
        for _ in range(MOST_TRIES):
            held = self._held(vector.condition_id)
            if not held.lots:
                return None
            if held.under_way:
                raise Unavailable(
                    f"condition {vector.condition_id}: {held.under_way} order(s) under way; redeemed after them"
                )
            claim = claim_of(self.wallet, held.lots, vector)
            event = self._event(claim, held.seq, after)
            done = self._ledger.commit(_write(claim, event, held.seq, after))
            if isinstance(done, Written):
                return self._announce(event, vector)
            if isinstance(done, Refused):
                raise OutcomeUnknown(
                    f"the ledger refused condition {vector.condition_id}: {done.account} would be {done.value}"
                )
            if isinstance(done, Known) and done.seq <= held.seq:
                after = done.seq
        raise Unavailable(f"condition {vector.condition_id}: the ledger moved on {MOST_TRIES} times; try again")

    def _held(self, condition_id: str) -> Held:
        """Read lots and open orders; `seq` is read first, so a write that expects it saw all of this unchanged."""
        seq = self._ledger.read(()).seq
        lots = tuple(lot for lot in open_lots(self._ledger) if lot.condition_id == condition_id)
        intents = self._ledger.records(INTENTS).values()
        return Held(seq, lots, sum(_concerns(intent, condition_id) for intent in intents))

    def _event(self, claim: Claim, seq: int, after: int | None) -> RedemptionResult:
        """Paper pays what is owed; the step's own number is the next one, or the step does not happen."""
        return result_of(
            claim, claim.expected, mode="paper", now_ms=self._clock.now_ms(), ledger_seq=seq + 1, after=after
        )

    def _announce(self, event: RedemptionResult, vector: PayoutVector) -> RedemptionResult:
        self._log.info(
            "redeemed",
            condition=event.condition_id,
            paid=str(event.paid),
            cost=str(event.cost),
            payouts=event.payouts,
            source=vector.source,
        )
        metrics.counter("redemptions_total", "Conditions redeemed, by who told the payouts.", "source").labels(
            vector.source
        ).inc()
        self._emit(event)
        return event


def _known(condition_id: str, answers: Answers) -> PayoutVector:
    vector = answers.resolved.get(condition_id)
    if vector is None:
        why = answers.problem if condition_id in answers.unanswered else "it has no payouts"
        raise Unavailable(f"condition {condition_id} is not known to be resolved: {why}")
    return vector


def _write(claim: Claim, event: RedemptionResult, seq: int, after: int | None) -> Write:
    postings = redemption_postings(event)
    return Write(
        id=f"redeem:{claim.wallet}:{claim.condition_id}:{claim.id(after)}",
        postings=postings,
        peaks=peaks_of(postings),
        guards=tuple(Guard(shares_account(lot.leader, lot.token_id), at_least=0, at_most=0) for lot in claim.lots),
        records=tuple(Record("lots", lot.key, None) for lot in claim.lots),
        events=((REDEMPTIONS, event),),
        expected_seq=seq,
    )


def _concerns(intent: str, condition_id: str) -> bool:
    """Say whether a recorded intent orders this condition; one that cannot be read might."""
    try:
        return json.loads(intent)["order"]["condition_id"] == condition_id
    except (ValueError, LookupError, TypeError):
        return True
