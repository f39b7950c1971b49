"""Polymarket's own Python client: every public read, `python -m benchmarks.rigs.witnesses.official sync|async`."""

import asyncio
import dataclasses
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from benchmarks.rigs.witnesses.calls import Calls, given, settled
from benchmarks.rigs.witnesses.official_orders import buy_finely, trade
from benchmarks.rigs.witnesses.official_streams import listen

Asked = Callable[[Any, dict[str, Any]], Any]
NOT_CALLS = {"close", "create", "environment", "subscribe", "credentials", "signer", "wallet", "wallet_type"}
"""Members of a client that ask nobody anything, or that other parts of this program try."""

READS: dict[str, Asked] = {
    "estimate_market_price": lambda c, w: c.estimate_market_price(
        asset_id=w["ordered"]["tokens"][0], side="BUY", amount=10
    ),
    "get_event": lambda c, w: c.get_event(slug=w["market"]["event"]["slug"]),
    "get_event_live_volume": lambda c, w: c.get_event_live_volume(event_ids=w["market"]["event"]["id"]),
    "get_event_live_volumes": lambda c, w: c.get_event_live_volumes(id=w["market"]["event"]["id"]),
    "get_event_tags": lambda c, w: c.get_event_tags(str(w["market"]["event"]["id"])),
    "get_last_trade_price": lambda c, w: c.get_last_trade_price(asset_id=w["market"]["tokens"][0]),
    "get_last_trade_prices": lambda c, w: c.get_last_trade_prices(asset_ids=w["market"]["tokens"]),
    "get_market": lambda c, w: c.get_market(slug=w["ended"]["slug"]),
    "get_market_holders": lambda c, w: c.get_market_holders(market=[w["market"]["condition"]]),
    "get_market_tags": lambda c, w: c.get_market_tags(w["market"]["id"]),
    "get_midpoint": lambda c, w: c.get_midpoint(asset_id=w["ordered"]["tokens"][0]),
    "get_midpoints": lambda c, w: c.get_midpoints(asset_ids=w["ordered"]["tokens"]),
    "get_open_interests": lambda c, w: c.get_open_interests(**_some(c, w)),
    "get_order_book": lambda c, w: c.get_order_book(asset_id=w["ordered"]["tokens"][0]),
    "get_order_books": lambda c, w: c.get_order_books(asset_ids=w["ordered"]["tokens"]),
    "get_portfolio_value": lambda c, w: c.get_portfolio_value(user=w["leader"]),
    "get_portfolio_values": lambda c, w: c.get_portfolio_values(user=w["leader"]),
    "get_price": lambda c, w: c.get_price(asset_id=w["ordered"]["tokens"][0], side="BUY"),
    "get_price_history": lambda c, w: c.get_price_history(asset_id=w["market"]["tokens"][0], interval="max"),
    "get_prices": lambda c, w: c.get_prices(requests=_price_requests(w)),
    "get_public_profile": lambda c, w: c.get_public_profile(w["leader"]),
    "get_resolutions": lambda c, w: c.get_resolutions(
        condition_ids=[w["ended"]["condition"], w["market"]["condition"]]
    ),
    "get_spread": lambda c, w: c.get_spread(asset_id=w["ordered"]["tokens"][0]),
    "get_spreads": lambda c, w: c.get_spreads(asset_ids=w["ordered"]["tokens"]),
    "get_token_references": lambda c, w: c.get_token_references(asset_ids=w["ended"]["tokens"]),
    "get_traded_market_count": lambda c, w: c.get_traded_market_count(user=w["leader"]),
    "get_trader_leaderboard_standing": lambda c, w: c.get_trader_leaderboard_standing(user=w["leader"]),
    "get_trading_approvals_state": lambda c, w: c.get_trading_approvals_state(wallet=w["wallets"]["eoa"]),
    "get_user_pnl": lambda c, w: c.get_user_pnl(user=w["leader"]),
    "get_user_stats": lambda c, w: c.get_user_stats(user=w["leader"]),
    "get_user_volume": lambda c, w: c.get_user_volume(user=w["leader"]),
    "list_activity": lambda c, w: c.list_activity(user=w["leader"], page_size=3),
    "list_closed_positions": lambda c, w: c.list_closed_positions(user=w["leader"]),
    "list_events": lambda c, _: c.list_events(page_size=2),
    "list_market_holders": lambda c, w: c.list_market_holders(condition_ids=w["market"]["condition"]),
    "list_market_positions": lambda c, w: c.list_market_positions(market=w["market"]["condition"]),
    "list_markets": lambda c, _: c.list_markets(page_size=2),
    "list_positions": lambda c, w: c.list_positions(user=w["leader"], page_size=2),
    "list_price_history": lambda c, w: c.list_price_history(asset_id=w["market"]["tokens"][0], interval="max"),
    "list_trader_leaderboard": lambda c, _: c.list_trader_leaderboard(page_size=2),
    "list_trades": lambda c, w: c.list_trades(user=w["leader"], taker_only=False, page_size=3),
    "search": lambda c, w: c.search(q=w["market"]["slug"]),
}
MORE: dict[str, Asked] = {
    "get_event of one number": lambda c, w: c.get_event(id=str(w["market"]["event"]["id"])),
    "get_market of one number": lambda c, w: c.get_market(id=w["market"]["id"]),
    "get_trading_approvals_state of a deposit wallet": lambda c, w: c.get_trading_approvals_state(
        wallet=w["wallets"]["deposit"]
    ),
    "list_activity of one market": lambda c, w: c.list_activity(
        user=w["leader"], condition_id=w["market"]["condition"]
    ),
    "list_activity of one type": lambda c, w: c.list_activity(user=w["leader"], activity_types=["REDEEM"]),
    "list_markets, closed": lambda c, _: c.list_markets(closed=True),
    "list_markets of tokens": lambda c, w: c.list_markets(clob_token_ids=w["market"]["tokens"][0]),
    "list_positions, mergeable": lambda c, w: c.list_positions(user=w["leader"], status="MERGEABLE"),
    "list_positions, redeemable": lambda c, w: c.list_positions(user=w["leader"], status="REDEEMABLE"),
    "list_positions, lost": lambda c, w: c.list_positions(user=w["leader"], status="REDEEMABLE_LOST"),
    "list_positions, closed": lambda c, w: c.list_positions(user=w["leader"], status="CLOSED"),
    "list_positions of a market": lambda c, w: c.list_positions(condition_id=w["market"]["condition"]),
    "list_trades of a market": lambda c, w: c.list_trades(taker_only=False, condition_id=w["market"]["condition"]),
}
OLD_MORE = ("get_event of one number", "get_market of one number", "list_markets, closed", "list_markets of tokens")
"""Those that the client of Data API v1 can be asked too."""


def _price_requests(world: dict[str, Any]) -> list[Any]:
    request = import_module("polymarket.models.clob.requests").PriceRequest
    return [request(token_id=token, side="BUY") for token in world["ordered"]["tokens"]]


def _some(client: Any, world: dict[str, Any]) -> dict[str, Any]:
    """Name a market by the word of this client's version."""
    word = "condition_ids" if hasattr(client, "get_resolutions") else "market"
    return {word: [world["market"]["condition"]]}


def environment(urls: dict[str, str]) -> Any:
    """Return the client's production environment, pointed at the local venue."""
    known = import_module("polymarket.environments")
    there = {
        "clob_url": urls["clob_url"],
        "gamma_url": urls["gamma_url"],
        "data_url": urls["data_api_url"],
        "rpc_url": urls["rpc_url"],
        "relayer_url": urls["relayer_url"],
        "clob_market_ws_url": urls["clob_ws_url"],
        "clob_user_ws_url": urls["clob_user_ws_url"],
        "rtds_ws_url": urls["rtds_url"],
        **dict.fromkeys(("rfq_url", "builder_gateway_url", "collateral_return_url"), f"{urls['base']}/rfq"),
    }
    config = dataclasses.replace(known.PRODUCTION._config, **there)  # noqa: SLF001 - the only way in
    return known._create_environment(name="local", config=config)  # noqa: SLF001


def reads_of(client: type) -> Iterator[str]:
    """Give what a client of this version offers to ask."""
    return (name for name in dir(client) if not name.startswith("_") and name not in NOT_CALLS)


async def look(calls: Calls, world: dict[str, Any], mode: str) -> None:
    """Ask every read of the public client."""
    polymarket = import_module("polymarket")
    maker = polymarket.AsyncPublicClient if mode == "async" else polymarket.PublicClient
    client = maker(environment=environment(world["urls"]))
    for name in reads_of(maker):
        if name in READS:
            await calls.ask(name, lambda of=READS[name]: of(client, world))
        else:
            calls.note(name, "not asked")
    for name in MORE if hasattr(client, "get_resolutions") else OLD_MORE:
        await calls.ask(name, lambda of=MORE[name]: of(client, world))
    await settled(client.close())


async def main() -> None:
    """Look, trade with each wallet, listen."""
    mode, calls, world = sys.argv[1], Calls(), given()
    await look(calls, world, mode)
    for kind in world["keys"]:
        await trade(calls, world, environment(world["urls"]), mode, kind)
    await buy_finely(calls, world, environment(world["urls"]), mode)
    if mode == "async":
        await listen(calls, world, environment(world["urls"]))
    calls.end()


if __name__ == "__main__":
    asyncio.run(main())
