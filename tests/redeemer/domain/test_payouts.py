"""What a resolved condition owes each lot."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redeemer.domain.payouts import PayoutClaim, claim_of, paper_result
from shared.domain.errors import Malformed, OutcomeUnknown
from shared.domain.ledger_accounts import Lot, redemption_postings
from shared.polymarket.wire.conditions import PayoutVector
from tests.redeemer.builders import ANN, BOB, CONDITION, NO, ONE, OTHER, YES, a_loser, a_lot, a_vector


def some_lot(leader: str, outcome: int, shares: int, cost: int) -> Lot:
    return a_lot(leader=leader, outcome_index=outcome, token_id=str(outcome), shares=shares, cost=cost)


LOTS = st.builds(
    some_lot,
    st.sampled_from([ANN, BOB, "0x" + "cc" * 20]),
    st.integers(0, 2),
    st.integers(1, 10**13),
    st.integers(0, 10**13),
)
HOLDINGS = st.lists(LOTS, min_size=1, max_size=9, unique_by=lambda lot: lot.key)
VECTORS = st.lists(st.integers(0, 10**9), min_size=3, max_size=3).filter(any).map(lambda parts: a_vector(*parts))


def a_claim(*lots: Lot, vector: PayoutVector | None = None) -> PayoutClaim:
    return claim_of("paper", lots or (a_lot(),), vector or a_vector(1, 0))


def test_a_winner_is_owed_one_for_each_share() -> None:
    claim = a_claim(a_lot(shares=10 * ONE, cost=4 * ONE))

    result = paper_result(claim, claim.expected, mode="paper", now_ms=1, ledger_seq=7)

    assert (result.paid, result.cost, result.realized) == (10 * ONE, 4 * ONE, 6 * ONE)
    assert result.payouts == ("1", "0")
    assert (result.mode, result.ledger_seq, result.title) == ("paper", 7, "Will it?")


@pytest.mark.pitfall(27)
def test_a_loser_is_owed_nothing_and_leaves_at_its_cost() -> None:
    claim = a_claim(a_loser(cost=6 * ONE))

    result = paper_result(claim, 0, mode="paper", now_ms=1, ledger_seq=1)

    assert (result.expected, result.paid, result.realized) == (0, 0, -6 * ONE)
    assert [lot.payout for lot in result.lots] == [0]


@pytest.mark.pitfall(27)
def test_a_void_market_pays_half_to_both_outcomes() -> None:
    claim = a_claim(a_lot(shares=3), a_loser(shares=5), vector=a_vector(1, 1))

    assert claim.owed == (1, 2)
    assert claim.vector.words == ("0.5", "0.5")


@pytest.mark.pitfall(27)
def test_both_outcomes_held_are_worth_their_complete_sets() -> None:
    claim = a_claim(a_lot(shares=10 * ONE), a_loser(shares=7 * ONE), vector=a_vector(0, 1))

    assert claim.expected == 7 * ONE


def test_lots_of_several_leaders_are_paid_each_for_its_own_shares() -> None:
    claim = a_claim(a_lot(leader=BOB, shares=3 * ONE), a_lot(leader=ANN, shares=10 * ONE))

    assert [(lot.leader, owed) for lot, owed in zip(claim.lots, claim.owed, strict=True)] == [
        (ANN, 10 * ONE),
        (BOB, 3 * ONE),
    ]


def test_a_vector_whose_decimals_do_not_end_is_told_exactly() -> None:
    vector = a_vector(1, 2)

    assert [Fraction(word) for word in vector.words] == [Fraction(1, 3), Fraction(2, 3)]
    assert vector.owed(0, 10) == 3


@pytest.mark.pitfall(27)
def test_a_winner_that_paid_nothing_is_no_redemption() -> None:
    claim = a_claim(a_lot())

    with pytest.raises(OutcomeUnknown, match="owes 10 and paid 0"):
        paper_result(claim, 0, mode="live", now_ms=1, ledger_seq=1)


@pytest.mark.parametrize(
    "lots",
    [
        pytest.param((a_lot(condition_id=OTHER),), id="of another condition"),
        pytest.param((a_lot(outcome_index=2),), id="of an outcome the condition does not have"),
        pytest.param((a_lot(outcome_index=999),), id="of the outcome index that non-trades carry"),
        pytest.param((a_lot(shares=-1),), id="with fewer than no shares"),
        pytest.param((), id="none at all"),
    ],
)
def test_lots_that_do_not_fit_the_vector_are_refused(lots: tuple[Lot, ...]) -> None:
    with pytest.raises(Malformed, match=CONDITION):
        claim_of("paper", lots, a_vector(1, 0))


@pytest.mark.parametrize("numerators", [(0, 0), (), (-1, 2), (2, 2)])
def test_a_vector_that_pays_nothing_or_too_much_cannot_be_built(numerators: tuple[int, ...]) -> None:
    with pytest.raises(Malformed):
        PayoutVector(CONDITION, numerators, 3, "chain")


def test_one_redemption_has_one_name_whatever_the_order_of_its_lots() -> None:
    there, back = a_claim(a_lot(), a_loser()), a_claim(a_loser(), a_lot())

    assert there.id() == back.id()


def test_other_shares_or_the_same_shares_again_have_another_name() -> None:
    first = a_claim(a_lot(shares=10 * ONE))

    assert len({first.id(), a_claim(a_lot(shares=11 * ONE)).id(), first.id(after=7), first.id(after=9)}) == 4


@given(HOLDINGS, VECTORS)
def test_nobody_is_owed_less_than_nothing_or_more_than_a_share(lots: list[Lot], vector: PayoutVector) -> None:
    claim = claim_of("paper", lots, vector)

    assert all(0 <= owed <= lot.shares for lot, owed in zip(claim.lots, claim.owed, strict=True))
    exact = sum(Fraction(lot.shares * vector.numerators[lot.outcome_index], vector.denominator) for lot in lots)
    assert exact - len(lots) < claim.expected <= exact


@given(st.integers(1, 10**13), VECTORS)
def test_complete_sets_pay_their_number_but_for_the_rounding(shares: int, vector: PayoutVector) -> None:
    lots = [a_lot(outcome_index=place, token_id=str(place), shares=shares) for place in range(3)]

    assert shares - 3 < claim_of("paper", lots, vector).expected <= shares


@given(HOLDINGS, VECTORS)
def test_the_books_balance_after_any_redemption(lots: list[Lot], vector: PayoutVector) -> None:
    claim = claim_of("paper", lots, vector)
    result = paper_result(claim, claim.expected, mode="paper", now_ms=1, ledger_seq=1)

    moved = dict(redemption_postings(result))

    assert moved.get("cash", 0) == claim.expected
    assert moved.get("realized", 0) == claim.expected - sum(lot.cost for lot in lots)
    assert sum(moved.get(f"realized:{leader}", 0) for leader in {lot.leader for lot in lots}) == moved.get(
        "realized", 0
    )
    assert all(moved[f"shares:{lot.key}"] == -lot.shares for lot in lots)
    assert moved.get(f"market:{CONDITION}", 0) == -sum(lot.cost for lot in lots)


def test_amounts_are_told_exactly_to_the_micro_unit() -> None:
    claim = a_claim(
        a_lot(shares=1_234_567, cost=1, token_id=YES), a_loser(shares=1, token_id=NO), vector=a_vector(1, 1)
    )

    result = paper_result(claim, claim.expected, mode="paper", now_ms=1, ledger_seq=1)

    assert result.paid == 617_283
