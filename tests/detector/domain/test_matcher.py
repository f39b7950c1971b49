"""The matcher: every fill in exactly one signal; supplements, confirmations, bounded memory."""

import tracemalloc

import pytest

from detector.domain.fill_view import FillView
from detector.domain.matcher import Matcher
from detector.domain.signal_builder import build_signal, draft_dedup_key
from tests.amounts import D
from tests.detector.builders import LEADER, NOW_MS, OTHER, TOKEN, TX, a_fill, a_view, tx
from tests.detector.domain.fact_server import Server


def test_the_first_sighting_makes_the_signal_with_all_its_fills() -> None:
    view = a_view(a_fill(100, 50), a_fill(200, 90))

    (draft,) = Matcher().match_view(view).drafts

    assert (draft.part, draft.expected, draft.value) == (0, "", f"1|data_api@{NOW_MS + 5000}=100:50,200:90")
    assert [piece.amount for piece in draft.pieces] == [(100, 50), (200, 90)]


@pytest.mark.pitfall(1)
def test_several_fills_of_one_transaction_are_one_signal_for_each_token_and_side() -> None:
    fills = [a_fill(100 + n) for n in range(10)] + [a_fill(7, token_id="99"), a_fill(8, side="SELL")]

    drafts = Matcher().match_view(a_view(*fills)).drafts

    assert sorted(len(draft.pieces) for draft in drafts) == [1, 1, 10]


@pytest.mark.pitfall(2)
def test_a_fill_of_the_same_second_that_is_indexed_late_is_a_signal_of_its_own() -> None:
    server, matcher = Server(), Matcher()

    server.publish(matcher, [a_view(a_fill(100, tx_hash=tx(1)))])
    server.publish(matcher, [a_view(a_fill(100, tx_hash=tx(1)), a_fill(200, tx_hash=tx(2)))])

    assert [draft.key.tx_hash for draft in server.out] == [tx(1), tx(2)]


@pytest.mark.pitfall(4)
def test_rows_that_two_pages_share_count_once() -> None:
    server, matcher = Server(), Matcher()

    server.publish(matcher, [a_view(a_fill(100), a_fill(200)), a_view(a_fill(200), a_fill(300))])

    assert server.total()[0] == 600


@pytest.mark.pitfall(6)
def test_two_tracked_wallets_in_one_transaction_are_two_signals() -> None:
    drafts = Matcher().match_view(a_view(a_fill(), a_fill(leader=OTHER))).drafts

    assert {draft.key.leader for draft in drafts} == {LEADER, OTHER}


@pytest.mark.pitfall(7)
def test_identical_rows_in_one_view_are_two_fills() -> None:
    server, matcher = Server(), Matcher()

    server.publish(matcher, [a_view(a_fill(249), a_fill(249))] * 3)

    assert server.total()[0] == 498
    assert len(server.out) == 1


def test_a_larger_total_makes_a_supplement_of_the_difference_only() -> None:
    server, matcher = Server(), Matcher()

    server.publish(matcher, [a_view(a_fill(100, 50))])
    server.publish(matcher, [a_view(a_fill(100, 50), a_fill(70, 30), source="chain_logs")])

    supplement = server.out[1]
    assert (supplement.part, supplement.source) == (1, "chain_logs")
    assert [piece.amount for piece in supplement.pieces] == [(70, 30)]


def test_a_supplement_whose_fills_cannot_be_told_apart_is_one_fill_of_the_difference() -> None:
    server, matcher = Server(), Matcher()

    server.publish(matcher, [a_view(a_fill(1000, 500))])
    server.publish(matcher, [a_view(a_fill(600, 300), a_fill(900, 450), source="chain_logs")])

    assert [piece.amount for piece in server.out[1].pieces] == [(500, 250)]


def test_an_equal_or_smaller_total_brings_only_provenance() -> None:
    matcher = Matcher()
    first = matcher.match_view(a_view(a_fill(100), a_fill(200), source="chain_logs"))
    matcher.mark_published(first.drafts[0])

    look = matcher.match_view(a_view(a_fill(100), seen_at_ms=NOW_MS + 7000))

    assert look.drafts == ()
    assert [(sight.lag_ms, sight.later) for sight in look.sights] == [(7000, True)]


def test_a_rounding_of_one_micro_unit_a_fill_is_no_supplement() -> None:
    server, matcher = Server(), Matcher()

    server.publish(matcher, [a_view(a_fill(1000, 500), a_fill(2000, 900))])
    server.publish(matcher, [a_view(a_fill(1001, 500), a_fill(2001, 901), source="chain_logs")])

    assert len(server.out) == 1


def test_the_same_fills_with_the_fee_inside_the_shares_are_no_supplement() -> None:
    server, matcher = Server(), Matcher()

    server.publish(matcher, [a_view(a_fill(40_547_980, 12_300_000))])
    server.publish(matcher, [a_view(a_fill(41_000_000, 12_300_000), source="chain_logs")])

    assert len(server.out) == 1


def test_what_an_earlier_life_published_is_not_published_again() -> None:
    server = Server()
    server.publish(Matcher(), [a_view(a_fill(100), a_fill(200))])

    server.publish(Matcher(), [a_view(a_fill(100)), a_view(a_fill(200))])

    assert len(server.out) == 1


def test_what_an_earlier_life_missed_is_a_supplement() -> None:
    server = Server()
    server.publish(Matcher(), [a_view(a_fill(100))])

    server.publish(Matcher(), [a_view(a_fill(100), a_fill(200))])

    assert [(draft.part, draft.pieces[0].shares) for draft in server.out] == [(0, 100), (1, 200)]


@pytest.mark.pitfall(31)
def test_a_server_that_was_emptied_does_not_make_this_process_repeat_itself() -> None:
    server, matcher = Server(), Matcher()
    server.publish(matcher, [a_view(a_fill(100))])
    server.facts.clear()

    server.publish(matcher, [a_view(a_fill(100), a_fill(200))])

    assert [piece.shares for draft in server.out for piece in draft.pieces] == [100, 200]


def test_an_expired_fact_counts_as_published_for_good() -> None:
    matcher = Matcher()
    (draft,) = matcher.match_view(a_view(a_fill(100))).drafts

    matcher.mark_expired(draft)

    assert matcher.match_view(a_view(a_fill(100), a_fill(200))).drafts == ()


def test_a_stored_value_that_we_did_not_write_closes_the_key() -> None:
    matcher = Matcher()
    (draft,) = matcher.match_view(a_view(a_fill(100))).drafts

    assert matcher.adopt_record(draft, "nonsense") is None


def test_s4_state_is_dropped_600_s_after_the_last_sight_whatever_the_run_time() -> None:
    matcher = Matcher()
    matcher.match_view(a_view(a_fill(100)))

    matcher.match_view(a_view(a_fill(1, tx_hash=tx(2)), seen_at_ms=NOW_MS + 5000 + 600_001))

    assert len(matcher) == 1


def test_s4_keys_are_bounded_oldest_first_and_no_signal_repeats() -> None:
    server, matcher = Server(), Matcher(most=3)
    views = [a_view(a_fill(100, tx_hash=tx(number))) for number in range(1, 6)]

    server.publish(matcher, views)
    server.publish(matcher, views)

    assert len(matcher) == 3
    assert len(server.out) == 5


def test_a_signal_says_who_saw_it_when_and_its_id_names_the_fact() -> None:
    (draft,) = Matcher().match_view(a_view(a_fill(3_000_000, 1_000_000), seen_at_ms=NOW_MS + 4200)).drafts

    signal = build_signal(draft, NOW_MS + 4300)

    again = build_signal(draft, NOW_MS + 9999)
    assert signal.id == again.id
    assert (signal.shares, signal.usdc, signal.price) == (D(3), D(1), D("0.333333"))
    assert [(by.source, by.lag_ms) for by in signal.seen_by] == [("data_api", 4200)]
    assert draft_dedup_key(draft).startswith(f"{LEADER}:")


@pytest.mark.parametrize(("late_s", "catch_up"), [(4, False), (60, False), (61, True), (86_400, True)])
def test_a_signal_of_a_fill_shown_over_a_minute_late_says_that_it_is_catch_up_and_who_the_leader_is(
    late_s: int, *, catch_up: bool
) -> None:
    (draft,) = Matcher().match_view(a_view(a_fill(), seen_at_ms=NOW_MS + late_s * 1000)).drafts

    signal = build_signal(draft, NOW_MS + late_s * 1000, label="whale")

    assert (signal.catch_up, signal.leader_label) == (catch_up, "whale")


@pytest.mark.slow
def test_s4_what_three_sources_tell_of_a_key_takes_less_than_a_kilobyte() -> None:
    matcher, count = Matcher(), 1000
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()

    for number in range(count):
        for place, source in enumerate(("rtds", "chain_logs", "data_api")):
            index = 700 + number if source == "chain_logs" else None
            fill = a_fill(9_000_000 + number, 4_000_000 + number, tx_hash=tx(number), log_index=index)
            for draft in matcher.match_view(FillView(source, NOW_MS + 10 * number + place, (fill,))).drafts:
                matcher.mark_published(draft)
        matcher.drain_confirmations()
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()

    assert len(matcher) == count
    assert taken / len(matcher) < 1024


def test_the_constants_are_those_of_one_trade() -> None:
    assert (a_fill().tx_hash, a_fill().token_id) == (TX, TOKEN)
