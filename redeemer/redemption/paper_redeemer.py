"""Pay one resolved condition into the paper ledger, once.

Whatever ran this before, however often and wherever it was killed: the lots leave the ledger and their payout enters it
in one step that can happen once for these shares.
"""

from collections.abc import Callable

from redeemer.domain.payouts import claim_of, paper_result
from redeemer.redemption.redemption_ledger import Entry, HeldLots, RedemptionLedger
from redeemer.redemption.resolutions import ChainAnswers, Resolutions
from shared import logs, metrics
from shared.clock import Clock
from shared.domain.errors import Rejected, Unavailable
from shared.domain.ledger_accounts import HALT_REDEMPTIONS
from shared.domain.money import micro_text
from shared.domain.trading_controls import HALTED
from shared.ledger.port import Ledger
from shared.messages.base import Event
from shared.messages.redemptions import RedemptionResult
from shared.polymarket.wire.conditions import PayoutVector


class PaperRedeemer:
    """Redeems for one paper wallet."""

    def __init__(
        self, wallet: str, ledger: Ledger, resolutions: Resolutions, *, clock: Clock, emit: Callable[[Event], None]
    ) -> None:
        self.wallet, self._ledger = wallet, ledger
        self._redemptions, self._resolutions, self._clock, self._emit = (
            RedemptionLedger(ledger),
            resolutions,
            clock,
            emit,
        )
        self._log = logs.get_logger("redeemer", wallet=wallet)

    def redeem(self, wallet: str, condition_id: str) -> RedemptionResult | None:
        """Redeem what `wallet` holds of a condition; None when nothing is held any more: it was redeemed before.

        Raises:
            Unavailable: redemptions are switched off, it is not resolved yet, an order of this market is under way, or
                Redis is away; ask again later.
            Malformed: the payout vector does not fit the lots.
            OutcomeUnknown: what came is not what was owed.
            Rejected: another wallet's job.
        """
        if wallet != self.wallet:
            raise Rejected(f"this redeemer serves the wallet {self.wallet!r}, not {wallet!r}")
        if not self._redemptions.held_lots(condition_id).lots:
            self._log.info("nothing_held", condition=condition_id)
            return None
        if self._ledger.read((HALT_REDEMPTIONS,)).values[HALT_REDEMPTIONS]:
            raise Unavailable(HALTED)
        vector = known_resolution(condition_id, self._resolutions.read([condition_id]))
        done = self._redemptions.book_redemption(condition_id, lambda held, after: self._entry(vector, held, after))
        return self._announce(done, vector) if done else None

    def _entry(self, vector: PayoutVector, held: HeldLots, after: int | None) -> Entry | None:
        """Paper pays what is owed; the step's own number is the next one, or the step does not happen."""
        if not held.lots:
            return None
        claim = claim_of(self.wallet, held.lots, vector)
        now_ms, step = self._clock.now_ms(), held.seq + 1
        event = paper_result(claim, claim.expected, mode="paper", now_ms=now_ms, ledger_seq=step, after=after)
        return f"redeem:{claim.wallet}:{claim.condition_id}:{event.id}", event

    def _announce(self, event: RedemptionResult, vector: PayoutVector) -> RedemptionResult:
        self._log.info(
            "redeemed",
            condition=event.condition_id,
            paid=micro_text(event.paid),
            cost=micro_text(event.cost),
            payouts=event.payouts,
            source=vector.source,
        )
        metrics.make_counter("redemptions_total", "Conditions redeemed, by who told the payouts.", "source").labels(
            vector.source
        ).inc()
        self._emit(event)
        return event


def known_resolution(condition_id: str, answers: ChainAnswers) -> PayoutVector:
    """Return a condition's vector.

    Raises:
        Unavailable: it is not known to be resolved.
    """
    vector = answers.resolved.get(condition_id)
    if vector is None:
        why = answers.problem if condition_id in answers.unanswered else "it has no payouts"
        raise Unavailable(f"condition {condition_id} is not known to be resolved: {why}")
    return vector
