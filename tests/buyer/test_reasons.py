"""What is kept of rules' answers: each rule looks at what it declares and at nothing else."""

import contextlib
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from buyer.case import UNKNOWN, Case
from buyer.policy import decide
from buyer.reasons import SOON_KNOWN, Reasons
from buyer.rules import LOOKS_AT, RULES
from buyer.sizing import STAKES
from shared.events import HeldLot
from tests.buyer.builders import NOW_MS, a_book, a_case, a_market, a_portfolio, a_signal, some_limits

D = Decimal
ALWAYS = {"signal.side", "signal.cause", "portfolio.gathered"}
"""The side has rules of its own; merges and what was gathered are never answered by what was kept."""
TERMS = {"market.tick", "market.min_shares", "market.fee_rate", "market.fee_exponent"}
LEVELS = {f"book.{name}" for name in ("bids", "asks", "best_bid", "best_ask", "crossed", "against", "tick")}
PRICE = TERMS | LEVELS | {"signal.price"}
NAMES = {"market.token_id", "market.condition_id", "market.outcome_index", "book.token_id", "signal.token_id"}
AGES = {"now_ms", "signal.traded_at_ms", "book.at_ms"}
MAY_TOUCH: dict[str, tuple[set[str], tuple[str, ...]]] = {
    "nothing": (set(), ()),
    "market": (set(), ("market.",)),
    "token": (NAMES | {"signal.market"}, ()),
    "price": (PRICE, ()),
    "size": (PRICE | {"signal.usdc", "signal.shares", "portfolio.bankroll"}, ()),
    "balances": ({"signal.part"}, ("portfolio.",)),
    "age": (AGES, ()),
    "budget": (set(), ("portfolio.", "market.")),
    "trade": ({"now_ms"}, ("portfolio.", "market.", "signal.")),
}
"""By what a rule declares: what it may touch, and of what it may touch anything."""


class Watched:
    """Stands for a part of a case and notes what is read of it."""

    def __init__(self, part: object, name: str, touched: set[str]) -> None:
        self._part, self._name, self._touched = part, name, touched

    def __getattr__(self, field: str) -> object:
        self._touched.add(f"{self._name}.{field}")
        return getattr(self._part, field)


class WatchedCase(Case):
    """A case that notes when its moment is read."""

    def __getattribute__(self, field: str) -> Any:
        if field == "now_ms":
            vars(self)["touched"].add(field)
        return super().__getattribute__(field)


def touched_by(name: str, case: Case) -> set[str]:
    """Return what a rule reads of a case; what the order may cost is known beforehand, as a budget's rules have it."""
    touched: set[str] = set()
    parts: dict[str, Any] = {
        part: Watched(getattr(case, part), part, touched) for part in ("signal", "market", "book", "portfolio")
    }
    watched = WatchedCase(**parts, limits=case.limits, now_ms=case.now_ms, problems=case.problems)
    vars(watched)["touched"] = touched
    if LOOKS_AT.get(name) == "budget":
        vars(watched)["budget"] = D(5)
    with contextlib.suppress(*UNKNOWN):
        RULES[case.side][name](watched)
    return touched


def undeclared(name: str, case: Case) -> set[str]:
    """Return what a rule reads beyond what it declares."""
    fields, whole = MAY_TOUCH[LOOKS_AT[name]]
    return {field for field in touched_by(name, case) - ALWAYS - fields if not field.startswith(whole or ("-",))}


SIGNALS = st.builds(
    a_signal,
    side=st.sampled_from(["BUY", "BUY", "SELL"]),
    price=st.sampled_from([D("0.5"), D("0.47"), D("0.01"), D("0.99"), D(0)]),
    usdc=st.sampled_from([D(1), D(50), D(900)]),
    part=st.sampled_from([0, 1]),
    traded_at_ms=st.sampled_from([NOW_MS - 10_000, NOW_MS - 10**6, NOW_MS + 10**6]),
)
MARKETS = st.builds(
    a_market,
    closed=st.booleans(),
    neg_risk=st.booleans(),
    event_id=st.sampled_from(["77", ""]),
    tick=st.sampled_from([D("0.01"), D("0.001"), D("0.07")]),
    min_shares=st.sampled_from([D(5), D(400)]),
    ends_at_ms=st.sampled_from([None, NOW_MS + 50_000]),
)
BOOKS = st.builds(
    a_book,
    asks=st.sampled_from([(("0.5", "100"),), (("0.9", "1"),), ()]),
    bids=st.sampled_from([(("0.49", "100"),), (("0.95", "5"),), ()]),
    at_ms=st.sampled_from([NOW_MS - 500, NOW_MS - 10**6]),
)
BALANCES = st.builds(
    a_portfolio,
    halted=st.booleans(),
    paused=st.sampled_from(["", "buys", "all"]),
    cash=st.sampled_from([D(0), D(1000)]),
    market_exposure=st.sampled_from([D(0), D(49)]),
    spent_today=st.sampled_from([D(0), D(10**6)]),
    lot_shares=st.sampled_from([D(0), D(7)]),
    lot=st.sampled_from([None, HeldLot(opened_at_ms=1, event_id="77")]),
    orders_sent=st.sampled_from([0, 10**6]),
)
LIMITS = st.sampled_from(
    [
        *(some_limits(sizing=mode, min_leader_usdc=D(20)) for mode in sorted(STAKES)),
        some_limits(role="maker", sides="buy", min_to_end_s=60, min_depth_usdc=D(10)),
        some_limits(only_markets=("will-it",), only_categories=("sports",), not_keywords=("will",)),
    ]
)
CASES = st.builds(a_case, signal=SIGNALS, market=MARKETS, book=BOOKS, portfolio=BALANCES, limits=LIMITS)


@settings(max_examples=200)
@given(case=CASES)
def test_a_rule_looks_at_nothing_that_it_does_not_declare(case: Case) -> None:
    kept = RULES["BUY"] if case.side == "BUY" else SOON_KNOWN

    beyond = {name: undeclared(name, case) for name in kept if name in LOOKS_AT}

    assert not any(beyond.values()), beyond


def test_the_watched_case_notes_what_a_rule_reads() -> None:
    seen = {name for name in LOOKS_AT if name in RULES["BUY"] and touched_by(name, a_case()) - ALWAYS}

    assert touched_by("leader_trade", a_case()) - ALWAYS == {"signal.usdc"}
    assert touched_by("signal_fresh", a_case()) - ALWAYS == {"now_ms", "signal.traded_at_ms"}
    assert {"slippage", "minimum_size", "day_cap", "order_rate", "market_open", "right_token"} <= seen


@settings(max_examples=60)
@given(
    signals=st.lists(SIGNALS, min_size=1, max_size=3),
    markets=st.lists(MARKETS, min_size=1, max_size=2),
    books=st.lists(BOOKS, min_size=1, max_size=2),
    balances=st.lists(BALANCES, min_size=1, max_size=2),
    limits=LIMITS,
)
def test_what_was_kept_of_other_cases_changes_no_verdict(
    signals: list[Any], markets: list[Any], books: list[Any], balances: list[Any], limits: Any
) -> None:
    kept = Reasons()
    cases = [
        a_case(signal=signal, market=market, book=book, portfolio=held, limits=limits)
        for signal in signals
        for market in markets
        for book in books
        for held in balances
    ]

    for case in cases:
        assert decide(case, kept).reason == decide(case).reason
