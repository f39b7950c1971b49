"""Live books under any sequence: made-up ones, spoilt ones, and a real game's."""

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.rigs.book_tape import captured
from buyer.domain.order_books import OrderBooks
from shared.polymarket.wire.market_channel import (
    BookSnapshot,
    LevelChanges,
    Levels,
    MarketEnded,
    TickSizeChanged,
    UnreadableFrame,
    read_frame,
)
from tests.amounts import D
from tests.buyer.builders import NOW_MS, TOKEN
from tests.buyer.market_data.book_fixture import TRUST, Shelf
from tests.buyer.market_data.channel_fakes import a_frame, raw_book, raw_change, raw_changes, raw_levels, raw_tick

OTHER = "987"


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
    rebuilt: dict[str, Levels] = {"BUY": {}, "SELL": {}}

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


def _side(pairs: dict[str, str]) -> Levels:
    return {D(price): D(shares) for price, shares in pairs.items()}


_TEXTS = ["", "x", "NaN", "Infinity", "1e999999", "1e99999", "0", "1", "0.5", "٣"]
_PLAIN: list[Any] = [None, True, 0, -1, 1.5, *_TEXTS, [], [0], {}]
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


@pytest.mark.pitfall(13)
@given(
    st.text('[]{}",:01eax\n\u00e9 ', max_size=20)
    | SPOILT.map(json.dumps)
    | st.lists(SPOILT, max_size=3).map(json.dumps)
)
@settings(max_examples=60)
def test_nothing_that_is_sent_stops_the_feed_or_makes_a_price_nobody_can_trade_at(frame: str) -> None:
    if frame.startswith("INVALID"):
        return
    shelf = Shelf(raw_book())

    messages = read_frame(frame)
    for message in messages:
        shelf.books.apply(message, NOW_MS)

    live = shelf.books._books[TOKEN]
    assert all(0 < price < D(1) and shares > 0 for side in (live.bids, live.asks) for price, shares in side.items())
    assert shelf.counts["unreadable"] == sum(isinstance(message, UnreadableFrame) for message in messages)


@pytest.fixture(scope="module")
def tape(real_data: Path) -> list[dict[str, Any]]:
    """Give a game's channel, rebuilt into the messages it was flattened from."""
    return list(captured(real_data))


@pytest.mark.slow
@pytest.mark.real_data
def test_a_real_games_two_books_mirror_each_other_after_every_moment(tape: list[dict[str, Any]]) -> None:
    """The capture states no best prices, but each book of a market is the judge of the other.

    Three times the venue told the two tokens of one change a millisecond apart; the next message always evens it out.
    """
    books = OrderBooks(TRUST)
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


def _mirrored(levels: Levels) -> Levels:
    return {D(1) - price: shares for price, shares in levels.items()}


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ws_market_book_msg", BookSnapshot),
        ("ws_market_price_change_msg", LevelChanges),
        ("ws_market_tick_size_msg", TickSizeChanged),
        ("ws_market_resolved_msg", MarketEnded),
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
    books = OrderBooks(TRUST, lambda what: counts.update([what]))
    books.want(token, 0)
    first = raw_book(asset_id=token, timestamp="1", bids=(("0.5", "1"),), asks=(("0.52", "1"),))

    for message in read_frame(a_frame(first, {"event_type": "price_change", **quotes})):
        books.apply(message, int(stamp))

    assert books._books[token].best_bid == D("0.51")
    assert counts == Counter()


def test_levels_that_no_book_can_have_are_unreadable() -> None:
    for pairs in ((("0", "1"),), (("1", "1"),), (("0.5", "-1"),)):
        (message,) = read_frame(a_frame(raw_book(asks=()) | {"asks": raw_levels(pairs)}))
        assert isinstance(message, UnreadableFrame)
