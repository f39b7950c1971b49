"""How large: each mode's figures reckoned by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buyer.strategy.limit_values import tiers_of
from buyer.strategy.limits import HUNDRED_PCT, TradingLimits
from buyer.strategy.policy import decide_signal
from buyer.strategy.sizing import STAKES, StakeBasis, exit_limit, stake_for
from shared.domain.errors import BadConfig
from shared.domain.money import MICRO, Price, Usdc
from shared.messages.decisions import Trade
from tests.amounts import D
from tests.buyer.builders import LEADER, a_case, a_portfolio, a_signal, some_limits, some_settings


def a_wager(
    limits: TradingLimits, *, usdc: str = "200", price: str = "0.5", bankroll: str = "1000", cost: str = "0.5"
) -> StakeBasis:
    return StakeBasis(
        Trade(usdc=D(usdc), shares=D(usdc) * MICRO // D(price), price=D(price)), D(bankroll), lambda: D(cost), limits
    )


@pytest.mark.parametrize(
    ("changes", "usdc", "wanted"),
    [
        ({"sizing": "fixed", "stake_usdc": D(7)}, "200", "7"),
        ({"sizing": "percent", "leader_pct": D(10)}, "200", "20"),
        ({"sizing": "percent", "leader_pct": D("2.5")}, "33.33", "0.83325"),
        ({"sizing": "proportional", "leader_bankroll_usdc": D(50_000)}, "200", "4"),
        ({"sizing": "proportional", "leader_bankroll_usdc": D(3000)}, "10", "3.333333"),
        ({"sizing": "tiered", "tiers": "100:0.5,1000:0.1,*:0.02"}, "100", "50"),
        ({"sizing": "tiered", "tiers": "100:0.5,1000:0.1,*:0.02"}, "100.01", "10.001"),
        ({"sizing": "tiered", "tiers": "100:0.5,1000:0.1,*:0.02"}, "1001", "20.02"),
        ({"sizing": "percent", "leader_pct": D(100), "max_stake_usdc": D(30)}, "200", "30"),
    ],
)
def test_a_stake_is_what_its_mode_says(changes: dict[str, object], usdc: str, wanted: str) -> None:
    assert stake_for(a_wager(some_limits(**changes), usdc=usdc)) == D(wanted)


@pytest.mark.parametrize(
    ("edge", "fraction", "cap", "cost", "wanted"),
    [
        # q = 0.5 x 1.1 = 0.55; f = (0.55 - 0.5) / 0.5 = 0.1; a quarter of it: 2.5% of 1000
        ("10", "25", "50", "0.5", "25"),
        # the same, whole, under a cap of 2%
        ("10", "100", "2", "0.5", "20"),
        # q = 0.55 against a cost of 0.52: 0.03 / 0.48 = 6.25%; a quarter: 1.5625% of 1000
        ("10", "25", "50", "0.52", "15.625"),
        # the edge is eaten by the cost: nothing
        ("10", "25", "50", "0.55", "0"),
        ("0", "25", "50", "0.5", "0"),
        # a cost of certainty, or beyond
        ("100", "25", "50", "1", "0"),
    ],
)
def test_kelly_bets_the_part_that_the_stated_edge_is_worth(
    edge: str, fraction: str, cap: str, cost: str, wanted: str
) -> None:
    limits = some_limits(sizing="kelly", kelly_edge_pct=D(edge), kelly_fraction_pct=D(fraction), kelly_cap_pct=D(cap))

    assert stake_for(a_wager(limits, cost=cost)) == D(wanted)


def test_a_stake_without_an_edge_skips_and_says_so() -> None:
    decision = decide_signal(a_case(limits=some_limits(sizing="kelly", gather_window_s=600)))

    assert decision.reason == "stake"
    assert decision.gathered is None


def test_an_unknown_leaders_bankroll_is_a_rule_that_cannot_be_evaluated() -> None:
    decision = decide_signal(a_case(limits=some_limits(sizing="proportional")))

    failed = {rule.rule: rule.value for rule in decision.rules if not rule.passed}
    assert failed["stake"].startswith("cannot be evaluated: the leader's bankroll is not known")
    assert {"minimum_size", "market_cap", "total_cap"} <= set(failed)


@settings(max_examples=40)
@given(
    mode=st.sampled_from(sorted(STAKES)),
    usdc=st.integers(D("0.01"), D(10**7)).map(Usdc),
    price=st.integers(100, 9900).map(lambda n: Price(n * D("0.0001"))),
    bankroll=st.integers(D(-100), D(10**7)).map(Usdc),
    edge=st.integers(0, 10_000).map(lambda n: n * D("0.01")),
)
def test_no_mode_stakes_less_than_nothing_or_more_than_the_most(
    mode: str, usdc: Usdc, price: Price, bankroll: Usdc, edge: int
) -> None:
    limits = some_limits(sizing=mode, kelly_edge_pct=edge, leader_bankroll_usdc=D(100))
    case = a_case(signal=a_signal(usdc=usdc, price=price), portfolio=a_portfolio(bankroll=bankroll), limits=limits)

    decision = decide_signal(case)

    assert 0 <= case.stake <= limits.max_stake_usdc
    assert decision == decide_signal(case)
    if mode == "kelly":
        assert case.stake * HUNDRED_PCT <= max(0, bankroll * limits.kelly_cap_pct)


@pytest.mark.parametrize("text", ["5", "*:0.1,100:1", "100:1,50:2", "100:x", "0:1", "100:-1", "NaN:1"])
def test_tiers_that_make_no_sense_are_named(text: str) -> None:
    with pytest.raises(ValueError, match="tier"):
        tiers_of(text)


def test_one_leader_has_its_own_limits_and_the_others_everybodys() -> None:
    checksummed = "0x" + LEADER[2:].upper()
    text = f'{{"{checksummed}": {{"stake_usdc": "20", "sides": "sell"}}}}'
    limits = some_settings("--leader-limits", text).limits

    assert (limits.of(LEADER).stake_usdc, limits.of(LEADER).sides) == (D(20), "sell")
    assert limits.of("0x" + "b2" * 20) == limits.with_changes(leader_limits="")
    assert limits.of(LEADER).max_day_usdc == limits.max_day_usdc


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"0x1": {}}', "no wallet"),
        (f'{{"{LEADER}": {{"stake_usdc": "-5"}}}}', "stake_usdc"),
        (f'{{"{LEADER}": {{"max_day_usdc": "5"}}}}', "holds over all leaders"),
        (f'{{"{LEADER}": {{"stakes": "5"}}}}', "is no limit"),
        (f'{{"{LEADER}": {{"leader_pct": 1.5}}}}', "float"),
        (f'{{"{LEADER}": {{"min_price": "0.99"}}}}', "above max_price"),
        (f'{{"{LEADER}": {{"stake_usdc": "60"}}}}', f"{LEADER}: STAKE_USDC=60 is above MAX_MARKET_USDC=50"),
        (f'{{"{LEADER}": {{"sizing": "tiered", "tiers": "100:1"}}}}', f"{LEADER}: TIERS='100:1'"),
        (f'{{"{LEADER}": {{}}, "0x{LEADER[2:].upper()}": {{}}}}', "is there 2 times"),
        (f'{{"{LEADER}": {{"sides": "buy", "sides": "sell"}}}}', "sides is there 2 times"),
        ("{", "no JSON"),
        ("@nowhere.json", "cannot be read"),
    ],
)
def test_a_wrong_limit_of_one_leader_stops_the_start_and_is_named(text: str, says: str) -> None:
    with pytest.raises(BadConfig, match=says):
        some_settings("--leader-limits", text)


@pytest.mark.pitfall(19)
@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--sizing", "tiered", "--tiers", "100:1,1000:0.5"), "TIERS='100:1,1000:0.5'"),
        (("--stake-usdc", "101", "--max-market-usdc", "500", "--max-event-usdc", "500"), "MAX_STAKE_USDC=100"),
        (("--stake-usdc", "51"), "MAX_MARKET_USDC=50"),
        (("--stake-usdc", "11", "--max-event-usdc", "10"), "MAX_EVENT_USDC=10"),
        (("--stake-usdc", "11", "--max-leader-usdc", "10"), "MAX_LEADER_USDC=10"),
        (("--stake-usdc", "11", "--max-day-usdc", "10"), "MAX_DAY_USDC=10"),
        (("--stake-usdc", "11", "--max-total-usdc", "10"), "MAX_TOTAL_USDC=10"),
    ],
)
def test_limits_under_which_no_buy_can_be_stop_the_start_and_are_named(flags: tuple[str, ...], says: str) -> None:
    with pytest.raises(BadConfig, match=says):
        some_settings(*flags)


def test_what_the_sizing_does_not_ask_contradicts_nothing() -> None:
    assert some_settings("--tiers", "100:1").limits.tiers == "100:1"
    assert some_settings("--sizing", "percent", "--stake-usdc", "90").limits.stake_usdc == D(90)


def test_an_exit_takes_so_many_percent_less_than_the_best_bid_on_the_grid() -> None:
    assert exit_limit(D("0.5"), D("0.01"), D(10)) == D("0.45")
    assert exit_limit(D("0.51"), D("0.01"), D(10)) == D("0.46")
    assert exit_limit(D("0.01"), D("0.01"), D(10)) == D("0.01")
