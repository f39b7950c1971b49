"""Live books over real sockets: no request while decisions are made, and every way the channel fails."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import cast

import pytest
from msgspec.structs import replace

from buyer.domain.order_book import BookTrust
from buyer.execution.decision_writer import BuyerIdentity
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.market_data.book_cache import BookCache
from buyer.market_data.book_recorder import BookRecorder
from buyer.market_data.price_feed import MarketPriceFeed
from buyer.venue.paper import PaperVenue
from shared.clock import SystemClock
from shared.domain.ledger_write import FencingToken
from shared.domain.market import Book
from shared.http.client import Upstream
from shared.ledger.memory_ledger import MemoryLedger
from shared.messages.base import BOOKS, fact_id
from shared.messages.decisions import BuyEngineDecision
from shared.polymarket.clob import fetch_book
from shared.polymarket.market_facts import MarketCache
from shared.redis.side_stream import SideStream
from shared.websocket import open_socket
from simulator import Settings, Simulator, serve
from tests.amounts import D
from tests.buyer.builders import LEADER, a_signal, some_limits
from tests.waiting import PATIENCE_S
from tests.watched_server import Watched

pytestmark = pytest.mark.simulator

TRUST = BookTrust(read_for_ms=1500, check_after_ms=300, check_every_ms=600, grace_ms=300, settle_ms=100)


class Rig:
    """A price feed on a quiet venue whose books move when a test moves them."""

    def __init__(self, sim: Simulator, tokens_each: int = 3) -> None:
        self.sim, self.clock, self.stop = sim, SystemClock(), threading.Event()
        clob = self.upstream("clob", "clob_url")
        self.live = BookCache(
            partial(open_socket, "market_channel", sim.urls["clob_ws_url"]),
            clob,
            clock=self.clock,
            stop=self.stop,
            random=lambda: 0.2,
            most=100,
            trust=TRUST,
            tokens_each=tokens_each,
        )
        self.clob = clob
        markets = MarketCache(self.upstream("gamma", "gamma_url"), clock=self.clock, stop=self.stop)
        self.prices = MarketPriceFeed(markets, clob, clock=self.clock, live=self.live)
        self.tokens = [token for market in sim.markets for token in market.tokens]
        self.token = self.tokens[0]

    def upstream(self, name: str, url: str) -> Upstream:
        return Upstream(name, self.sim.urls[url], [], clock=self.clock, stop=self.stop)

    def until(self, true: Callable[[], object], seconds: float = PATIENCE_S) -> None:
        ends = self.clock.monotonic() + seconds
        while not true():
            assert self.clock.monotonic() < ends, self.live.snapshot()
            self.stop.wait(0.01)

    def warm(self) -> None:
        self.prices.warm(self.tokens)
        self.until(lambda: all(self.prices.book_at_hand(token) for token in self.tokens))

    def asked(self, route: str) -> int:
        """Return how often a route of the CLOB was asked, by the venue's own log."""
        requests = self.sim.call(lambda: self.sim._app.control._requests.after(0, "clob"))
        return sum(request.route.endswith(route) for request in requests)

    def trade(self, token: str) -> None:
        """Let somebody take one share at the best price."""
        best = fetch_book(self.clob, token, self.clock).best_ask
        leader = self.sim.leaders[0].address
        self.sim.fill(leader=leader, token=token, side="BUY", shares="1", price=str(best))

    def is_truth(self) -> bool:
        ours, theirs = self.prices.book_at_hand(self.token), fetch_book(self.clob, self.token, self.clock)
        return ours is not None and (ours.bids, ours.asks, ours.tick) == (theirs.bids, theirs.asks, theirs.tick)


@pytest.fixture
def rig() -> Iterator[Rig]:
    quiet = Settings(fills_per_minute=0.0, leaders=2, markets=4, resolve_after_s=86_400.0, limits=False)
    with serve(quiet) as sim:
        sim.call(lambda: setattr(sim.world, "paused", True))
        found = Rig(sim)
        try:
            yield found
        finally:
            found.stop.set()


def an_engine(rig: Rig, told: list[BuyEngineDecision]) -> BuyExecutor:
    limits = some_limits(min_price=D(0), max_price=D(1))
    return BuyExecutor(
        journal=Journal(MemoryLedger({"cash": 1_000_000_000}), lambda: FencingToken("lease", "1")),
        prices=rig.prices,
        venue=PaperVenue(rig.prices, clock=rig.clock, stop=rig.stop),
        clock=rig.clock,
        limits=limits,
        identity=BuyerIdentity("paper", limits.id, "test"),
        emit=told.append,
    )


def test_a_warm_market_costs_no_request_while_decisions_are_made(rig: Rig) -> None:
    rig.warm()
    rig.until(lambda: all(rig.prices._markets.get(token) for token in rig.tokens))
    told: list[BuyEngineDecision] = []
    engine = an_engine(rig, told)
    before = rig.asked("/book")

    for number, token in enumerate(rig.tokens):
        best = cast("Book", rig.prices.book_at_hand(token)).best_ask
        now_ms = rig.clock.now_ms()
        signal = a_signal(token_id=token, price=best, traded_at_ms=now_ms - 100, seen_at_ms=now_ms)
        engine.process_actionable(replace(signal, id=fact_id("signal", number), leader=LEADER))

    assert rig.asked("/book") == before == 0
    assert len(told) == len(rig.tokens) == 8
    assert {decision.inputs.book.source for decision in told if decision.inputs.book} == {"socket"}
    assert any(decision.outcome and decision.outcome.state == "MATCHED" for decision in told)
    seen = rig.prices.snapshot()
    assert (seen["books_warm"] >= 8, seen.get("books_fetched", 0), seen["live"]["sockets_up"]) == (True, 0, 3)
    assert seen["live"]["age_p99_ms"] < TRUST.read_for_ms


def test_recording_books_speaks_to_the_server_on_threads_of_its_own_and_changes_no_decision(rig: Rig) -> None:
    rig.warm()
    rig.until(lambda: all(rig.prices._markets.get(token) for token in rig.tokens))
    redis, told = Watched(), list[BuyEngineDecision]()
    side = SideStream(redis, BOOKS, clock=rig.clock, stop=rig.stop)
    redis.free.clear()  # a server that hangs
    BookRecorder(rig.live, side, rig.clock, "buyer-0@here:1", every_s=0.01).start(rig.stop)
    rig.until(lambda: redis.threads)
    engine, now_ms = an_engine(rig, told), rig.clock.now_ms()

    for number, token in enumerate(rig.tokens):
        best = cast("Book", rig.prices.book_at_hand(token)).best_ask
        signal = a_signal(token_id=token, price=best, traded_at_ms=now_ms - 100, seen_at_ms=now_ms)
        engine.process_actionable(replace(signal, id=fact_id("signal", number), leader=LEADER))

    assert len(told) == len(rig.tokens)
    assert {decision.inputs.book.source for decision in told if decision.inputs.book} == {"socket"}
    assert threading.get_ident() not in redis.threads
    redis.free.set()
    rig.until(lambda: side.written >= len(rig.tokens))


@pytest.mark.pitfall(17)
def test_books_and_ticks_follow_the_venue(rig: Rig) -> None:
    rig.warm()

    rig.trade(rig.token)
    rig.until(rig.is_truth)
    rig.sim.change_tick(rig.sim.markets[0].condition_id, "0.001")
    rig.until(rig.is_truth)

    assert cast("Book", rig.prices.book_at_hand(rig.token)).tick == D("0.001")


@pytest.mark.pitfall(10)
def test_a_mute_socket_is_found_out_and_rest_answers_meanwhile(rig: Rig) -> None:
    rig.warm()
    fault = rig.sim.fault("mute_socket", "ws")

    rig.trade(rig.token)
    rig.until(lambda: "check_withheld" in rig.live.snapshot())
    book, problem = rig.prices.book(rig.token)

    assert (problem, book and book.source) == ("", "rest")
    rig.sim.heal(fault)
    rig.until(rig.is_truth)


def test_a_dropped_connection_is_a_gap_until_a_new_snapshot(rig: Rig) -> None:
    rig.warm()
    fault = rig.sim.fault("close_socket", "ws")
    rig.until(lambda: rig.prices.book_at_hand(rig.token) is None)

    rig.trade(rig.token)
    rig.sim.heal(fault)

    rig.until(rig.is_truth)
    assert rig.live.snapshot()["sockets_opened"] > 3


def test_a_late_socket_is_not_believed(rig: Rig) -> None:
    rig.warm()
    rig.sim.fault("late_socket", "ws", params={"seconds": 60})

    rig.trade(rig.token)

    rig.until(lambda: "check_withheld" in rig.live.snapshot())
    assert rig.prices.book_at_hand(rig.token) is None


@pytest.mark.pitfall(16)
def test_rest_that_is_stuck_in_a_cache_is_not_believed_against_the_channel(rig: Rig) -> None:
    rig.warm()
    rig.sim.fault("stuck_cache", "clob", route="/book")
    fetch_book(rig.clob, rig.token, rig.clock)
    rig.stop.wait(1.2)
    rig.sim.call(lambda: rig.sim._app.traders.set_book(rig.token, [["0.2", "9"]], [["0.9", "9"]]))
    rig.until(lambda: (book := rig.prices.book_at_hand(rig.token)) and book.best_ask == D("0.9"))
    rig.sim.fault("close_socket", "ws")
    rig.until(lambda: rig.prices.book_at_hand(rig.token) is None)
    told: list[BuyEngineDecision] = []
    now_ms = rig.clock.now_ms()

    an_engine(rig, told).process_actionable(a_signal(token_id=rig.token, traded_at_ms=now_ms, seen_at_ms=now_ms))

    (decision,) = told
    assert (decision.verdict, decision.reason) == ("SKIP", "inputs_known")
    assert "older than what the market channel told" in decision.inputs.problems[0]


def test_a_resolved_market_is_no_longer_at_hand(rig: Rig) -> None:
    rig.warm()

    rig.sim.resolve(rig.sim.markets[0].condition_id, (1, 0))

    rig.until(lambda: rig.prices.book_at_hand(rig.token) is None)
    assert rig.prices.book(rig.token)[0] is None


def test_only_so_many_tokens_are_kept_and_the_longest_unwanted_leave(rig: Rig) -> None:
    rig.live._most = 4
    rig.prices.warm(rig.tokens[:4])
    rig.prices.warm(rig.tokens)

    rig.until(lambda: all(rig.prices.book_at_hand(token) for token in rig.tokens[4:]))
    assert [rig.live.read(token)[1] for token in rig.tokens[:4]] == ["unknown"] * 4
    seen = rig.live.snapshot()
    assert (seen["tokens"], seen["sockets_up"], len(rig.live._books)) == (4, 2, 4)


@pytest.mark.pitfall(56)
def test_a_book_that_a_cache_repeats_and_says_so_grows_old(rig: Rig) -> None:
    rig.sim.fault("stuck_cache", "clob", route="/book", params={"age": True})
    first = fetch_book(rig.clob, rig.token, rig.clock)

    rig.stop.wait(1.2)
    again = fetch_book(rig.clob, rig.token, rig.clock)

    assert (again.bids, again.asks) == (first.bids, first.asks)
    assert rig.clock.now_ms() - again.at_ms >= 1000
