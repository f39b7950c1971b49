"""nautilus_trader's Polymarket adapter: its sockets and structs, and the HTTP client that it reads with.

Its orders are those of CLOB V1, which the venue takes no more: the wallet looked at has an order that rests and one
that was filled, placed beforehand by another client.
"""

import asyncio
import contextlib
import json
from importlib import import_module
from typing import Any

from benchmarks.rigs.witnesses.calls import Calls, given, kinds_of
from benchmarks.rigs.witnesses.control import lever, trade_once

PATIENCE_S = 20.0
_ADAPTER = "nautilus_trader.adapters.polymarket"
MARKET_KINDS = {"PolymarketBookSnapshot", "PolymarketQuotes", "PolymarketTrade", "PolymarketTickSizeChange"}
USER_KINDS = {"PolymarketUserOrder", "PolymarketUserTrade"}


def decoded(struct: Any, answer: Any) -> Any:
    """Decode an answer as the adapter does: encoded again, then read into its struct."""
    msgspec = import_module("msgspec")
    return msgspec.json.decode(msgspec.json.encode(answer), type=struct)


def client_of(world: dict[str, Any]) -> Any:
    """Return the adapter's HTTP client for the wallet that has orders."""
    prepared = world["prepared"]
    made = import_module("py_clob_client.client").ClobClient(
        world["urls"]["clob_url"], 137, key=prepared["key"], signature_type=2, funder=prepared["wallet"]
    )
    made.set_api_creds(made.create_or_derive_api_creds())
    return made


async def look(calls: Calls, world: dict[str, Any], client: Any) -> None:
    """Read what the adapter reads over HTTP."""
    user, trade, parsing, types = (
        import_module(name)
        for name in (
            f"{_ADAPTER}.schemas.user",
            f"{_ADAPTER}.schemas.trade",
            f"{_ADAPTER}.common.parsing",
            "py_clob_client.clob_types",
        )
    )
    ordered = world["ordered"]
    (token, _), condition = ordered["tokens"], ordered["condition"]
    market = await calls.ask("get_market", lambda: client.get_market(condition))
    instrument = await calls.ask("parse_instrument", lambda: parsing.parse_instrument(market, token, "Yes", 0))
    orders = await calls.ask(
        "get_orders",
        lambda: [decoded(user.PolymarketOpenOrder, row) for row in client.get_orders()],
        lambda rows: len(rows) == 1,
    )
    await calls.ask("get_order", lambda: decoded(user.PolymarketOpenOrder, client.get_order(orders[0].id)))
    trades = await calls.ask(
        "get_trades", lambda: [decoded(trade.PolymarketTradeReport, row) for row in client.get_trades()]
    )
    await calls.ask("the trade's report", lambda: trades[0].last_qty(world["prepared"]["wallet"]) if trades else None)
    await calls.ask("make the instrument's price", lambda: str(instrument.price_increment) == "0.01")
    params = types.BalanceAllowanceParams(asset_type=types.AssetType.COLLATERAL, signature_type=2)
    await calls.ask("get_balance_allowance", lambda: int(client.get_balance_allowance(params)["balance"]))
    await calls.ask("get_order_book", lambda: client.get_order_book(token).bids)
    await calls.ask("an order of V1 is refused", lambda: refused(client, types, token))


def refused(client: Any, types: Any, token: str) -> bool:
    """Say whether the venue refuses an order that is signed for its old exchange."""
    order = client.create_order(types.OrderArgs(token_id=token, price=0.1, size=10, side="BUY"))
    try:
        client.post_order(order, types.OrderType.GTC)
    except Exception as error:  # noqa: BLE001 - the client's own error says the status
        return "400" in str(error)
    return False


async def listen(calls: Calls, world: dict[str, Any], client: Any) -> None:
    """Hear both channels through the adapter's own socket client."""
    known = import_module(f"{_ADAPTER}.websocket.types")
    ordered, creds = world["ordered"], client.creds
    auth = {"apiKey": creds.api_key, "secret": creds.api_secret, "passphrase": creds.api_passphrase}
    tape: dict[str, list[str]] = {"market": [], "user": []}
    open_ones = [
        await _open(world, "market", tape["market"], [ordered["tokens"][0]], None),
        await _open(world, "user", tape["user"], [ordered["condition"]], auth),
    ]
    await asyncio.sleep(0.5)
    trade_once(world)
    lever(world, "book", {"token": ordered["tokens"][0], "bids": [["0.05", "100"]], "asks": [["0.10", "400"]]})
    lever(world, "tick", {"condition_id": ordered["condition"], "tick": "0.001"})
    await _heard(calls, "market", tape["market"], known.MARKET_WS_MESSAGE, MARKET_KINDS)
    await _heard(calls, "user", tape["user"], known.USER_WS_MESSAGE, USER_KINDS)
    for each in open_ones:
        await each.disconnect()


async def _open(world: dict[str, Any], channel: str, tape: list[str], of: list[str], auth: Any) -> Any:
    sockets = import_module(f"{_ADAPTER}.websocket.client")

    def taped(frame: bytes) -> None:
        tape.append(frame.decode())

    made = sockets.PolymarketWebSocketClient(
        import_module("nautilus_trader.common.component").LiveClock(),
        world["urls"]["clob_ws_url"].removesuffix("market"),
        sockets.PolymarketWebSocketChannel(channel),
        taped,
        None,
        asyncio.get_running_loop(),
        auth,
    )
    for each in of:
        (made.subscribe_book if channel == "market" else made.subscribe_market)(each)
    await made.connect()
    return made


async def _heard(calls: Calls, channel: str, tape: list[str], union: Any, kinds: set[str]) -> None:
    """Decode all frames until each kind came; note those that never did, and what could not be read."""
    msgspec = import_module("msgspec")
    heard, wrong = set[str](), set[str]()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while not kinds <= heard:
                await asyncio.sleep(0.1)
                while tape:
                    frame = tape.pop(0)
                    try:
                        heard |= kinds_of(msgspec.json.decode(frame, type=union))
                    except msgspec.ValidationError as error:
                        wrong.add(f"{error}: {json.loads(frame).get('event_type')}")
    for kind in sorted(kinds):
        calls.note(f"{channel} channel: {kind}", "" if kind in heard else f"not heard; {sorted(wrong)}")
    calls.note(f"{channel} channel: every frame is read", ", ".join(sorted(wrong)))


async def main() -> None:
    """Look and listen."""
    calls, world = Calls(), given()
    client = client_of(world)
    await look(calls, world, client)
    await listen(calls, world, client)
    calls.end()


if __name__ == "__main__":
    asyncio.run(main())
