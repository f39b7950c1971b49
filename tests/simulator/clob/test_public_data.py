"""CLOB REST: strings, ticks, best levels last."""

from decimal import Decimal
from typing import Any

import pytest

pytestmark = pytest.mark.simulator


def test_a_book_is_made_of_strings_with_the_best_level_last(venue: Any) -> None:
    book = venue.get("clob", "/book", token_id=venue.token).json()
    bids, asks = ([Decimal(level["price"]) for level in book[side]] for side in ("bids", "asks"))
    assert bids == sorted(bids)
    assert asks == sorted(asks, reverse=True)
    assert bids[-1] < asks[-1]
    assert book["market"] == venue.market.condition_id
    assert isinstance(book["timestamp"], str)


def test_both_tokens_of_a_market_mirror_each_other(venue: Any) -> None:
    first, second = (venue.get("clob", "/book", token_id=t).json() for t in venue.market.tokens)
    assert Decimal(first["bids"][-1]["price"]) == 1 - Decimal(second["asks"][-1]["price"])


def test_every_tick_size_is_listed_and_prices_keep_to_it(venue_of: Any) -> None:
    for venue in venue_of(markets=12):
        ticks = set[str]()
        for market in venue.sim.markets:
            book = venue.get("clob", "/book", token_id=market.tokens[0]).json()
            tick = Decimal(book["tick_size"])
            ticks.add(book["tick_size"])
            prices = [Decimal(level["price"]) for side in ("bids", "asks") for level in book[side]]
            assert all(price % tick == 0 and tick <= price <= 1 - tick for price in prices)
        assert ticks == {"0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001"}


def test_a_match_eats_the_book_at_once(venue: Any) -> None:
    before = venue.get("clob", "/book", token_id=venue.token).json()["asks"][-1]
    venue.fill(shares="1", price=before["price"])
    after = venue.get("clob", "/book", token_id=venue.token).json()["asks"][-1]
    assert after["price"] == before["price"]
    assert Decimal(before["size"]) - Decimal(after["size"]) == 1


def test_price_names_the_resting_side(venue: Any) -> None:
    book = venue.get("clob", "/book", token_id=venue.token).json()
    for side, levels in (("BUY", "bids"), ("SELL", "asks")):
        price = venue.get("clob", "/price", token_id=venue.token, side=side).json()["price"]
        assert Decimal(price) == Decimal(book[levels][-1]["price"])


def test_a_book_ends_with_its_market(venue: Any) -> None:
    venue.sim.resolve(venue.market.condition_id, (1, 0))
    gone = venue.get("clob", "/book", token_id=venue.token)
    assert gone.status_code == 404
    assert gone.json() == {"error": "No orderbook exists for the requested token id"}
    assert venue.get("clob", "/book", token_id="1").status_code == 404


def test_market_facts_agree_everywhere(venue: Any) -> None:
    condition = venue.market.condition_id
    short = venue.get("clob", f"/clob-markets/{condition}").json()
    assert [each["t"] for each in short["t"]] == list(venue.market.tokens)
    assert short["mts"] == venue.get("clob", "/tick-size", token_id=venue.token).json()["minimum_tick_size"]
    assert venue.get("clob", f"/markets-by-token/{venue.token}").json()["condition_id"] == condition
    assert venue.get("clob", "/neg-risk", token_id=venue.token).json()["neg_risk"] is short["nr"]


def test_the_winner_shows_on_the_market_and_a_void_has_none(venue: Any) -> None:
    other = venue.sim.markets[4]
    venue.sim.resolve(venue.market.condition_id, (0, 1))
    venue.sim.resolve(other.condition_id, (1, 1))
    venue.sim.advance(60)

    decided = venue.get("clob", f"/markets/{venue.market.condition_id}").json()
    void = venue.get("clob", f"/markets/{other.condition_id}").json()
    assert [token["winner"] for token in decided["tokens"]] == [False, True]
    assert [token["winner"] for token in void["tokens"]] == [False, False]
    assert [token["price"] for token in void["tokens"]] == [0.5, 0.5]
    assert void["is_50_50_outcome"] is True


def test_books_by_post_leave_unknown_tokens_out(venue: Any) -> None:
    books = venue.post("clob", "/books", [{"token_id": venue.token}, {"token_id": "1"}]).json()
    assert [book["asset_id"] for book in books] == [venue.token]
