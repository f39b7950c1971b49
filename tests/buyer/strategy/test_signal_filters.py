"""What is followed at all, what too small trades come to, and what stops buying: each rule alone."""

from typing import Any, Literal

import pytest

from buyer.strategy.policy import decide_signal
from shared.domain.market import Side
from shared.messages.decisions import ExitTask, Gathered, HeldLot
from shared.messages.signals import Fill
from tests.amounts import D
from tests.buyer.builders import LEADER, NOW_MS, TOKEN, a_book, a_case, a_market, a_portfolio, a_signal, some_limits

NAMED = a_market(title="Will ETH rise?", slug="eth-up", event_slug="eth-daily", category="Crypto")


def failed(**changes: Any) -> set[str]:
    """Return the names of the rules that fail."""
    return {rule.rule for rule in decide_signal(a_case(**changes)).rules if not rule.passed}


def fills(*roles: Literal["maker", "taker"] | None) -> tuple[Fill, ...]:
    return tuple(Fill(shares=D(1), usdc=D(1), role=role) for role in roles)


@pytest.mark.parametrize(
    ("limits", "fails"),
    [
        ({"sides": "sell"}, {"side_followed"}),
        ({"sides": "buy"}, set[str]()),
        ({"only_markets": ("ETH-UP",)}, set[str]()),
        ({"only_markets": ("eth-daily",), "not_markets": ("btc-daily",)}, set[str]()),
        ({"only_markets": ("btc-daily",)}, {"markets"}),
        ({"not_markets": (NAMED.condition_id,)}, {"markets"}),
        ({"only_categories": ("crypto",)}, set[str]()),
        ({"only_categories": ("sports",)}, {"categories"}),
        ({"not_categories": ("CRYPTO",)}, {"categories"}),
        ({"only_keywords": ("eth",)}, set[str]()),
        ({"only_keywords": ("btc", "sol")}, {"keywords"}),
        ({"not_keywords": ("Rise",)}, {"keywords"}),
        ({"only_keywords": ("eth",), "not_keywords": ("daily",)}, {"keywords"}),
        ({"min_depth_usdc": D("101")}, set[str]()),
        ({"min_depth_usdc": D("101.01")}, {"book_depth"}),
    ],
)
def test_a_filter_lets_through_what_it_names(limits: dict[str, Any], fails: set[str]) -> None:
    """The book offers 100 at 0.50 and 100 at 0.51 within the limit of 0.52: 101 pUSD."""
    assert failed(market=NAMED, limits=some_limits(**limits)) == fails


def test_a_category_that_nobody_knows_fails_both_lists() -> None:
    assert failed(limits=some_limits(not_categories=("sports",))) == {"categories"}
    assert failed(limits=some_limits(only_categories=("sports",))) == {"categories"}


@pytest.mark.parametrize(
    ("role", "roles", "fails"),
    [
        ("taker", ("taker", "taker"), set[str]()),
        ("taker", ("taker", "maker"), {"role_followed"}),
        ("maker", ("maker",), set[str]()),
        ("maker", (None,), {"role_followed"}),
        ("any", (None,), set[str]()),
    ],
)
def test_a_role_is_asked_of_every_fill_and_an_unknown_one_fails(
    role: str, roles: tuple[Literal["maker", "taker"] | None, ...], fails: set[str]
) -> None:
    assert failed(signal=a_signal(fills=fills(*roles)), limits=some_limits(role=role)) == fails


@pytest.mark.parametrize(
    ("left_s", "fails"), [(3600, set[str]()), (7200, set[str]()), (3599, {"time_to_end"}), (7201, {"time_to_end"})]
)
def test_a_market_that_ends_too_soon_or_too_late_is_not_bought(left_s: int, fails: set[str]) -> None:
    limits = some_limits(min_to_end_s=3600, max_to_end_s=7200)

    assert failed(market=a_market(ends_at_ms=NOW_MS + left_s * 1000), limits=limits) == fails


@pytest.mark.pitfall(19)
def test_an_end_that_nobody_knows_fails_a_rule_that_asks_for_it() -> None:
    assert failed(limits=some_limits(min_to_end_s=1)) == {"time_to_end"}


@pytest.mark.pitfall(19)
@pytest.mark.parametrize(
    ("changes", "fails"),
    [
        ({"event_exposure": D("94.89")}, {"event_cap"}),
        ({"event_exposure": D("94.75")}, set[str]()),
        ({"group_exposure": D("94.89")}, {"group_cap"}),
        ({"leader_exposure": D("194.89")}, {"leader_cap"}),
        ({"total_exposure": D("494.89")}, {"total_cap"}),
        ({"realized_today": D("-99.99")}, set[str]()),
        ({"realized_today": D(-100)}, {"day_loss"}),
        ({"leader_peak": D(60), "leader_realized": D(-39)}, set[str]()),
        ({"leader_peak": D(60), "leader_realized": D(-40)}, {"drawdown"}),
        ({"orders_sent": 60}, {"order_rate"}),
        ({"orders_sent": 60, "minute": NOW_MS // 60_000 - 1}, set[str]()),
        ({"paused": "buys"}, {"not_paused"}),
        ({"paused": "all"}, {"not_paused"}),
        ({"flattening": True}, {"not_paused"}),
    ],
)
def test_every_stop_fires_at_its_limit_and_not_before(changes: dict[str, Any], fails: set[str]) -> None:
    """The order's budget is 5.24707; the market is one of a neg-risk event."""
    assert failed(market=a_market(neg_risk=True), portfolio=a_portfolio(**changes)) == fails


@pytest.mark.pitfall(19)
def test_without_its_event_a_market_is_not_bought() -> None:
    assert failed(market=a_market(event_id="")) == {"event_cap"}
    old = a_portfolio(lot_shares=D(5), lot_cost=D(2), lot=HeldLot(opened_at_ms=0))
    assert failed(portfolio=old) == {"event_cap"}


def test_a_lot_that_is_being_sold_is_not_bought() -> None:
    def leaving(keep: str) -> ExitTask:
        return ExitTask(id="x", leader=LEADER, token_id=TOKEN, reason="stop_loss", keep=D(keep), opened_at_ms=1)

    assert failed(portfolio=a_portfolio(exit=leaving("0"))) == {"not_leaving"}
    assert failed(portfolio=a_portfolio(exit=leaving("3"))) == set()


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_paused_buys_stop_buys_and_a_pause_of_all_stops_both(side: Side) -> None:
    def verdict(paused: str) -> str:
        held = a_portfolio(paused=paused, lot_shares=D(10), lot_cost=D(5))
        return decide_signal(a_case(signal=a_signal(side=side), portfolio=held)).verdict

    assert verdict("buys") == ("SKIP" if side == "BUY" else "SELL")
    assert verdict("all") == "SKIP"


def test_a_trade_too_small_is_gathered_and_the_sum_is_followed_at_its_average_price() -> None:
    limits = some_limits(gather_window_s=600, min_leader_usdc=D(10), max_over_fair_pct=D(20))
    small = a_signal(shares=D(12), usdc=D(6))

    first = decide_signal(a_case(signal=small, limits=limits))
    before = Gathered(usdc=D(6), shares=D(10), since_ms=NOW_MS - 5000)
    second = decide_signal(a_case(signal=small, limits=limits, portfolio=a_portfolio(gathered=before)))

    assert (first.verdict, first.reason) == ("SKIP", "gathered")
    assert first.gathered == Gathered(usdc=D(6), shares=D(12), since_ms=NOW_MS)
    assert second.verdict == "BUY"
    assert second.trade is not None
    assert (second.trade.usdc, second.trade.shares, second.trade.price) == (D(12), D(22), D("0.545455"))
    assert second.order is not None
    assert second.order.limit_price == D("0.56")


def test_a_trade_that_fails_for_more_than_its_size_is_not_gathered() -> None:
    limits = some_limits(gather_window_s=600, min_leader_usdc=D(100))

    assert decide_signal(a_case(limits=limits, market=a_market(closed=True))).gathered is None
    assert decide_signal(a_case(limits=limits, book=a_book(asks=()))).gathered is None
    assert decide_signal(a_case(limits=limits, portfolio=a_portfolio(halted=True))).gathered is None
    assert decide_signal(a_case(limits=some_limits(min_leader_usdc=D(100)))).reason == "leader_trade"


def test_an_order_below_the_minimum_is_gathered_where_it_is_not_raised() -> None:
    limits = some_limits(gather_window_s=600, bump_to_minimum=False, stake_usdc=D(1))

    assert decide_signal(a_case(limits=limits)).reason == "gathered"


def test_what_is_gathered_shrinks_by_what_the_leader_sells() -> None:
    limits = some_limits(gather_window_s=600, min_leader_usdc=D(10))
    held = a_portfolio(gathered=Gathered(usdc=D(6), shares=D(12), since_ms=NOW_MS - 5000))

    part = decide_signal(a_case(signal=a_signal(side="SELL", shares=D(4), usdc=D(2)), limits=limits, portfolio=held))
    all_of_it = decide_signal(
        a_case(signal=a_signal(side="SELL", shares=D(50), usdc=D(2)), limits=limits, portfolio=held)
    )
    without_a_lot = decide_signal(a_case(signal=a_signal(side="SELL"), limits=limits))

    assert (part.reason, part.gathered) == ("lot_held", Gathered(usdc=D(4), shares=D(8), since_ms=NOW_MS - 5000))
    assert all_of_it.gathered == Gathered(usdc=D(0), shares=D(0), since_ms=NOW_MS - 5000)
    assert without_a_lot.gathered is None
