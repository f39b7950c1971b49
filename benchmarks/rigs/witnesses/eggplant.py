"""The third-party client `eggplant-sdk`: keyset pages of Gamma, positions, books, orders in batches, both channels."""

import asyncio
import contextlib
import json
import time
from decimal import Decimal
from importlib import import_module
from typing import Any

from benchmarks.rigs.witnesses.calls import Calls, given, kinds_of
from benchmarks.rigs.witnesses.control import lever, trade_once

PATIENCE_S = 20.0


async def look(calls: Calls, world: dict[str, Any]) -> None:
    """Ask what needs no key."""
    gamma = import_module("eggplant_sdk.gamma").GammaClient(world["urls"]["gamma_url"])
    data = import_module("eggplant_sdk.data").DataApiClient(world["urls"]["data_api_url"])
    leader, event = world["leader"], world["market"]["event"]["slug"]
    page = await calls.ask("gamma: fetch_keyset_page", lambda: gamma.fetch_keyset_page(None, 2), _full)
    cursor = getattr(page, "next_cursor", None)
    await calls.ask("gamma: fetch_keyset_page, the next", lambda: gamma.fetch_keyset_page(cursor, 2), _full)
    await calls.ask("gamma: fetch_events_by_slug", lambda: gamma.fetch_events_by_slug(event), _traded)
    await calls.ask("data: all_positions", lambda: data.all_positions(leader))
    await calls.ask(
        "data: all_redeemable_positions", lambda: data.all_redeemable_positions(leader), lambda all_: all_[0]
    )
    await gamma.aclose()
    await data.aclose()


async def client_of(world: dict[str, Any], kind: str) -> tuple[Any, Any]:
    """Return a wallet's client and its signer."""
    sdk = import_module("eggplant_sdk")
    types = import_module("eggplant_sdk.clob.types")
    names = {"eoa": "EOA", "proxy": "PROXY", "safe": "GNOSIS_SAFE", "deposit": "POLY1271"}
    signer = sdk.LocalSigner(world["keys"][kind])
    builder = sdk.ClobClient.builder().host(world["urls"]["clob_url"])
    builder = builder.signature_type(types.SignatureType[names[kind]])
    if kind != "eoa":
        builder = builder.funder(world["wallets"][kind])
    return await builder.authenticate(signer), signer


async def trade(calls: Calls, world: dict[str, Any], kind: str) -> Any:
    """Place, look up and cancel orders with one wallet; return its client."""
    token, condition = world["ordered"]["tokens"][0], world["ordered"]["condition"]
    lever(world, "book", {"token": token, **world["book"]})

    calls = calls.of(kind)
    made = await calls.ask("authenticate", lambda: client_of(world, kind))
    if made is None:
        return None
    client, signer = made
    await calls.ask("server_time", client.server_time)
    await calls.ask("tick_size", lambda: client.tick_size(token), lambda tick: tick == Decimal("0.01"))
    await calls.ask("neg_risk", lambda: client.neg_risk(token), lambda told: told is False)
    await calls.ask("market", lambda: client.market(condition), lambda market: len(market.tokens) == 2)
    await calls.ask(
        "order_books", lambda: client.order_books(world["ordered"]["tokens"]), lambda books: len(books) == 2
    )
    await _orders(calls, client, signer, token)
    request = import_module("eggplant_sdk.clob").OpenOrdersRequest
    await calls.ask(
        "all_open_orders", lambda: client.all_open_orders(request(market=condition)), lambda rows: len(rows) == 1
    )
    await calls.ask("trades", lambda: client.trades(request()), _sized)
    await calls.ask("cancel_all", client.cancel_all, lambda told: len(told.canceled) == 1)
    return client, signer


async def _orders(calls: Calls, client: Any, signer: Any, token: str) -> None:
    poster = client.poster()
    order_signer = client.order_signer(import_module("eggplant_sdk.clob.signing").ExchangeDomain.ctf_v2(neg_risk=False))
    module = import_module("eggplant_sdk.clob.poster")
    tick = import_module("eggplant_sdk.clob.tick").TickEntry.new(Decimal("0.01"), int(token))
    rest = [module.RestingPlacement(tick=tick, price=Decimal("0.10"), size=Decimal(10))]
    sold = module.RestingPlacement(tick=tick, price=Decimal("0.48"), size=Decimal(5))
    bought = await calls.ask("a FAK buy, posted by itself", lambda: buy(poster, signer, order_signer, token), _accepted)
    await calls.ask("the trades of a FAK buy", lambda: bought.response.trade_ids)
    await calls.ask(
        "place_resting",
        lambda: module.place_resting(rest, poster, signer, order_signer, 15),
        lambda all_: _accepted(all_[0]),
    )
    await asyncio.sleep(1)  # what was bought can be sold once it is in a block
    await calls.ask(
        "place_marketable_sell", lambda: module.place_marketable_sell(sold, poster, signer, order_signer), _accepted
    )
    await poster.aclose()


async def buy(poster: Any, signer: Any, order_signer: Any, token: str) -> Any:
    """Sign and post a FAK buy of 10 pUSD at 0.51 or better."""
    signing = import_module("eggplant_sdk.clob.signing")
    types = import_module("eggplant_sdk.clob.types")
    poster_module = import_module("eggplant_sdk.clob.poster")
    now, salt = int(time.time() * 1000), signing.generate_salt()  # noqa: TID251 - the client's own clock
    amounts = (10_000_000, 19_607_800)
    order = signing.build_signable_order(
        int(token),
        *amounts,
        order_signer.identity,
        now,
        types.OrderType.FAK,
        salt,
        False,  # noqa: FBT003 - its own signature
    )
    signed = order_signer.sign_order(order, signer)
    return await poster.post_one(signed, poster_module.PostTimings(), now // 1000)


async def listen(calls: Calls, world: dict[str, Any], client: Any, signer: Any) -> None:
    """Hear both channels."""
    market = import_module("eggplant_sdk.ws.market")
    user = import_module("eggplant_sdk.ws.user")
    token = world["ordered"]["tokens"][0]
    config = market.MarketStreamConfig([token], url=world["urls"]["clob_ws_url"])
    public = await market.MarketStream.connect(config)
    own = await user.UserStream.connect(
        user.UserStreamConfig(client.credentials, url=world["urls"]["clob_user_ws_url"])
    )
    order_signer = client.order_signer(import_module("eggplant_sdk.clob.signing").ExchangeDomain.ctf_v2(neg_risk=False))
    poster = client.poster()
    await asyncio.sleep(0.5)
    await buy(poster, signer, order_signer, token)
    trade_once(world)
    lever(world, "tick", {"condition_id": world["ordered"]["condition"], "tick": "0.001"})
    wanted = {"MarketBook", "MarketPriceChange", "MarketLastTradePrice", "MarketTickSizeChange"}
    await calls.ask("market channel: next_event of the first frame", public.next_event)

    again = await market.MarketStream.connect(config)
    first = json.loads(await again.next_text())
    heard = {type(market.parse_market_event(json.dumps(frame))).__name__ for frame in first}
    heard |= await _hear(public.next_event, wanted - heard)
    for kind in sorted(wanted):
        calls.note(f"market channel: {kind}", "" if kind in heard else f"not heard; heard {sorted(heard)}")
    told = await _hear(own.next_message, {"OrderMessage", "TradeMessage"})
    for kind in ("OrderMessage", "TradeMessage"):
        calls.note(f"user channel: {kind}", "" if kind in told else f"not heard; heard {sorted(told)}")
    await poster.aclose()


async def _hear(next_one: Any, wanted: set[str]) -> set[str]:
    heard: set[str] = set()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while not wanted <= heard:
                heard |= kinds_of(await next_one())
    return heard


def _full(page: Any) -> bool:
    return len(page.events) == 2


def _traded(events: Any) -> bool:
    return len(events) == 1 and all(market.clob_token_ids for market in events[0].markets)


def _sized(page: Any) -> bool:
    return bool(page.data) and all(trade.size and trade.price for trade in page.data)


def _accepted(post: Any) -> bool:
    return bool(post.response.is_accepted())


async def main() -> None:
    """Look, trade with each wallet, listen."""
    calls, world = Calls(), given()
    await look(calls, world)
    made: Any = None
    for kind in world["keys"]:
        made = await trade(calls, world, kind)
    if made is not None:
        await listen(calls, world, *made)
    calls.end()


if __name__ == "__main__":
    asyncio.run(main())
