"""Plans of what is due now: on paper from our lots, live from the Data API's list and the chain too."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from zlib import crc32

from redeemer.domain.redemption_action import RedemptionAction, judge_condition
from redeemer.redemption.holdings import Holdings
from redeemer.redemption.resolutions import ChainAnswers, Resolutions, in_batches
from shared import logs
from shared.domain.errors import HybridError
from shared.domain.ledger_accounts import Lot
from shared.ledger.port import Ledger, open_lots
from shared.polymarket.positions import RedeemablePositions
from shared.polymarket.wire.conditions import PayoutVector

ALARMS = "redeem_alarms"
"""Conditions whose redemption did not bring what was owed, by id: left alone until an operator clears them."""

MOST_ASKED = 200
"""Conditions in one question to the chain, which answers a bounded number of calls."""

JUDGED_PER_SCAN = 50
"""Conditions judged before the first of them is handed on."""

BELIEVED_SCANS = 10
"""Scans for which a condition that was due, and whose lots are still there, counts as due without a question."""

RESTING_SCANS = 20
"""Scans for which an ended condition's worthless rest is not asked about: it stays in the wallet, and in every list."""


@dataclass(frozen=True)
class FoundHoldings:
    """The number of conditions held, and those that something has to be done about."""

    held: int
    due: tuple[str, ...]


class RedemptionPlan(Protocol):
    """The plan that the watcher asks at every scan."""

    def find_parts(self) -> Iterator[FoundHoldings]:
        """Yield what is held and due, part by part. Raises Unavailable when Redis or, live, the node is away."""
        ...

    def snapshot(self) -> dict[str, Any]:
        """Return who answered."""
        ...


class PaperPlan:
    """Lots of the paper ledger, paid as soon as their condition is known to be resolved."""

    def __init__(self, ledger: Ledger, resolutions: Resolutions) -> None:
        self._ledger, self._resolutions = ledger, resolutions

    def find_parts(self) -> Iterator[FoundHoldings]:
        """Yield the held conditions that resolved, all at once."""
        yield self.find_all()

    def find_all(self) -> FoundHoldings:
        """Return the held conditions that resolved."""
        held = sorted({lot.condition_id for lot in open_lots(self._ledger)})
        return FoundHoldings(len(held), tuple(sorted(self._resolutions.read(held).resolved)))

    def snapshot(self) -> dict[str, Any]:
        """Return who answered."""
        return {"answered_by": dict(self._resolutions.answered_by), "problem": self._resolutions.problem}


class PayoutReader(Protocol):
    """Reads how conditions resolved, from the chain alone."""

    def read_payouts(self, condition_ids: Sequence[str]) -> ChainAnswers:
        """Return payout vectors, and what the node did not say."""
        ...


class LivePlan:
    """The live plan of one wallet; a transaction must bring `least` and what it costs, both in micro-units."""

    def __init__(
        self,
        wallet: str,
        ledger: Ledger,
        chain: PayoutReader,
        holdings: Holdings,
        positions: RedeemablePositions,
        *,
        least: int,
        merge: bool = False,
        cost: Callable[[], int] = lambda: 0,
    ) -> None:
        self._least, self._cost = least, cost
        self._wallet, self._ledger, self._chain = wallet, ledger, chain
        self._holdings, self._positions, self._merge = holdings, positions, merge
        self._problem = ""
        self._ended: dict[str, PayoutVector] = {}
        self._believed: dict[str, int] = {}
        self._resting: dict[str, int] = {}
        self._log = logs.get_logger("redeemer", wallet=wallet)

    def find_all(self) -> FoundHoldings:
        """Return the conditions with something to do; those with an alarm wait for an operator."""
        parts = list(self.find_parts())
        return FoundHoldings(sum(part.held for part in parts), tuple(name for part in parts for name in part.due))

    def find_parts(self) -> Iterator[FoundHoldings]:
        """Yield the conditions with something to do, part by part.

        Of hundreds that resolve at once the first is acted on while the rest is read.

        How something resolved is asked once: losers and dust stay in the wallet for ever, and every scan would cost as
        many questions as there ever were. What waits in the queue is not asked about at every scan either. Whoever acts
        on it reads it again.
        """
        named, alarms = self.candidate_conditions(), self.open_alarms()
        self._ended = {name: vector for name, vector in self._ended.items() if name in set(named)}
        lots = {lot.condition_id for lot in open_lots(self._ledger)}
        waiting, resting = self._still_due(alarms, lots), self._still_resting(set(named) - lots)
        yield FoundHoldings(len(waiting) + len(resting), waiting)
        floor = self.least_payout() if named else 0
        for some in in_batches([each for each in named if each not in resting.union(waiting)], JUDGED_PER_SCAN):
            vectors, silent = self._vectors([each for each in some if each not in self._ended])
            self._ended |= vectors
            dues = self._judge_known([each for each in some if each not in silent], self._ended, floor)
            due = tuple(each.condition_id for each in dues if each.acts and each.condition_id not in alarms)
            self._believed |= dict.fromkeys(due, BELIEVED_SCANS)
            self._resting |= {each.condition_id: _resting_scans(each) for each in dues if each.lost}
            yield FoundHoldings(len(dues), due)

    def least_payout(self) -> int:
        """Return what a condition must bring to be worth a transaction now, in micro-units.

        Raises:
            TryAgain, GiveUp: the node did not say what gas costs.
        """
        return max(self._least, self._cost())

    def _still_resting(self, named: set[str]) -> set[str]:
        """Return the ended conditions that are worth nothing and not asked about this time."""
        left = {name: scans - 1 for name, scans in self._resting.items() if scans > 1}
        self._resting = {name: scans for name, scans in left.items() if name in named}
        return set(self._resting)

    def _still_due(self, alarms: Mapping[str, str], held: set[str]) -> tuple[str, ...]:
        left = {name: scans - 1 for name, scans in self._believed.items() if scans > 1}
        self._believed = {name: scans for name, scans in left.items() if name in held and name not in alarms}
        return tuple(sorted(self._believed))

    def snapshot(self) -> dict[str, Any]:
        """Return what stands in the way."""
        return {"problem": self._problem}

    def candidate_conditions(self) -> list[str]:
        """Return every condition that our lots or the Data API name; without the latter our lots have to do."""
        named = {lot.condition_id for lot in open_lots(self._ledger)}
        try:
            named.update(self._positions.conditions(self._wallet))
            cut_short = self._positions.cut_short
            if self._merge:
                named.update(self._positions.conditions(self._wallet, "MERGEABLE"))
                cut_short = cut_short or self._positions.cut_short
        except HybridError as error:  # our own lots are still redeemed
            self._problem = str(error)
            self._log.warning("positions_unread", error=str(error))
        else:
            self._problem = cut_short
            if cut_short:  # what was read is redeemed all the same
                self._log.warning("positions_cut_short", error=cut_short)
        return sorted(named)

    def judge_conditions(self, condition_ids: Sequence[str], least: int | None = None) -> list[RedemptionAction]:
        """Return what is to be done about each; what the node did not say is left out, and asked again.

        Raises:
            Unavailable: the node did not say what the wallet holds.
            Malformed: a lot does not fit its condition.
        """
        vectors, silent = self._vectors(condition_ids)
        asked = [each for each in condition_ids if each not in silent]
        return self._judge_known(asked, vectors, self.least_payout() if least is None else least)

    def _judge_known(
        self, asked: Sequence[str], vectors: Mapping[str, PayoutVector], floor: int
    ) -> list[RedemptionAction]:
        held = self._holdings.read_holdings([each for each in asked if self._merge or each in vectors])
        lots = _by_condition(open_lots(self._ledger))
        return [
            judge_condition(
                each, held.get(each, ()), lots.get(each, ()), vectors.get(each), least=floor, merge=self._merge
            )
            for each in asked
        ]

    def _vectors(self, condition_ids: Sequence[str]) -> tuple[dict[str, PayoutVector], set[str]]:
        """Return how conditions resolved, and those the node did not speak of, asked until it says no more."""
        vectors: dict[str, PayoutVector] = {}
        left = list(condition_ids)
        while left:
            answers = self._chain.read_payouts(left[:MOST_ASKED])
            vectors.update(answers.resolved)
            rest = [*left[MOST_ASKED:], *answers.unanswered]
            # Nothing was answered this time: asking on would never end.
            if len(rest) == len(left):
                self._problem = answers.problem
                self._log.warning("chain_silent", conditions=len(rest), problem=answers.problem)
                break
            left = rest
        return vectors, set(left)

    def open_alarms(self) -> dict[str, str]:
        """Return the conditions with an alarm, and what it says (JSON)."""
        return self._ledger.records(ALARMS)


def _resting_scans(due: RedemptionAction) -> int:
    """Return for how many scans a condition rests; not the same for all, so that they do not come back at once."""
    return RESTING_SCANS // 2 + crc32(due.condition_id.encode()) % RESTING_SCANS


def _by_condition(lots: Sequence[Lot]) -> dict[str, list[Lot]]:
    found: dict[str, list[Lot]] = {}
    for lot in lots:
        found.setdefault(lot.condition_id, []).append(lot)
    return found
