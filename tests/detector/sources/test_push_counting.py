"""Equal rows of a push feed: each counts once, and the exact sources bring the rest."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.domain.fill_view import FillView
from detector.domain.matcher import Matcher
from detector.domain.source_port import Batch
from detector.sources.push_buffer import PushBuffer
from detector.sources.push_connection import PushTimeouts
from shared.clock import ManualClock
from tests.detector.builders import NOW_MS, a_fill, a_view, tx
from tests.detector.push import Rig, a_frame


def signalled(matcher: Matcher, *views: FillView) -> list[int]:
    """Return the shares of the fills that these views bring out."""
    shares: list[int] = []
    for view in views:
        for draft in matcher.match_view(view).drafts:
            shares += [piece.shares for piece in draft.pieces]
            matcher.mark_published(draft)
    return shares


@pytest.mark.pitfall(14)
def test_an_estimated_time_yields_to_the_blocks_own_and_never_to_another_estimate() -> None:
    matcher = Matcher()
    matcher.match_view(FillView("rtds", NOW_MS, (a_fill(traded_at_ms=NOW_MS + 1000, exact_time=False),)))
    matcher.match_view(a_view(a_fill()))

    matcher.match_view(FillView("rtds", NOW_MS, (a_fill(traded_at_ms=NOW_MS + 1000, exact_time=False),)))
    (draft,) = matcher.match_view(a_view(a_fill(), a_fill(7))).drafts

    assert draft.traded_at_ms == NOW_MS


@pytest.mark.pitfall(7)
def test_equal_rows_count_once_since_a_second_fill_looks_like_a_message_sent_twice() -> None:
    rig = Rig()

    rig.hear(a_frame(), a_frame())

    batch = rig.taken()
    assert [len(view.fills) for view in batch.views] == [1]
    assert batch.rows == 2


@pytest.mark.pitfall(7)
def test_the_second_of_two_equal_fills_is_left_to_a_source_that_can_count_and_becomes_a_supplement() -> None:
    rig, matcher = Rig(), Matcher()
    rig.hear(a_frame(), a_frame())

    found = signalled(matcher, *rig.taken().views)
    found += signalled(matcher, a_view(a_fill(), a_fill(), source="chain_logs"))
    rig.hear(a_frame(), a_frame())
    found += signalled(matcher, *rig.taken().views)

    assert found == [100_000_000, 100_000_000]


@pytest.mark.pitfall(7)
def test_rows_that_come_one_by_one_are_each_signalled_once() -> None:
    rig, matcher, found = Rig(), Matcher(), list[int]()

    def take() -> None:
        found.extend(signalled(matcher, *rig.taken().views))

    rig.hear(a_frame(), take, a_frame(size=9), take, a_frame(), take, a_frame(size=7), take)

    assert found == [100_000_000, 9_000_000, 7_000_000]


@pytest.mark.pitfall(1)
def test_rows_of_one_transaction_that_come_together_leave_together() -> None:
    rig = Rig()

    rig.hear(a_frame(), a_frame(size=7), a_frame(asset="77"), a_frame(side="SELL"), a_frame(transactionHash=tx(2)))

    assert [len(view.fills) for view in rig.taken().views] == [4, 1]


@pytest.mark.pitfall(11)
@pytest.mark.parametrize("quiet", [0, 15, 4000])
def test_rows_told_again_on_the_same_connection_are_counted_once_however_late(quiet: int) -> None:
    rig = Rig(PushTimeouts(mute_s=10_000))

    rig.hear(a_frame(), *[None] * quiet, a_frame())

    assert signalled(Matcher(), *rig.taken().views) == [100_000_000]


ROW = st.tuples(st.integers(1, 2), st.integers(1, 2))


@pytest.mark.pitfall(7)
@settings(max_examples=40, deadline=None)
@given(pushed=st.lists(st.lists(ROW, max_size=8), min_size=1, max_size=3), logs=st.lists(ROW, max_size=6))
def test_however_often_rows_are_pushed_push_alone_counts_each_once_and_the_chain_brings_the_rest(
    pushed: list[list[tuple[int, int]]], logs: list[tuple[int, int]]
) -> None:
    """Each list of `pushed` is taken from the inbox at once; the chain then shows all that was really traded."""
    matcher, out, inbox = Matcher(), Counter[tuple[str, int]](), PushBuffer("rtds", ManualClock(NOW_MS))

    def see(view: FillView) -> None:
        for draft in matcher.match_view(view).drafts:
            out.update((draft.key.tx_hash, piece.shares) for piece in draft.pieces)
            matcher.mark_published(draft)

    for rows in pushed:
        for number, shares in rows:
            inbox.put(a_fill(shares * 1000, shares, tx_hash=tx(number)), NOW_MS)
        for view in (inbox.next_batch(0) or Batch("rtds", ())).views:
            see(view)
    told = {(tx(number), shares * 1000) for rows in pushed for number, shares in rows}
    assert out == Counter(told)

    traded = Counter((tx(number), shares * 1000) for number, shares in logs) | Counter(told)
    see(a_view(*[a_fill(n, n // 1000, tx_hash=h) for h, n in traded.elements()], source="chain_logs"))
    assert out == traded
