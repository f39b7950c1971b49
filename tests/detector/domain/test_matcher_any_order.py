"""The matcher under any order, duplication and split over sources: the same total, once."""

from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from detector.domain.matcher import Matcher
from detector.domain.signal_builder import build_signal
from shared.polymarket.wire.leader_fills import LeaderFill
from tests.detector.builders import NOW_MS, a_fill, a_view, tx
from tests.detector.domain.fact_server import Server


def some_fill(amount: tuple[int, int], number: int, side: str) -> LeaderFill:
    return a_fill(*amount, tx_hash=tx(number), side=side)


AMOUNTS = st.tuples(st.integers(1, 5).map(lambda n: n * 1000), st.integers(1, 3).map(lambda n: n * 500))


FILLS = st.lists(
    st.builds(
        some_fill,
        AMOUNTS,
        st.integers(1, 4),
        st.sampled_from(["BUY", "SELL"]),
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.slow
@settings(max_examples=70, deadline=None)
@given(fills=FILLS, data=st.data())
def test_any_order_duplication_and_splitting_over_sources_and_restarts_signals_the_same_total_once(
    fills: list[LeaderFill], data: st.DataObject
) -> None:
    server, matcher = Server(), Matcher()

    for _ in range(data.draw(st.integers(0, 8), label="partial looks")):
        part = data.draw(st.lists(st.sampled_from(range(len(fills))), unique=True), label="rows")
        source = data.draw(st.sampled_from(["data_api", "chain_logs", "subgraph"]), label="source")
        if data.draw(st.booleans(), label="restarted before"):
            matcher = Matcher()
        server.publish(matcher, [a_view(*(fills[place] for place in part), source=source)])
    shuffled = data.draw(st.permutations(fills), label="whole")
    server.publish(matcher, [a_view(*shuffled, source=data.draw(st.sampled_from(["data_api", "chain_logs"])))])

    assert _signalled(server) == _traded(fills)
    ids = [build_signal(draft, NOW_MS).id for draft in server.out]
    assert len(ids) == len(set(ids))


@settings(max_examples=30, deadline=None)
@given(fills=FILLS, cut=st.integers(0, 12))
@example(fills=[some_fill(amount, 4, "BUY") for amount in ((2000, 500), (2000, 500), (1000, 500), (4000, 1500))], cut=2)
def test_two_detectors_that_see_different_halves_first_signal_the_total_once(fills: list[LeaderFill], cut: int) -> None:
    server, one, two = Server(), Matcher(), Matcher()

    server.publish(one, [a_view(*fills[:cut])])
    server.publish(two, [a_view(*fills[cut:], source="chain_logs")])
    for matcher in (one, two, one):
        server.publish(matcher, [a_view(*fills)])

    assert _signalled(server) == _traded(fills)


def _signalled(server: Server) -> Counter[tuple[str, str, str]]:
    total: Counter[tuple[str, str, str]] = Counter()
    for draft in server.out:
        total[draft.key.tx_hash, draft.key.side, "shares"] += sum(piece.shares for piece in draft.pieces)
        total[draft.key.tx_hash, draft.key.side, "usdc"] += sum(piece.usdc for piece in draft.pieces)
    return total


def _traded(fills: list[LeaderFill]) -> Counter[tuple[str, str, str]]:
    total: Counter[tuple[str, str, str]] = Counter()
    for fill in fills:
        total[fill.tx_hash, fill.side, "shares"] += fill.shares_micro
        total[fill.tx_hash, fill.side, "usdc"] += fill.usdc_micro
    return total
