"""Books kept by what the market channel tells: what sets them, what speaks against them, what heals them."""

import pytest

from shared.polymarket.wire.market_channel import read_snapshot
from tests.amounts import D
from tests.buyer.builders import NOW_MS, TOKEN
from tests.buyer.market_data.book_fixture import TRUST, Shelf
from tests.buyer.market_data.channel_fakes import raw_book, raw_change, raw_changes, raw_tick

OTHER = "987"


@pytest.mark.pitfall(16)
def test_a_snapshot_is_read_best_first_whatever_order_it_came_in() -> None:
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


@pytest.mark.pitfall(16)
def test_a_crossed_book_is_not_read() -> None:
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


@pytest.mark.pitfall(17)
def test_a_tick_that_moves_moves_with_the_book_and_an_earlier_answer_does_not_move_it_back() -> None:
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


@pytest.mark.pitfall(16)
def test_a_quiet_book_grows_old_unless_rest_vouches_for_it() -> None:
    shelf = Shelf(raw_book())
    shelf.now_ms += TRUST.check_after_ms
    assert shelf.books.due(shelf.now_ms, 10) == [TOKEN]
    assert (shelf.check(), shelf.book().at_ms) == ("same", shelf.now_ms)

    shelf.now_ms += TRUST.read_for_ms + 1

    assert shelf.against == "old"


@pytest.mark.pitfall(14)
@pytest.mark.pitfall(54)
def test_a_clock_that_is_set_back_makes_no_book_look_fresh_and_stops_no_check() -> None:
    shelf = Shelf(raw_book())
    shelf.now_ms -= 3_600_000

    assert shelf.against == "old"
    assert shelf.books.due(shelf.now_ms, 10) == [TOKEN]
    shelf.books.asked([TOKEN], shelf.now_ms)
    shelf.books.check(read_snapshot(raw_book(timestamp=str(NOW_MS))), shelf.now_ms + 3_600_000)
    shelf.now_ms += 3_600_000
    assert shelf.book().at_ms == shelf.now_ms


@pytest.mark.pitfall(14)
def test_a_time_far_in_the_future_is_no_time_and_does_not_make_what_follows_look_old() -> None:
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


@pytest.mark.pitfall(10)
def test_a_socket_that_does_not_bring_what_rest_has_is_found_out() -> None:
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


@pytest.mark.pitfall(10)
def test_messages_that_come_late_vouch_for_nothing() -> None:
    shelf = Shelf(raw_book())
    shelf.now_ms += TRUST.read_for_ms + 1

    shelf.tell(raw_changes(raw_change("0.49", "7"), at_ms=shelf.now_ms - TRUST.late_ms - 1))

    assert shelf.against == "old"


@pytest.mark.pitfall(8)
@pytest.mark.pitfall(56)
def test_an_answer_from_a_cache_neither_vouches_nor_replaces() -> None:
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
