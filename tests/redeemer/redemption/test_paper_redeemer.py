"""Paying one condition into the ledger, once."""

import json

import pytest

from redeemer.redemption.redemption_ledger import MOST_TRIES
from shared.domain.errors import Malformed, OutcomeUnknown, Rejected, Unavailable
from shared.domain.ledger_accounts import HALT_REDEMPTIONS, Lot
from shared.domain.ledger_write import LedgerRecord, LedgerWrite, RefusedWrite, Result
from shared.domain.trading_controls import turn_control
from shared.ledger.memory_ledger import MemoryLedger
from shared.ledger.port import open_lots
from shared.messages.base import REDEMPTIONS
from shared.messages.redemptions import RedemptionResult
from tests.redeemer.builders import ANN, BOB, CONDITION, ONE, OTHER, PaperRedeemerFixture, a_loser, a_lot, hold


class RestlessLedger(MemoryLedger):
    """A ledger that others write to between our read and our write, `times` times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times
        self._other = 0

    def commit(self, write: LedgerWrite) -> Result:
        if write.id.startswith("redeem:") and self._other < self.times:
            self._other += 1
            super().commit(LedgerWrite(id=f"other:{self._other}"))
        return super().commit(write)


def a_desk(*lots: Lot, ledger: MemoryLedger | None = None, payouts: tuple[int, ...] = (1, 0)) -> PaperRedeemerFixture:
    paper = PaperRedeemerFixture(ledger or MemoryLedger(), **({CONDITION: payouts} if payouts else {}))
    hold(paper.ledger, *(lots or (a_lot(),)))
    return paper


def published(paper: PaperRedeemerFixture) -> list[RedemptionResult]:
    assert isinstance(paper.ledger, MemoryLedger)
    return [
        event for stream, event in paper.ledger.events if stream == REDEMPTIONS and isinstance(event, RedemptionResult)
    ]


def test_a_winner_is_paid_and_its_lot_is_gone() -> None:
    paper = a_desk(a_lot(shares=10 * ONE, cost=4 * ONE))

    result = paper.redeem()

    assert result is not None
    assert (result.paid, result.realized) == (10 * ONE, 6 * ONE)
    assert paper.ledger.accounts().values == {
        "cash": 6 * ONE,
        "realized": 6 * ONE,
        f"realized:{ANN}": 6 * ONE,
        f"peak:{ANN}": 6 * ONE,
        "pnl:20260921": 6 * ONE,
    }
    assert (open_lots(paper.ledger), paper.ledger.records("lots")) == ([], {})


def test_the_event_names_the_very_step_that_booked_it() -> None:
    paper = a_desk(ledger=RestlessLedger(3))

    result = paper.redeem()

    assert result is not None
    assert result.ledger_seq == paper.ledger.accounts().seq
    assert published(paper) == [result]
    assert paper.told == [result]


@pytest.mark.pitfall(27)
def test_a_loser_is_written_off_once_and_never_again() -> None:
    paper = a_desk(a_loser(cost=6 * ONE))

    first, again = paper.redeem(), paper.redeem()

    assert first is not None
    assert (first.paid, first.realized, again) == (0, -6 * ONE, None)
    assert len(published(paper)) == 1
    assert paper.ledger.accounts().values["realized"] == -6 * ONE


@pytest.mark.pitfall(27)
def test_what_was_redeemed_before_is_done_without_a_question() -> None:
    paper = a_desk()
    paper.redeem()
    asked = len(paper.node.batches)

    assert paper.redeem() is None
    assert len(paper.node.batches) == asked


@pytest.mark.pitfall(27)
def test_a_neg_risk_group_pays_each_of_its_markets_by_its_own_vector() -> None:
    paper = a_desk(a_lot(), a_lot(condition_id=OTHER, token_id="333", cost=ONE), payouts=(1, 0))
    paper.node.payouts[OTHER] = (0, 1)

    won, lost = paper.redeem(CONDITION), paper.redeem(OTHER)

    assert won is not None
    assert lost is not None
    assert (won.paid, lost.paid) == (10 * ONE, 0)


@pytest.mark.pitfall(27)
def test_both_outcomes_and_several_leaders_are_paid_in_one_step() -> None:
    paper = a_desk(a_lot(), a_loser(shares=4 * ONE), a_lot(leader=BOB, shares=ONE, cost=ONE), payouts=(1, 1))

    result = paper.redeem()

    assert result is not None
    assert [(lot.leader, lot.outcome_index, lot.payout) for lot in result.lots] == [
        (ANN, 0, 5 * ONE),
        (BOB, 0, ONE // 2),
        (ANN, 1, 2 * ONE),
    ]
    assert result.paid == 7_500_000


def test_an_open_market_is_left_alone() -> None:
    paper = a_desk(payouts=())

    with pytest.raises(Unavailable, match="not known to be resolved"):
        paper.redeem()

    assert len(open_lots(paper.ledger)) == 1


def test_a_vector_that_nobody_can_tell_is_asked_for_again() -> None:
    paper = a_desk()
    paper.node.away = paper.data_api.away = True

    with pytest.raises(Unavailable, match="did not answer"):
        paper.redeem()


@pytest.mark.pitfall(20)
@pytest.mark.parametrize("kind", ["intents", "orders"])
def test_shares_of_an_order_under_way_are_waited_for(kind: str) -> None:
    """A sell takes its shares out of the lot first; what it does not sell comes back to a lot that must be there.

    A buy that matched is on the chain before it is confirmed: paid now, its lot would be made after its end.
    """
    paper = a_desk()
    order = json.dumps({"order": {"condition_id": CONDITION}})
    paper.ledger.commit(LedgerWrite(id="begun", records=(LedgerRecord(kind, "1", order),)))

    with pytest.raises(Unavailable, match="under way"):
        paper.redeem()
    paper.ledger.commit(LedgerWrite(id="ended", records=(LedgerRecord(kind, "1", None),)))

    assert paper.redeem() is not None


def test_an_order_of_another_market_is_no_reason_to_wait() -> None:
    paper = a_desk()
    intent = json.dumps({"order": {"condition_id": OTHER}})
    paper.ledger.commit(LedgerWrite(id="intent:1", records=(LedgerRecord("intents", "1", intent),)))

    assert paper.redeem() is not None


def test_shares_that_arrive_late_are_redeemed_as_well() -> None:
    paper = a_desk()
    paper.redeem()
    hold(paper.ledger, a_lot(shares=3 * ONE, cost=ONE), seed="late")

    result = paper.redeem()

    assert result is not None
    assert result.paid == 3 * ONE


def test_the_very_same_shares_may_come_again_and_again() -> None:
    """Fixed stakes make equal lots: the name of a redemption must not take the second for the first."""
    paper = a_desk()
    ids = set[str]()
    for seed in ("one", "two", "three"):
        result = paper.redeem()
        assert result is not None
        ids.add(result.id)
        hold(paper.ledger, a_lot(), seed=seed)

    assert len(ids) == 3


def test_a_ledger_that_never_rests_is_tried_again_later() -> None:
    paper = a_desk(ledger=RestlessLedger(MOST_TRIES))

    with pytest.raises(Unavailable, match="moved on"):
        paper.redeem()

    assert paper.redeem() is not None


def test_a_ledger_that_refuses_is_not_believed_to_have_paid() -> None:
    class Refusing(MemoryLedger):
        def commit(self, write: LedgerWrite) -> Result:
            return RefusedWrite("shares", 1, 0) if write.id.startswith("redeem:") else super().commit(write)

    with pytest.raises(OutcomeUnknown, match="refused"):
        a_desk(ledger=Refusing()).redeem()


def test_a_lot_of_an_outcome_that_does_not_exist_fails_in_the_open() -> None:
    with pytest.raises(Malformed, match="no outcome 5"):
        a_desk(a_lot(outcome_index=5)).redeem()


def test_another_wallets_job_is_refused() -> None:
    with pytest.raises(Rejected, match="'somebody'"):
        a_desk().redeemer.redeem("somebody", CONDITION)


@pytest.mark.pitfall(24)
def test_nothing_is_redeemed_while_redemptions_are_switched_off() -> None:
    paper = a_desk(a_lot(shares=10 * ONE, cost=4 * ONE))
    paper.ledger.commit(turn_control("on", on=True, who="t", why="t", now_ms=1, control=HALT_REDEMPTIONS))
    with pytest.raises(Unavailable, match="hybrid resume"):
        paper.redeem()
    assert published(paper) == []

    paper.ledger.commit(turn_control("off", on=False, who="t", why="t", now_ms=2, control=HALT_REDEMPTIONS))

    assert paper.redeem() is not None
