"""What a look of the live redeemer asks about: what is over costs next to nothing."""

from collections.abc import Sequence
from typing import cast

import pytest

from redeemer.domain.redemption_action import ConditionHolding
from redeemer.redemption.holdings import Holdings
from redeemer.redemption.planner import RESTING_SCANS, LivePlan
from redeemer.redemption.resolutions import ChainAnswers
from shared.ledger.memory_ledger import MemoryLedger
from shared.polymarket.positions import RedeemablePositions
from tests.redeemer.builders import ONE, a_lot, a_vector, hold

WALLET = "0x" + "77" * 20
LOOKS = 4 * RESTING_SCANS


def a_condition(number: int) -> str:
    return f"0x{number:064x}"


class Wallet:
    """Chain, balances and list of a wallet: what it holds of the first outcome, and what it lost on the second."""

    def __init__(self, losers: int) -> None:
        self.cut_short = ""
        self.worth: dict[str, int] = {}
        self.listed = [a_condition(number) for number in range(losers)]
        self.asked: list[str] = []

    def read_payouts(self, condition_ids: Sequence[str]) -> ChainAnswers:
        return ChainAnswers(resolved={name: a_vector(1, 0) for name in condition_ids}, unanswered=(), problem="")

    def read_holdings(self, condition_ids: Sequence[str]) -> dict[str, tuple[ConditionHolding, ...]]:
        self.asked += condition_ids
        return {
            name: (ConditionHolding(name, "plain", ("1", "2"), (self.worth.get(name, 0), ONE)),)
            for name in condition_ids
            if name in self.listed
        }

    def conditions(self, wallet: str, status: str = "REDEEMABLE") -> list[str]:
        assert (wallet, status) == (WALLET, "REDEEMABLE")
        return self.listed


def a_planner(wallet: Wallet) -> tuple[LivePlan, MemoryLedger]:
    ledger = MemoryLedger()
    holdings, positions = cast("Holdings", wallet), cast("RedeemablePositions", wallet)
    return LivePlan(WALLET, ledger, wallet, holdings, positions, least=1), ledger


@pytest.mark.slow
@pytest.mark.pitfall(64)
def test_what_was_lost_and_stays_in_the_wallet_is_hardly_ever_asked_about() -> None:
    wallet = Wallet(losers=1000)
    planner, _ = a_planner(wallet)
    first = planner.find_all()
    once = len(wallet.asked)

    counts = list[int]()
    for _ in range(LOOKS):
        before = len(wallet.asked)
        assert planner.find_all() == first, "each look still counts what is held"
        counts.append(len(wallet.asked) - before)

    assert (first.held, first.due, once) == (1000, (), 1000)
    assert sum(counts) < 1000 * LOOKS / (RESTING_SCANS / 2)
    assert max(counts) < 200, "they do not all come back in one look"


def test_what_rests_is_asked_about_at_once_when_a_lot_of_ours_is_there_and_in_time_when_it_became_worth_something() -> (
    None
):
    wallet = Wallet(losers=3)
    planner, ledger = a_planner(wallet)
    planner.find_all()

    hold(ledger, a_lot(condition_id=a_condition(0), token_id="1", shares=ONE, cost=ONE))
    wallet.worth = {a_condition(0): ONE}
    assert planner.find_all().due == (a_condition(0),)

    wallet.worth[a_condition(1)] = ONE
    seen = [planner.find_all().due for _ in range(2 * RESTING_SCANS)]
    assert any(a_condition(1) in due for due in seen)


def test_what_the_wallet_does_not_show_yet_is_asked_about_at_every_look() -> None:
    wallet = Wallet(losers=0)
    planner, _ = a_planner(wallet)
    wallet.conditions = lambda *_: [a_condition(5)]  # type: ignore[method-assign]  # listed, and a node that lags
    for _ in range(3):
        planner.find_all()

    wallet.listed, wallet.worth = [a_condition(5)], {a_condition(5): ONE}

    assert planner.find_all().due == (a_condition(5),)
