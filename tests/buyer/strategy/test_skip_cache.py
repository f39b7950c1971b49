"""What rules answered before may stand for what they would answer now, only while what they look at is the same."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buyer.strategy.decision_context import UNKNOWN, DecisionContext
from buyer.strategy.limits import TradingLimits
from buyer.strategy.policy import decide_signal
from buyer.strategy.rule_table import LOOKS_AT, RULES, Look
from buyer.strategy.skip_cache import MOST, SkipCache, _remembered, at_once
from shared.domain.leader_trade import LeaderTrade
from shared.domain.money import MICRO
from shared.messages.decisions import ExitTask
from shared.messages.signals import MarketHint
from tests.amounts import D
from tests.buyer.builders import (
    CONDITION,
    LEADER,
    NOW_MS,
    TOKEN,
    a_book,
    a_case,
    a_market,
    a_portfolio,
    a_signal,
    some_limits,
)

LEAVING = ExitTask(id="e", leader=LEADER, token_id=TOKEN, reason="leader_sold", keep=D(0), opened_at_ms=1)
ASKED = some_limits(
    min_to_end_s=60,
    min_depth_usdc=D(30),
    only_keywords=("will",),
    not_categories=("sport",),
    not_markets=("0x" + "c1" * 32,),
    role="any",
)
"""Limits under which every rule asks something."""

amounts = st.sampled_from([D(0), D(1), D(4), D(20), D(49), D(1000)])
prices = st.sampled_from([D("0.03"), D("0.5"), D("0.52"), D("0.523"), D("0.97"), D(1)])
facts = st.fixed_dictionaries(
    {
        "tick": st.sampled_from([D("0.01"), D("0.001"), D("0.3")]),
        "min_shares": st.sampled_from([D(5), D(100)]),
        "fee_rate": st.sampled_from([D(0), D("0.07")]),
        "closed": st.booleans(),
        "event_id": st.sampled_from(["77", ""]),
        "neg_risk": st.booleans(),
        "title": st.sampled_from(["Will it?", "Rain"]),
        "category": st.sampled_from(["sport", "crypto"]),
        "condition_id": st.sampled_from([CONDITION, "0x" + "c1" * 32]),
        "ends_at_ms": st.sampled_from([NOW_MS + 10_000, NOW_MS + 1_000_000]),
    }
)
books = st.fixed_dictionaries(
    {
        "bids": st.sampled_from([(), (("0.49", "100"),), (("0.6", "9"),)]),
        "asks": st.sampled_from([(), (("0.5", "100"),), (("0.52", "7"), ("0.53", "900")), (("0.04", "3"),)]),
        "at_ms": st.sampled_from([NOW_MS, NOW_MS - 5000, NOW_MS - 60_000]),
        "token_id": st.sampled_from([TOKEN, "5"]),
        "tick": st.sampled_from([None, D("0.01")]),
    }
)
signals = st.fixed_dictionaries(
    {
        "price": prices,
        "usdc": amounts,
        "part": st.sampled_from([0, 0, 0, 1]),
        "token_id": st.sampled_from([TOKEN, "5"]),
        "traded_at_ms": st.sampled_from([NOW_MS - 2000, NOW_MS - 90_000, NOW_MS + 60_000]),
        "market": st.sampled_from([MarketHint(), MarketHint(condition_id=CONDITION)]),
    }
)
balances = st.fixed_dictionaries(
    {
        "cash": amounts,
        "spent_today": amounts,
        "market_exposure": amounts,
        "leader_exposure": amounts,
        "total_exposure": amounts,
        "event_exposure": amounts,
        "group_exposure": amounts,
        "bankroll": amounts,
        "halted": st.booleans(),
        "paused": st.sampled_from(["", "buys", "all"]),
        "realized_today": amounts.map(lambda amount: -amount),
        "leader_peak": amounts,
        "orders_sent": st.sampled_from([0, 1000]),
        "minute": st.sampled_from([NOW_MS // 60_000]),
        "exit": st.sampled_from([None, LEAVING]),
    }
)
times = st.fixed_dictionaries({"over": st.booleans(), "minutes": st.integers(1, 3)})
"""When it is decided: in the minute of the last order, or so many minutes later."""
drawn = st.fixed_dictionaries({"facts": facts, "book": books, "signal": signals, "balances": balances, "now": times})
Drawn = dict[str, dict[str, Any]]
SAME: dict[Look, dict[str, tuple[str, ...]]] = {
    "nothing": {},
    "market": {"facts": ("*",)},
    "token": {"facts": ("condition_id",), "book": ("token_id",), "signal": ("token_id", "market")},
    "price": {"facts": ("tick", "min_shares", "fee_rate"), "book": ("bids", "asks", "tick"), "signal": ("price",)},
    "balances": {"balances": ("*",), "signal": ("part",)},
    "age": {"book": ("at_ms",), "signal": ("traded_at_ms",), "now": ("*",)},
    "usdc": {"signal": ("usdc",)},
    "minute": {"balances": ("*",), "now": ("over",)},
    "trade": {"facts": ("*",), "signal": ("*",), "balances": ("*",), "now": ("*",)},
}
SAME["size"] = SAME["price"]
SAME["budget"] = {**SAME["price"], "facts": ("*",), "balances": ("*",)}


def built(given: Drawn, limits: TradingLimits = ASKED) -> DecisionContext:
    return a_case(
        market=a_market(**given["facts"]),
        book=a_book(**given["book"]),
        signal=a_signal(**given["signal"]),
        portfolio=a_portfolio(**given["balances"]),
        limits=limits,
        now_ms=now_of(given),
    )


def now_of(given: Drawn) -> int:
    return NOW_MS + 60_000 * given["now"]["over"] * given["now"]["minutes"]


def with_same(look: Look, given: Drawn, other: Drawn) -> Drawn:
    """Return `other` with all that a rule of this kind looks at taken from `given`."""
    mixed = {part: dict(values) for part, values in other.items()}
    for part, names in SAME[look].items():
        mixed[part].update((name, given[part][name]) for name in (given[part] if names == ("*",) else names))
    return mixed


def answers(case: DecisionContext, names: Iterable[str]) -> dict[str, bool]:
    """Return which of these rules pass."""
    return {name: passed(name, case) for name in names}


def passed(name: str, case: DecisionContext) -> bool:
    try:
        return RULES["BUY"][name](case)[0]
    except UNKNOWN:
        return False


@given(given=drawn, other=drawn)
def test_a_rule_answers_the_same_while_what_it_says_it_looks_at_is_the_same(given: Drawn, other: Drawn) -> None:
    case = built(given)
    for look in SAME:
        names = [name for name in RULES["BUY"] if LOOKS_AT[name] == look]

        mixed = built(with_same(look, given, other))

        assert answers(mixed, names) == answers(case, names)


@pytest.mark.slow
@given(given=drawn)
def test_an_amount_between_two_that_are_answered_alike_is_answered_as_they_are(given: Drawn) -> None:
    """Caps ask for no more than an amount, a least trade for enough: so a few answers tell those between."""

    def first_of(look: Look, micro: int) -> str | None:
        case = built({**given, "signal": {**given["signal"], "usdc": micro}} if look == "usdc" else given)
        vars(case)["budget"] = micro
        names = [name for name in RULES["BUY"] if LOOKS_AT[name] == look]
        return next((name for name, passes in answers(case, names).items() if not passes), None)

    for look in ("usdc", "budget"):
        answers_in_turn = [name for name, _ in groupby(first_of(look, MICRO * unit) for unit in range(0, 101, 3))]

        assert len(answers_in_turn) == len(set(answers_in_turn))


@pytest.mark.slow
@given(histories=st.lists(drawn, min_size=2, max_size=5), limits=st.sampled_from([ASKED, some_limits()]))
def test_whatever_was_asked_before_the_reason_is_that_of_a_whole_decision(
    histories: list[Drawn], limits: TradingLimits
) -> None:
    reasons = SkipCache()
    for one in histories:
        case = built(one, limits)

        failed = reasons.failed(case)

        whole = decide_signal(case)
        assert (failed[0] if failed else "all rules passed") == whole.reason


@given(first=drawn, later=st.lists(signals, min_size=1, max_size=4))
def test_what_is_known_at_once_of_a_lot_is_what_a_whole_decision_says(
    first: Drawn, later: list[dict[str, Any]]
) -> None:
    reasons, case = SkipCache(), built(first)
    reasons.failed(case)
    standing, book = reasons.last, case.book
    for changes in later:
        signal = a_signal(**{**changes, "token_id": case.signal.token_id})
        trade = LeaderTrade.of(signal)
        again = a_case(
            market=case.market, book=book, signal=signal, portfolio=case.portfolio, limits=ASKED, now_ms=case.now_ms
        )

        known = (
            at_once(standing, trade, (book.bids, book.asks, book.tick, book.at_ms), case.now_ms)
            if standing and book
            else ""
        )

        assert known in ("", decide_signal(again).reason)
        reasons.failed(again)


def test_most_skips_of_a_lot_are_known_at_once_when_one_was_asked_about() -> None:
    reasons = SkipCache()
    case = a_case(portfolio=a_portfolio(spent_today=D(1000)))
    assert reasons.failed(case) == ["day_cap"]
    assert reasons.last is not None
    assert case.book is not None

    book = case.book
    levels = (book.bids, book.asks, book.tick, book.at_ms)
    other, small = LeaderTrade.of(a_signal(tx_hash="0x" + "5b" * 32)), LeaderTrade.of(a_signal(usdc=D("0.5")))
    part = LeaderTrade.of(a_signal(part=1))

    assert at_once(reasons.last, other, levels, case.now_ms) == "day_cap"
    assert at_once(reasons.last, small, levels, case.now_ms) == "leader_trade"
    assert at_once(reasons.last, part, levels, case.now_ms) == ""


def test_a_rule_that_says_nothing_of_what_it_looks_at_is_asked_each_time() -> None:
    assert set(RULES["BUY"]) == {name for name in LOOKS_AT if name in RULES["BUY"]}
    assert LOOKS_AT.get("a rule of tomorrow", "all") == "all"


@pytest.mark.pitfall(30)
def test_answers_are_kept_up_to_a_number() -> None:
    kept = dict[int, int]()

    for number in range(MOST + 5):
        assert _remembered(kept, number, number) == number

    assert len(kept) <= MOST
    assert kept[MOST + 4] == MOST + 4
