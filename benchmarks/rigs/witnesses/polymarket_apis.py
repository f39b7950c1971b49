"""The third-party client `polymarket-apis`: CLOB, Gamma, Data API of version 1, and both channels."""

import asyncio
import threading
from contextlib import suppress
from importlib import import_module
from typing import Any

from benchmarks.rigs.witnesses.calls import Calls, given, kinds_of
from benchmarks.rigs.witnesses.control import lever, trade_once

PATIENCE_S = 20.0
_TYPES = {"eoa": 0, "proxy": 1, "safe": 2, "deposit": 3}


def pointed(part: str, name: str, base: str, **more: Any) -> Any:
    """Return one of its clients at another address: its own joining of addresses drops the path of the base."""
    module = import_module(f"polymarket_apis.clients.{part}")
    made = getattr(module, name)

    def join(_: Any, endpoint: str) -> str:
        return base + endpoint

    for each in made.__mro__:
        if "_build_url" in vars(each):
            each._build_url = join  # noqa: SLF001 - the only way in
    return made(**more)


async def look_at_clob(calls: Calls, world: dict[str, Any]) -> None:
    """Ask the CLOB's public reads."""
    client = pointed("clob_client", "PolymarketReadOnlyClobClient", world["urls"]["clob_url"])
    types = import_module("polymarket_apis.types.clob_types")
    (token, other), condition = world["ordered"]["tokens"], world["ordered"]["condition"]
    asked = {
        "get_clob_market_info": lambda: client.get_clob_market_info(condition),
        "get_fee_rate_bps": lambda: client.get_fee_rate_bps(token) + 1,
        "get_last_trade_price": lambda: client.get_last_trade_price(world["market"]["tokens"][0]),
        "get_last_trade_price before the first trade": lambda: client.get_last_trade_price(token),
        "get_last_trades_prices": lambda: client.get_last_trades_prices(world["market"]["tokens"]),
        "get_market": lambda: client.get_market(condition),
        "get_market_ids_from_token": lambda: client.get_market_ids_from_token(token),
        "get_midpoint": lambda: client.get_midpoint(token),
        "get_midpoints": lambda: client.get_midpoints([token, other]),
        "get_neg_risk": lambda: client.get_neg_risk(token) is False,
        "get_order_book": lambda: client.get_order_book(token),
        "get_order_book, a tick of 0.005": lambda: client.get_order_book(world["market"]["tokens"][0]),
        "get_order_books": lambda: client.get_order_books([token, other]),
        "get_price": lambda: client.get_price(token, "BUY"),
        "get_prices": lambda: client.get_prices([types.BookParams(token_id=token, side="BUY")]),
        "get_spread": lambda: client.get_spread(token),
        "get_spreads": lambda: client.get_spreads([token, other]),
        "get_tick_size": lambda: client.get_tick_size(token),
        "get_utc_time": client.get_utc_time,
        "get_markets": client.get_markets,
        "get_recent_history": lambda: client.get_recent_history(token),
    }
    for name, call in asked.items():
        await calls.of("clob").ask(name, call)


async def look_at_gamma(calls: Calls, world: dict[str, Any]) -> None:
    """Ask Gamma's reads."""
    client = pointed("gamma_client", "PolymarketGammaClient", world["urls"]["gamma_url"])
    market, event = world["market"], world["market"]["event"]
    asked = {
        "get_market": lambda: client.get_market(market["id"]),
        "get_market_by_id": lambda: client.get_market_by_id(market["id"]),
        "get_market_by_slug": lambda: client.get_market_by_slug(market["slug"]),
        "get_markets": lambda: client.get_markets(limit=3),
        "get_markets, closed": lambda: client.get_markets(closed=True),
        "get_events": lambda: client.get_events(limit=3),
        "get_all_events": lambda: client.get_all_events(closed=False),
        "get_event_by_id": lambda: client.get_event_by_id(event["id"]),
        "get_event_by_slug": lambda: client.get_event_by_slug(event["slug"]),
        "get_event_tags": lambda: client.get_event_tags(event["id"]),
        "get_market_tags": lambda: client.get_market_tags(market["id"]),
        "get_public_profile": lambda: client.get_public_profile(checksummed(world["leader"])),
        "search": lambda: client.search(market["slug"]),
        "get_tags": client.get_tags,
        "get_series": client.get_series,
        "get_teams": client.get_teams,
        "get_sports_metadata": client.get_sports_metadata,
        "get_comments": lambda: client.get_comments("Event", event["id"]),
    }
    for name, call in asked.items():
        await calls.of("gamma").ask(name, call)


async def look_at_data(calls: Calls, world: dict[str, Any]) -> None:
    """Ask the reads of Data API version 1."""
    client = pointed("data_client", "PolymarketDataClient", world["urls"]["data_api_url"])
    user, condition = checksummed(world["leader"]), world["market"]["condition"]
    asked = {
        "get_activity": lambda: client.get_activity(user),
        "get_activity, paged": lambda: client.get_activity(user, limit=3, offset=3),
        "get_trades": lambda: client.get_trades(user=user, taker_only=False),
        "get_trades of a market": lambda: client.get_trades(condition_id=condition, taker_only=False),
        "get_positions": lambda: client.get_positions(user),
        "get_positions, redeemable": lambda: client.get_positions(user, redeemable=True),
        "get_all_positions": lambda: client.get_all_positions(user),
        "get_value": lambda: client.get_value(user),
        "get_closed_positions": lambda: client.get_closed_positions(user),
        "get_holders": lambda: client.get_holders(condition),
        "get_live_volume": lambda: client.get_live_volume(world["market"]["event"]["id"]),
        "get_open_interest": lambda: client.get_open_interest(condition),
        "get_total_markets_traded": lambda: client.get_total_markets_traded(user),
        "get_leaderboard_rankings": client.get_leaderboard_rankings,
    }
    for name, call in asked.items():
        await calls.of("data").ask(name, call)


async def trade(calls: Calls, world: dict[str, Any], kind: str) -> Any:
    """Place, look up and cancel orders with one wallet; return its client."""
    types = import_module("polymarket_apis.types.clob_types")
    token, condition = world["ordered"]["tokens"][0], world["ordered"]["condition"]
    lever(world, "book", {"token": token, **world["book"]})
    key, wallet = world["keys"][kind], checksummed(world["wallets"][kind])
    more = {"private_key": key, "address": wallet, "signature_type": _TYPES[kind]}
    client = pointed("clob_client", "PolymarketClobClient", world["urls"]["clob_url"], **more)

    calls = calls.of(kind)
    market = types.MarketOrderArgs(token_id=token, amount=10, side="BUY", price=0.51)
    await calls.ask(
        "create_and_post_market_order",
        lambda: client.create_and_post_market_order(market, order_type=types.OrderType.FAK),
    )
    limit = types.OrderArgs(token_id=token, price=0.1, size=10, side="BUY")
    resting = await calls.ask("create_and_post_order", lambda: client.create_and_post_order(limit))
    await calls.ask("get_orders", lambda: client.get_orders(condition_id=condition), lambda rows: len(rows) == 1)
    await calls.ask("get_trades", client.get_trades)
    await calls.ask("cancel_order", lambda: client.cancel_order(resting.order_id), lambda told: len(told.canceled) == 1)
    await calls.ask("create_and_post_order, twice", lambda: client.create_and_post_order(limit))
    await calls.ask("cancel_orders_for_condition_id", lambda: client.cancel_orders_for_condition_id(condition))
    await calls.ask("cancel_all", client.cancel_all)
    await calls.ask("get_pusd_balance", client.get_pusd_balance)
    await calls.ask("get_token_balance", lambda: _mined(lambda: client.get_token_balance(token)))
    await calls.ask("get_api_keys", client.get_api_keys)
    return client


async def _mined(balance: Any) -> Any:
    """Return a balance once the trade that made it is in a block."""
    for _ in range(int(PATIENCE_S * 10)):
        if told := balance():
            return told
        await asyncio.sleep(0.1)
    return balance()


async def listen(calls: Calls, world: dict[str, Any], client: Any) -> None:
    """Hear both channels."""
    module = import_module("polymarket_apis.clients.websockets_client")
    sockets = module.PolymarketWebsocketsClient()
    sockets.url_market, sockets.url_user = world["urls"]["clob_ws_url"], world["urls"]["clob_user_ws_url"]
    heard: set[str] = set()
    done = threading.Event()

    def process(event: Any) -> None:
        heard.update(kinds_of(event))

    tokens = world["ordered"]["tokens"]
    threading.Thread(
        target=sockets.run_market_stream, args=(tokens,), kwargs={"process_event": process}, daemon=True
    ).start()
    threading.Thread(
        target=sockets.run_user_stream, args=(client.creds,), kwargs={"process_event": process}, daemon=True
    ).start()
    types = import_module("polymarket_apis.types.clob_types")
    market = types.MarketOrderArgs(token_id=world["ordered"]["tokens"][0], amount=5, side="BUY", price=0.55)
    wanted = {"OrderBookSummaryEvent", "PriceChangeEvent", "LastTradePriceEvent", "OrderEvent", "TradeEvent"}
    for _ in range(int(PATIENCE_S)):
        trade_once(world)
        with suppress(Exception):  # the calls above say what is wrong with its orders
            client.create_and_post_market_order(market, order_type=types.OrderType.FAK)
        done.wait(0.5)
        if wanted <= heard:
            break
    for kind in sorted(wanted):
        calls.note(f"stream: {kind}", "" if kind in heard else f"not heard; heard {sorted(heard)}")


def checksummed(address: str) -> str:
    """Return an address as this client wants it."""
    return str(import_module("eth_utils").to_checksum_address(address))


async def main() -> None:
    """Look, trade with each wallet, listen."""
    calls, world = Calls(), given()
    await look_at_clob(calls, world)
    await look_at_gamma(calls, world)
    await look_at_data(calls, world)
    client: Any = None
    for kind in world["keys"]:
        client = await trade(calls, world, kind)
    await listen(calls, world, client)
    calls.end()


if __name__ == "__main__":
    asyncio.run(main())
