"""The wallet beside the ledger: what differs is found, once it was seen twice, and what moves by itself is left out."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buyer.domain.gap_review import GapReview
from buyer.domain.wallet_comparison import COLLATERAL, Comparison, compare, ledger_holdings, shown_tokens
from shared.domain.ledger_accounts import CASH, DEPOSITED, Lot, shares_account
from shared.domain.ledger_write import Balances
from shared.domain.record_kinds import INTENTS, ORDERS, OUTSIDE, SENDINGS
from shared.ledger.port import lot_record

TOKEN, OTHER, CONDITION = str(3 << 200 | 7 << 100 | 5), str(5 << 200 | 7 << 100 | 5), "0x" + "c0" * 32
LEADERS = "0x" + "a1" * 20, "0x" + "b2" * 20
SHARE = 1_000_000


def a_ledger(
    lots: Mapping[str, int] | None = None, cash: int = 100 * SHARE, records: Mapping[tuple[str, str], str] | None = None
) -> Balances:
    """Return a ledger that holds one lot of `TOKEN` for each leader named, and what else is given."""
    held = {LEADERS[0]: 10 * SHARE} if lots is None else lots
    values = {CASH: cash, DEPOSITED: cash, **{shares_account(who, TOKEN): shares for who, shares in held.items()}}
    texts = dict(records or {})
    for who in held:
        record = lot_record(Lot(who, TOKEN, CONDITION, 0, "Will it?", 0, 0))
        texts["lots", record.field] = str(record.value or "")
    return Balances(1, values, records=texts)


def looked(
    ledger: Balances, shares: int, cash: int = 100 * SHARE, witnessed: Mapping[str, int] | None = None
) -> Comparison:
    held = ledger_holdings(ledger)
    return compare(held, held, cash, {TOKEN: shares}, witnessed)


def test_a_wallet_that_holds_what_the_ledger_says_shows_no_gap() -> None:
    both = a_ledger({LEADERS[0]: 6 * SHARE, LEADERS[1]: 4 * SHARE})

    found = looked(both, 10 * SHARE)

    assert (found.gaps, found.compared) == ({}, {TOKEN, COLLATERAL})


@pytest.mark.pitfall(53)
def test_shares_that_the_owner_sold_are_missing_and_what_he_bought_is_extra() -> None:
    sold, bought = looked(a_ledger(), 4 * SHARE), looked(a_ledger(), 12 * SHARE)

    assert [gap.kind for gap in (*sold.gaps.values(), *bought.gaps.values())] == ["missing", "extra"]
    assert sold.gaps[TOKEN].title == "Will it?"


def test_what_a_person_called_his_own_is_no_gap_until_it_changes() -> None:
    ledger = a_ledger(records={(OUTSIDE, TOKEN): str(2 * SHARE)})

    assert looked(ledger, 12 * SHARE).gaps == {}
    assert looked(ledger, 11 * SHARE).gaps[TOKEN].kind == "extra"
    assert looked(ledger, 9 * SHARE).gaps[TOKEN].kind == "missing"


@pytest.mark.parametrize("kind", [INTENTS, ORDERS])
def test_a_token_with_an_order_in_flight_and_cash_beside_it_are_left_out(kind: str) -> None:
    found = looked(a_ledger(records={(kind, "one"): f'{{"token_id": "{TOKEN}"}}'}), 0, cash=0)

    assert (found.gaps, found.compared) == ({}, frozenset())


def test_an_order_that_cannot_be_read_may_be_of_any_token() -> None:
    assert looked(a_ledger(records={(INTENTS, "one"): "no JSON"}), 0).gaps == {}


def test_a_market_that_is_being_redeemed_is_left_out() -> None:
    assert looked(a_ledger(records={(SENDINGS, "me"): f'{{"dues": ["{CONDITION}"]}}'}), 0).gaps == {}


def test_a_lot_that_changed_while_the_chain_was_asked_is_left_out() -> None:
    before, after = ledger_holdings(a_ledger()), ledger_holdings(a_ledger({LEADERS[0]: 5 * SHARE}))

    assert compare(before, after, 100 * SHARE, {TOKEN: 10 * SHARE}, None).gaps == {}


def test_cash_of_a_ledger_that_was_never_credited_is_not_compared() -> None:
    found = ledger_holdings(Balances(0, {}))

    assert compare(found, found, 5 * SHARE, {}, None) == Comparison()


def test_positions_of_protocol_v2_are_compared_too() -> None:
    position = str(1 << 248)

    assert shown_tokens(ledger_holdings(a_ledger()), {OTHER: 1, position: 1}) == tuple(sorted((TOKEN, OTHER, position)))


@pytest.mark.pitfall(53)
def test_a_smaller_balance_seen_once_is_looked_at_again_before_anything_is_said() -> None:
    review = GapReview((), again_s=30)

    first = review.take(looked(a_ledger(), 0), 0)
    early = review.take(looked(a_ledger(), 0), 29)
    second = review.take(looked(a_ledger(), 0), 30)

    assert (first, early) == (([], []), ([], []))
    assert [gap.token_id for gap in second[0]] == [TOKEN]


def test_a_node_that_was_behind_once_says_nothing() -> None:
    review = GapReview((), again_s=30)

    review.take(looked(a_ledger(), 0), 0)

    assert review.take(looked(a_ledger(), 10 * SHARE), 30) == ([], [])
    assert (review.gaps, review.waiting) == ({}, False)


def test_a_gap_stands_while_nobody_can_compare_and_is_over_when_it_is_gone() -> None:
    review = GapReview((), again_s=30)
    for now_s in (0, 30):
        review.take(looked(a_ledger(), 0), now_s)

    unknown = review.take(Comparison(), 60)
    over = review.take(looked(a_ledger(), 10 * SHARE), 90)

    assert unknown == ([], [])
    assert [gap.token_id for gap in over[1]] == [TOKEN]
    assert review.gaps == {}


@given(st.lists(st.tuples(st.sampled_from([None, 0, 4 * SHARE, 10 * SHARE]), st.integers(1, 60)), max_size=12))
def test_a_gap_counts_only_where_two_looks_far_enough_apart_and_none_between_showed_it(
    looks: list[tuple[int | None, int]],
) -> None:
    review, now_s, since = GapReview((), again_s=30), 0, dict[int, int]()

    for shares, pause_s in looks:
        now_s += pause_s
        found = Comparison() if shares is None else looked(a_ledger(), shares)
        if shares is not None:
            since = {shares: since.get(shares, now_s)}
        for gap in review.take(found, now_s)[0]:
            assert now_s - since[gap.found] >= 30
