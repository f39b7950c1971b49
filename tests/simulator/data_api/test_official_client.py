"""The official client reads the local venue's lists: its strict models are a second opinion on every page."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytestmark = [pytest.mark.sdk, pytest.mark.simulator]


@pytest.fixture
def client(venue: Any) -> Iterator[Any]:
    """Give the client of a venue with trades, pairs and a market that ended."""
    from polymarket import PublicClient  # noqa: PLC0415 - takes seconds to import: only where it is asked
    from polymarket._internal.environment import PRODUCTION_CONFIG, create_environment  # noqa: PLC0415

    ended, open_one = venue.sim.markets[:2]
    for _ in range(5):
        venue.fill(token=ended.tokens[0])
    venue.fill(side="SELL", shares="5", role="maker")
    for token in (*open_one.tokens, ended.tokens[1]):
        venue.fill(token=token, shares="8", price="0.4")
    venue.sim.advance(10)
    venue.sim.resolve(ended.condition_id, (1, 0))
    venue.sim.advance(200)
    urls = {name: venue.sim.urls[name] for name in ("clob_url", "gamma_url")}
    config = dataclasses.replace(PRODUCTION_CONFIG, data_url=venue.sim.urls["data_api_url"], **urls)
    made = PublicClient(create_environment(name="simulator", config=config))
    yield made
    made.close()


LISTS: dict[str, Callable[[Any, Any], Any]] = {
    "activity": lambda client, venue: client.list_activity(user=venue.leader),
    "activity, paged": lambda client, venue: client.list_activity(user=venue.leader, sort_direction="ASC", page_size=2),
    "activity of one type": lambda client, venue: client.list_activity(user=venue.leader, activity_types=["TRADE"]),
    "trades of a wallet": lambda client, venue: client.list_trades(user=venue.leader, taker_only=False),
    "trades of a market": lambda client, venue: client.list_trades(
        condition_id=venue.market.condition_id, taker_only=False
    ),
    "trades, paged": lambda client, venue: client.list_trades(user=venue.leader, taker_only=False, page_size=2),
    "the leaderboard, paged": lambda client, _: client.list_trader_leaderboard(page_size=2),
    "positions": lambda client, venue: client.list_positions(user=venue.leader),
    "positions, redeemable": lambda client, venue: client.list_positions(user=venue.leader, status="REDEEMABLE"),
    "positions, mergeable and paged": lambda client, venue: client.list_positions(
        user=venue.leader, status="MERGEABLE", page_size=1
    ),
    "markets, paged": lambda client, _: client.list_markets(page_size=2),
    "markets, closed": lambda client, _: client.list_markets(closed=True),
    "events, paged": lambda client, _: client.list_events(page_size=2),
}
COUNTS = {
    "activity": 9,
    "activity, paged": 9,
    "activity of one type": 9,
    "trades of a wallet": 9,
    "trades of a market": 14,
    "trades, paged": 9,
    "the leaderboard, paged": 2,
    "positions": 3,
    "positions, redeemable": 1,
    "positions, mergeable and paged": 4,
    "markets, paged": 5,
    "markets, closed": 1,
    "events, paged": 4,
}


def test_the_official_client_reads_every_list_to_its_end(client: Any, venue: Any) -> None:
    read = {name: len(list(listed(client, venue).iter_items())) for name, listed in LISTS.items()}

    assert read == COUNTS


def test_the_official_client_reads_what_is_told_of_one_market(client: Any, venue: Any) -> None:
    (ended,) = client.get_resolutions(condition_ids=[venue.market.condition_id])
    (token,) = client.get_token_references(asset_ids=[venue.token])

    assert (ended.payouts, token.final_price) == ((1, 0), 1)
    assert client.get_market(slug=venue.market.slug).condition_id == venue.market.condition_id
    assert client.get_portfolio_value(user=venue.leader).value > 0


def test_a_market_and_its_event_carry_the_keys_that_readers_of_others_need(venue: Any) -> None:
    (market,) = venue.get("gamma", "/markets", slug=venue.market.slug).json()

    assert market["marketMakerAddress"] == ""
    (event,) = market["events"]
    assert event["negRiskAugmented"] is False
    assert event["negRiskMarketID"] == market["negRiskMarketID"]
    assert [{"id", "label", "slug"} - set(tag) for tag in event["tags"]] == [set()]
