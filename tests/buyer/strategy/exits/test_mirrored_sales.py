"""A mirrored sell is measured by what the leader holds; dust sells nothing, and a buy he sold again is not followed."""

from typing import Any

import pytest

from buyer.strategy.exits.mirrored_sales import mirrored_sell
from shared.domain.ledger_accounts import behind_account, shares_account
from shared.messages.decisions import LeaderSales
from tests.amounts import D
from tests.buyer.builders import LEADER, TOKEN, a_portfolio, a_signal, some_limits
from tests.buyer.execution.executor_desk import Desk
from tests.buyer.strategy.failed_rules import failed

HELD = {"lot_shares": D(10), "lot_cost": D(5), "behind": D(1000)}


def a_sell(number: int, shares: str, **changes: Any) -> Any:
    return a_signal(side="SELL", tx_hash="0x" + f"{number:064x}", shares=D(shares), usdc=D(shares) // 2, **changes)


class Following(Desk):
    """A desk that followed a leader's buy of 100 shares."""

    def __init__(self, **limits: Any) -> None:
        super().__init__(limits=some_limits(**limits))
        self.engine.process_actionable(a_signal())

    @property
    def shares(self) -> int:
        return self.ledger.values.get(shares_account(LEADER, TOKEN), 0)

    @property
    def behind(self) -> int:
        return self.ledger.values.get(behind_account(LEADER, TOKEN), 0)


@pytest.mark.pitfall(46)
def test_a_leader_who_sells_a_tenth_of_what_he_holds_takes_a_tenth_of_our_lot() -> None:
    assert mirrored_sell(a_sell(1, "100"), a_portfolio(**HELD), "proportional").sell == D(1)


@pytest.mark.pitfall(46)
def test_every_trade_of_his_counts_while_we_hold_the_lot_followed_or_not() -> None:
    desk = Following(mirror_sells="proportional", min_leader_sell_pct=0)
    skipped = desk.engine.process_actionable(
        a_signal(tx_hash="0x" + "2" * 64, price=D("0.2"), shares=D(300), usdc=D(60))
    )
    assert skipped is not None
    assert (skipped.reason, desk.behind) == ("slippage", D(400))
    before = desk.shares

    desk.engine.process_actionable(a_sell(3, "280"))

    assert desk.behind == D(120)
    assert desk.shares == pytest.approx(before * 0.3, abs=10_000)


@pytest.mark.pitfall(43)
def test_dust_that_a_leader_sells_sells_nothing_of_ours_and_says_why() -> None:
    desk = Following()
    before = desk.shares

    decision = desk.engine.process_actionable(a_sell(1, "0.01"))

    assert decision is not None
    assert (decision.verdict, decision.reason, decision.exit) == ("SKIP", "leader_sell", None)
    rule = next(rule for rule in decision.rules if rule.rule == "leader_sell")
    assert (rule.value, rule.limit) == ("0.01 of 100, 0.01%", "10%")
    assert desk.shares == before


@pytest.mark.pitfall(43)
def test_small_sales_add_up_until_they_count_over_restarts() -> None:
    desk = Following()
    reasons: list[str] = []
    for number in range(3):
        decision = desk.engine.process_actionable(a_sell(number, "4"))
        assert decision is not None
        reasons.append(decision.reason)
        desk.restart()

    assert reasons == ["leader_sell", "leader_sell", "all rules passed"]
    assert desk.shares < D("0.01")


@pytest.mark.pitfall(43)
def test_small_sales_add_up_to_their_part_of_the_lot() -> None:
    desk = Following(mirror_sells="proportional")
    before = desk.shares

    for number in range(3):
        desk.engine.process_actionable(a_sell(number, "50" if number == 2 else "5"))

    assert desk.shares == pytest.approx(before * 0.4, abs=10_000)


@pytest.mark.pitfall(45)
@pytest.mark.parametrize(("later_s", "follows"), [(1, False), (0, True), (-1, True)])
def test_a_buy_that_the_leader_sold_again_is_not_followed_whichever_is_told_first(later_s: int, follows: Any) -> None:
    desk = Desk()
    buy = a_signal()
    sold = a_sell(1, "100", traded_at_ms=buy.traded_at_ms + later_s * 1000)
    desk.engine.process_actionable(sold)
    desk.restart()

    decision = desk.engine.process_actionable(buy)

    assert decision is not None
    assert (decision.reason == "all rules passed") is follows
    if not follows:
        assert decision.reason == "sold_later"


@pytest.mark.pitfall(45)
def test_an_older_sale_told_late_does_not_hide_a_newer_one() -> None:
    desk = Desk()
    at_ms = a_signal().traded_at_ms
    desk.engine.process_actionable(a_sell(1, "100", traded_at_ms=at_ms + 5000))
    desk.engine.process_actionable(a_sell(2, "100", traded_at_ms=at_ms - 5000))

    decision = desk.engine.process_actionable(a_signal())

    assert decision is not None
    assert decision.reason == "sold_later"


@pytest.mark.pitfall(45)
def test_the_check_of_later_sales_has_its_switch() -> None:
    sales = LeaderSales(since_ms=a_signal().traded_at_ms + 1000)

    assert "sold_later" in failed(portfolio=a_portfolio(sales=sales))
    assert "sold_later" not in failed(portfolio=a_portfolio(sales=sales), limits=some_limits(check_later_sale=False))
