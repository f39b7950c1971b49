"""Books kept by what the market channel tells: what sets them, what speaks against them, what heals them."""

import itertools
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.book_tape import captured
from buyer.books import Books
from buyer.live_book import Trust
from shared.market import Book
from shared.polymarket.market_channel import Changes, Ended, Snapshot, TickMoved, Unreadable, read_frame, read_snapshot
from tests.buyer.builders import NOW_MS, TOKEN
from tests.buyer.channel import a_frame, raw_book, raw_change, raw_changes, raw_levels, raw_tick

D = Decimal
TRUST = Trust()
OTHER = "987"


class Shelf:
    """One token's book, told by frames and checked by answers; `now_ms` is moved by hand."""

    def __init__(self, *messages: Any) -> None:
        self.counts: Counter[str] = Counter()
        self.books = Books(TRUST, lambda what: self.counts.update([what]))
        self.books.want(TOKEN, NOW_MS)
        self.now_ms = NOW_MS
        self.tell(*messages)

    def tell(self, *messages: Any) -> None:
        for message in read_frame(a_frame(*messages)):
            self.books.apply(message, self.now_ms)

    def check(self, **changes: Any) -> str:
        return self.books.check(read_snapshot(raw_book(**changes)), self.now_ms)

    def book(self) -> Book:
        found, against = self.books.read(TOKEN, self.now_ms)
        assert found is not None, against
        return found

    @property
    def against(self) -> str:
        return self.books.read(TOKEN, self.now_ms)[1]


def test_trap_16_a_snapshot_is_read_best_first_whatever_order_it_came_in() -> None:
    book = Shelf(raw_book(bids=(("0.49", "1"), ("0.48", "2")), asks=(("0.51", "3"), ("0.52", "4")))).book()
    turned = Shelf(raw_book(bids=(("0.48", "2"), ("0.49", "1")), asks=(("0.52", "4"), ("0.51", "3")))).book()

    assert book == turned
    assert (book.best_bid, book.best_ask, book.tick, book.source) == (D("0.49"), D("0.51"), D("0.01"), "socket")
    assert (book.at_ms, book.changed_at_ms) == (NOW_MS, NOW_MS)


def test_a_change_is_the_levels_new_total_and_0_removes_it() -> None:
    shelf = Shelf(raw_book(), raw_changes(raw_change("0.49", "7"), raw_change("0.51", "0", "SELL"), at_ms=NOW_MS + 5))

    book = shelf.book()

    assert (book.bids[0].shares, book.best_ask, book.changed_at_ms) == (D(7), D("0.52"), NOW_MS + 5)


def test_a_change_before_any_snapshot_makes_no_book() -> None:
    assert Shelf(raw_changes(raw_change("0.49", "7"))).against == "cold"


def test_a_change_from_before_the_snapshot_is_in_it_already() -> None:
    shelf = Shelf(raw_book(), raw_changes(raw_change("0.49", "7"), at_ms=NOW_MS - 1))

    assert shelf.book().bids[0].shares == D(100)


def test_both_sides_can_be_empty_and_the_venue_agrees_by_saying_0_and_1() -> None:
    shelf = Shelf(raw_book(bids=(("0.4", "1"),), asks=()))

    shelf.tell(raw_changes(raw_change("0.4", "0", best_bid="0", best_ask="1")))

    assert (shelf.book().bids, shelf.book().asks) == ((), ())


def test_trap_16_a_crossed_book_is_not_read() -> None:
    assert Shelf(raw_book(bids=(("0.6", "1"),), asks=(("0.5", "1"),))).against == "crossed"


def test_a_book_whose_best_prices_differ_from_the_venues_own_is_not_read_until_it_is_set_right() -> None:
    shelf = Shelf(raw_book(), raw_changes(raw_change("0.48", "7", best_bid="0.5", best_ask="0.51"), at_ms=NOW_MS + 1))
    assert shelf.against == "best_price_differs"

    shelf.now_ms += TRUST.settle_ms
    healed = shelf.check(bids=(("0.5", "9"),), timestamp=str(NOW_MS + 2))

    assert healed == "replaced"
    assert shelf.book().best_bid == D("0.5")
    assert shelf.counts["doubt_best_price_differs"] == 1


def test_an_answer_right_after_a_doubt_may_be_from_before_it_and_heals_nothing() -> None:
    shelf = Shelf(raw_book(), raw_changes({"asset_id": TOKEN}))
    shelf.now_ms += TRUST.settle_ms - 1

    assert (shelf.check(), shelf.against) == ("older", "unreadable")


def test_a_message_that_cannot_be_read_casts_doubt_on_the_tokens_it_names_only() -> None:
    shelf = Shelf()
    shelf.books.want(OTHER, NOW_MS)
    shelf.tell(raw_book(), raw_book(asset_id=OTHER), raw_changes(raw_change("much", "7")))

    assert shelf.against == "unreadable"
    assert shelf.books.read(OTHER, NOW_MS)[0] is not None


def test_trap_17_a_tick_that_moves_moves_with_the_book_and_an_earlier_answer_does_not_move_it_back() -> None:
    shelf = Shelf(raw_book())
    shelf.now_ms += 100
    shelf.tell(raw_tick("0.001", at_ms=NOW_MS + 90))

    before = shelf.books.check(read_snapshot(raw_book()), NOW_MS + 50)

    assert (before, shelf.book().tick) == ("same", D("0.001"))


def test_a_book_without_a_tick_is_read_only_when_rest_told_it() -> None:
    shelf = Shelf(raw_book(tick_size=""))
    assert shelf.against == "no_tick"

    shelf.check()

    assert shelf.book().tick == D("0.01")


def test_trap_16_a_quiet_book_grows_old_unless_rest_vouches_for_it() -> None:
    shelf = Shelf(raw_book())
    shelf.now_ms += TRUST.check_after_ms
    assert shelf.books.due(shelf.now_ms, 10) == [TOKEN]
    assert (shelf.check(), shelf.book().at_ms) == ("same", shelf.now_ms)

    shelf.now_ms += TRUST.read_for_ms + 1

    assert shelf.against == "old"


def test_trap_14_a_clock_that_is_set_back_makes_no_book_look_fresh_and_stops_no_check() -> None:
    shelf = Shelf(raw_book())
    shelf.now_ms -= 3_600_000

    assert shelf.against == "old"
    assert shelf.books.due(shelf.now_ms, 10) == [TOKEN]
    shelf.books.asked([TOKEN], shelf.now_ms)
    shelf.books.check(read_snapshot(raw_book(timestamp=str(NOW_MS))), shelf.now_ms + 3_600_000)
    shelf.now_ms += 3_600_000
    assert shelf.book().at_ms == shelf.now_ms


def test_trap_14_a_time_far_in_the_future_is_no_time_and_does_not_make_what_follows_look_old() -> None:
    shelf = Shelf(raw_book(), raw_changes(raw_change("0.49", "1"), at_ms=NOW_MS + 10**9))
    assert shelf.against == "time"

    shelf.now_ms += TRUST.settle_ms

    assert (shelf.check(timestamp=str(NOW_MS + 10**9)), shelf.check()) == ("older", "same")
    assert shelf.book().bids[0].shares == D(100)


def test_a_check_that_fails_does_not_keep_the_others_waiting() -> None:
    shelf = Shelf(raw_book())
    assert shelf.books.due(NOW_MS, 1) == [TOKEN]

    shelf.books.asked([TOKEN], NOW_MS)

    assert shelf.books.due(NOW_MS + 1, 1) == []


def test_trap_10_a_socket_that_does_not_bring_what_rest_has_is_found_out() -> None:
    shelf = Shelf(raw_book())
    later = {"bids": (("0.4", "1"),), "timestamp": str(NOW_MS + 500)}

    shelf.now_ms += 1000
    first, unread = shelf.check(**later), shelf.against
    shelf.now_ms += TRUST.grace_ms

    assert (first, unread, shelf.check(**later)) == ("ahead", "behind", "withheld")


def test_a_socket_that_was_only_a_little_behind_is_read_again_when_it_caught_up() -> None:
    shelf = Shelf(raw_book())
    assert shelf.check(bids=(("0.49", "7"),), timestamp=str(NOW_MS + 5)) == "ahead"

    shelf.tell(raw_changes(raw_change("0.49", "7"), raw_change("0.48", "0"), at_ms=NOW_MS + 5))

    assert shelf.book().bids[0].shares == D(7)


def test_trap_10_messages_that_come_late_vouch_for_nothing() -> None:
    shelf = Shelf(raw_book())
    shelf.now_ms += TRUST.read_for_ms + 1

    shelf.tell(raw_changes(raw_change("0.49", "7"), at_ms=shelf.now_ms - TRUST.late_ms - 1))

    assert shelf.against == "old"


def test_trap_8_an_answer_from_a_cache_neither_vouches_nor_replaces() -> None:
    shelf = Shelf(raw_book(), raw_changes(raw_change("0.49", "7"), at_ms=NOW_MS + 5000))

    assert shelf.check() == "older"
    assert shelf.book().bids[0].shares == D(7)


def test_two_books_of_one_moment_that_differ_are_doubted_first_and_replaced_when_it_is_quiet() -> None:
    shelf = Shelf(raw_book())
    other = {"bids": (("0.4", "1"),)}

    assert (shelf.check(**other), shelf.against) == ("differs", "differs")
    shelf.now_ms += TRUST.settle_ms

    assert (shelf.check(**other), shelf.book().best_bid) == ("replaced", D("0.4"))


def test_one_state_that_differs_in_its_levels_is_doubted_whatever_its_time_says() -> None:
    shelf = Shelf(raw_book(hash="h1"))

    assert shelf.check(bids=(("0.4", "1"),), hash="h1", timestamp=str(NOW_MS - 500)) == "differs"


def test_after_a_gap_only_a_pushed_snapshot_makes_a_book_trusted_again() -> None:
    shelf = Shelf(raw_book())
    shelf.books.unanchor([TOKEN], NOW_MS)

    assert (shelf.against, shelf.check(), shelf.against) == ("cold", "cold", "cold")
    shelf.tell(raw_changes(raw_change("0.49", "7")))
    assert shelf.against == "cold"
    shelf.tell(raw_book())
    assert shelf.book().best_bid == D("0.49")


def test_a_resolved_market_has_no_book() -> None:
    shelf = Shelf(raw_book(), {"event_type": "market_resolved", "assets_ids": [TOKEN], "timestamp": "1"})

    assert shelf.against == "cold"


def test_a_subscription_without_a_snapshot_is_named_once_in_a_while() -> None:
    shelf = Shelf()

    assert shelf.books.cold(NOW_MS + TRUST.cold_ms) == [TOKEN]
    assert shelf.books.cold(NOW_MS + TRUST.cold_ms + 1) == []


PRICES = st.integers(1, 99).map(lambda cents: f"0.{cents:02d}")
SIDES = st.dictionaries(PRICES, st.integers(1, 9).map(str), max_size=5)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("book"), SIDES, SIDES),
        st.tuples(st.just("change"), PRICES, st.integers(0, 9).map(str), st.sampled_from(["BUY", "SELL"])),
    ),
    max_size=15,
)


@given(STEPS, st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_any_sequence_of_snapshots_and_changes_equals_the_book_rebuilt_from_scratch(
    steps: list[tuple[Any, ...]], shuffle: Any
) -> None:
    shelf = Shelf(raw_book((), ()))
    rebuilt: dict[str, dict[Decimal, Decimal]] = {"BUY": {}, "SELL": {}}

    for step in steps:
        if step[0] == "book":
            pairs = [list(side.items()) for side in step[1:]]
            for side in pairs:
                shuffle.shuffle(side)
            shelf.tell(raw_book(*(tuple(side) for side in pairs)))
            rebuilt = {"BUY": _side(step[1]), "SELL": _side(step[2])}
        else:
            shelf.tell(raw_changes(raw_change(*step[1:])))
            rebuilt[step[3]][D(step[1])] = D(step[2])

    live = shelf.books._books[TOKEN]
    assert live.bids == {price: shares for price, shares in rebuilt["BUY"].items() if shares}
    assert live.asks == {price: shares for price, shares in rebuilt["SELL"].items() if shares}
    assert [level.price for level in live.book().bids] == sorted(live.bids, reverse=True)
    assert [level.price for level in live.book().asks] == sorted(live.asks)


def _side(pairs: dict[str, str]) -> dict[Decimal, Decimal]:
    return {D(price): D(shares) for price, shares in pairs.items()}


_PLAIN: list[Any] = [None, True, 0, -1, 1.5, "", "x", "NaN", "Infinity", "1e999999", "0", "1", "0.5", "٣", [], [0], {}]
_ROWS: list[Any] = [
    [None],
    ["x"],
    [{}],
    [{"price": "0.5"}],
    [{"price": "2", "size": "1"}],
    [{"price": "0.3", "size": "5"}],
]
_CHANGES: list[Any] = [
    [raw_change("0.5", "-1")],
    [raw_change("0.5", "NaN")],
    [raw_change("0.5", "1"), {"asset_id": OTHER}],
]
NASTY = [*_PLAIN, *_ROWS, *_CHANGES]
WHOLE = [raw_book(), raw_changes(raw_change("0.4", "1")), raw_tick("0.1"), raw_change("0.4", "1")]
FIELDS = [*raw_book(), "price_changes", "new_tick_size", "assets_ids"]


def _spoilt(whole: dict[str, Any], field: str, value: Any) -> dict[str, Any]:
    return {**whole, field: value}


SPOILT = st.builds(_spoilt, st.sampled_from(WHOLE), st.sampled_from(FIELDS), st.sampled_from(NASTY))


@given(st.text(max_size=20) | SPOILT.map(json.dumps) | st.lists(SPOILT, max_size=3).map(json.dumps))
@settings(max_examples=60)
def test_trap_13_nothing_that_is_sent_stops_the_feed_or_makes_a_price_nobody_can_trade_at(frame: str) -> None:
    if frame.startswith("INVALID"):
        return
    shelf = Shelf(raw_book())

    messages = read_frame(frame)
    for message in messages:
        shelf.books.apply(message, NOW_MS)

    live = shelf.books._books[TOKEN]
    assert all(0 < price < 1 and shares > 0 for side in (live.bids, live.asks) for price, shares in side.items())
    assert shelf.counts["unreadable"] == sum(isinstance(message, Unreadable) for message in messages)


@pytest.fixture(scope="module")
def tape(real_data: Path) -> list[dict[str, Any]]:
    """Give a game's channel, rebuilt into the messages it was flattened from."""
    return list(captured(real_data))


@pytest.mark.real_data
def test_a_real_games_two_books_mirror_each_other_after_every_moment(tape: list[dict[str, Any]]) -> None:
    """The capture states no best prices, but each book of a market is the judge of the other.

    Three times the venue told the two tokens of one change a millisecond apart; the next message always evens it out.
    """
    books = Books(TRUST)
    tokens = sorted({row["asset_id"] for row in tape if row["event_type"] == "book"})
    for token in tokens:
        books.want(token, 0)
    uneven: list[bool] = []

    for stamp, group in itertools.groupby(tape, key=lambda row: int(row["timestamp"])):
        for message in read_frame(a_frame(*group)):
            books.apply(message, stamp)
        one, two = (books._books[token] for token in tokens)
        uneven.append((_mirrored(one.bids), _mirrored(one.asks)) != (two.asks, two.bids))

    assert (len(uneven), sum(uneven)) == (3945, 3)
    assert not any(now and then for now, then in itertools.pairwise(uneven))


def _mirrored(levels: dict[Decimal, Decimal]) -> dict[Decimal, Decimal]:
    return {1 - price: shares for price, shares in levels.items()}


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ws_market_book_msg", Snapshot),
        ("ws_market_price_change_msg", Changes),
        ("ws_market_tick_size_msg", TickMoved),
        ("ws_market_resolved_msg", Ended),
    ],
)
def test_the_venues_own_examples_are_read(real_data: Path, name: str, kind: type) -> None:
    (message,) = read_frame((real_data / "venue" / f"{name}.json").read_text(encoding="utf-8"))

    assert isinstance(message, kind)


@pytest.mark.real_data
def test_books_whose_best_prices_the_venue_states_are_not_doubted(real_data: Path) -> None:
    quotes = json.loads((real_data / "venue" / "ws_quotes.json").read_text(encoding="utf-8"))
    token = quotes["price_changes"][0]["asset_id"]
    stamp = quotes["timestamp"]
    counts: Counter[str] = Counter()
    books = Books(TRUST, lambda what: counts.update([what]))
    books.want(token, 0)
    first = raw_book(asset_id=token, timestamp="1", bids=(("0.5", "1"),), asks=(("0.52", "1"),))

    for message in read_frame(a_frame(first, {"event_type": "price_change", **quotes})):
        books.apply(message, int(stamp))

    assert books._books[token].best_bid == D("0.51")
    assert counts == Counter()


def test_levels_that_no_book_can_have_are_unreadable() -> None:
    for pairs in ((("0", "1"),), (("1", "1"),), (("0.5", "-1"),)):
        (message,) = read_frame(a_frame(raw_book(asks=()) | {"asks": raw_levels(pairs)}))
        assert isinstance(message, Unreadable)
