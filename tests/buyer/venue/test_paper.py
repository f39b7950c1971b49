"""The paper venue: what the real one would refuse, it refuses; what it fills, it fills from the book of that moment."""

import threading
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backtest.simulation.run_models import RunModels
from buyer.domain.book_matching import outcome_of
from buyer.strategy.policy import decide_signal
from buyer.venue.paper import PaperVenue
from buyer.venue.paper_liquidity import TakenLiquidity
from buyer.venue.shadow import ShadowedVenue
from shared.clock import ManualClock
from shared.domain.errors import Unavailable
from shared.domain.money import MICRO
from shared.ledger.gated_commit import GateTurns
from shared.messages.decisions import Order, Outcome
from shared.rate_limit.gate import RateGate
from tests.amounts import D
from tests.buyer.builders import NOW_MS, TOKEN, a_book, a_case, a_market, some_settings
from tests.buyer.fakes import FakePrices, FakeVenue


def an_order() -> Order:
    order = decide_signal(a_case()).order
    assert order is not None
    return order


def placed(prices: FakePrices, latency_s: float = 0.0) -> tuple[Outcome, ManualClock]:
    clock = ManualClock(NOW_MS)
    venue = PaperVenue(prices, clock=clock, stop=threading.Event(), latency_s=latency_s)
    return venue.place(an_order(), a_market()), clock


def test_an_order_is_filled_level_by_level_with_fees() -> None:
    outcome, _ = placed(FakePrices(book=a_book(asks=(("0.5", "4"), ("0.51", "100")))))

    assert (outcome.state, outcome.shares, outcome.usdc) == ("MATCHED", D("9.61"), D("4.8611"))
    assert outcome.fee == D("0.05") + D("0.07009")


def test_a_thin_book_fills_partly_and_kills_the_rest() -> None:
    outcome, _ = placed(FakePrices(book=a_book(asks=(("0.5", "4"), ("0.6", "100")))))

    assert (outcome.shares, outcome.reason) == (D(4), "partly filled, the rest killed")
    assert outcome.book is not None
    assert [level.price for level in outcome.book.asks] == [D("0.5")]  # all that the outcome depends on
    assert outcome.book.bids == ()


def test_a_book_that_moved_away_fills_nothing() -> None:
    outcome, _ = placed(FakePrices(book=a_book(asks=(("0.6", "100"),))))

    assert (outcome.state, outcome.reason) == ("REJECTED", "no orders found to match")


def test_a_market_that_lost_its_book_fills_nothing_and_says_why() -> None:
    prices = FakePrices()
    prices.next_book = None

    outcome, _ = placed(prices)

    assert outcome.state == "REJECTED"
    assert outcome.reason.startswith("no book: ")


@pytest.mark.pitfall(17)
def test_a_tick_that_changed_between_decision_and_order_is_refused_as_the_venue_does() -> None:
    outcome, _ = placed(FakePrices(book=a_book(tick=D("0.1"))))

    assert outcome.state == "REJECTED"
    assert "minimum tick size" in outcome.reason


def test_unless_told_otherwise_a_paper_order_is_on_its_way_as_long_as_a_backtests() -> None:
    assert round(some_settings().paper_latency_s * 1000) == RunModels().order_ms > 0


def test_a_paper_order_waits_its_latency_before_it_meets_the_book() -> None:
    _, clock = placed(FakePrices(), latency_s=0.25)

    assert clock.now_ms() == NOW_MS + 250


def test_a_crossed_book_fills_nothing_and_keeps_what_shows_it() -> None:
    crossed = a_book(bids=(("0.6", "5"), ("0.59", "5")), asks=(("0.5", "5"), ("0.51", "5")))

    outcome, _ = placed(FakePrices(book=crossed))
    again, _ = placed(FakePrices(book=outcome.book))

    assert (outcome.state, again) == ("REJECTED", outcome)


def test_s5_a_stop_while_an_order_is_on_its_way_leaves_it_for_the_next_start() -> None:
    prices, stop = FakePrices(), threading.Event()
    stop.set()
    venue = PaperVenue(prices, clock=ManualClock(NOW_MS), stop=stop, latency_s=0.25)

    with pytest.raises(Unavailable, match="next start"):
        venue.place(an_order(), a_market(), "")

    assert prices.asked == 0


def test_a_live_outcome_carries_what_paper_makes_of_the_book_from_before_it() -> None:
    thin = a_book(asks=(("0.5", "4"),))
    live = FakeVenue()

    outcome = ShadowedVenue(live, lambda _: thin).place(an_order(), a_market(), "")

    assert outcome.paper is not None
    assert (outcome.shares, outcome.paper.shares, outcome.paper.book_at_ms) == (D("9.61"), D(4), thin.at_ms)
    assert len(live.placed) == 1


def test_the_book_for_paper_is_looked_at_while_the_intent_is_written_and_once() -> None:
    looked: list[str] = []
    turns = GateTurns(cast("RateGate", None), threading.Event())
    venue = ShadowedVenue(FakeVenue(), lambda token: (looked.append(token), a_book())[1], turns)

    prepared = venue.prepare(an_order(), a_market(), NOW_MS)
    before = list(looked)
    turns.meanwhile()
    outcome = venue.place(an_order(), a_market(), prepared)
    again = venue.place(replace(an_order(), id="9" * 64), a_market(), prepared)

    assert before == []
    assert looked == [TOKEN, TOKEN]
    assert outcome.paper is not None
    assert again.paper is not None


def test_without_a_book_at_hand_a_live_outcome_stands_alone() -> None:
    assert ShadowedVenue(FakeVenue(), lambda _: None).place(an_order(), a_market(), "").paper is None


class Counter:
    """A paper venue that remembers, with a book to change and orders of any size."""

    def __init__(self, *asks: tuple[str, str]) -> None:
        self.prices = FakePrices(book=a_book(asks=asks))
        self.venue = PaperVenue(self.prices, clock=ManualClock(NOW_MS), stop=threading.Event(), taken=TakenLiquidity())

    def take(self, name: str, shares: str, **changes: Any) -> int:
        """Return how many whole shares an order gets."""
        wish = {"id": name, "shares": D(shares), "budget": D(1000), "limit_price": D("0.6"), **changes}
        return self.venue.place(replace(an_order(), **wish), a_market(fee_rate=D(0))).shares // MICRO

    def show(self, *asks: tuple[str, str], **changes: Any) -> None:
        self.prices.next_book = a_book(asks=asks, **changes)


def test_two_orders_never_get_the_same_shares_of_a_level_that_did_not_change() -> None:
    counter = Counter(("0.5", "10"), ("0.51", "5"))

    assert [counter.take(name, "7") for name in ("a", "b", "c")] == [7, 7, 1]
    counter.show(("0.5", "10"), ("0.51", "5"), at_ms=NOW_MS)
    assert counter.take("d", "7") == 0


def test_a_level_whose_size_changed_is_a_new_one_and_the_others_stay_taken() -> None:
    counter = Counter(("0.5", "10"), ("0.51", "5"))
    counter.take("a", "12")

    counter.show(("0.5", "4"), ("0.51", "5"))

    assert counter.take("b", "20") == 7


def test_a_level_that_left_and_came_back_is_a_new_one() -> None:
    counter = Counter(("0.5", "10"))
    counter.take("a", "10")
    counter.show(("0.52", "1"))
    assert counter.take("b", "20") == 1

    counter.show(("0.5", "10"))

    assert counter.take("c", "20") == 10


def test_an_order_placed_again_after_a_crash_gets_what_it_got() -> None:
    counter = Counter(("0.5", "10"))
    counter.take("before", "4")

    assert [counter.take("a", "5"), counter.take("a", "5"), counter.take("b", "5")] == [5, 5, 1]


def test_what_is_bought_leaves_the_bids_and_other_tokens_alone() -> None:
    counter = Counter(("0.5", "10"))
    counter.take("a", "10")

    assert counter.take("b", "100", side="SELL", limit_price=D("0.48")) == 100
    assert counter.take("c", "10", token_id="other") == 10


def test_a_crossed_book_stays_crossed_whatever_was_taken_of_it() -> None:
    counter = Counter(("0.5", "10"))
    counter.take("a", "10")
    counter.show(("0.5", "10"), ("0.55", "10"), bids=(("0.52", "10"),))

    assert counter.take("b", "10") == 0


def test_the_outcome_holds_the_book_that_was_left_so_a_replay_finds_the_same() -> None:
    counter = Counter(("0.5", "10"))
    counter.take("a", "4")
    order = replace(an_order(), id="b")

    outcome = counter.venue.place(order, a_market())

    assert outcome.book is not None
    assert [level.shares for level in outcome.book.asks] == [D(6)]
    assert outcome_of(order, outcome.book, a_market()) == outcome


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 30)), max_size=12))
def test_all_orders_together_take_no_more_than_the_book_holds(wishes: list[tuple[str, int]]) -> None:
    counter = Counter(("0.5", "10"), ("0.51", "5"), ("0.6", "20"))

    got = {name: counter.take(name, str(shares)) for name, shares in dict(wishes).items()}

    assert sum(got.values()) == min(35, sum(dict(wishes).values()))
