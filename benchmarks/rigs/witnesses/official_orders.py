"""The official client's signed half: orders, cancellations and own state of a wallet of each type."""

from importlib import import_module
from typing import Any

from benchmarks.rigs.witnesses.calls import Calls, settled
from benchmarks.rigs.witnesses.control import lever

LAST_ORDER = "0x" + "11" * 32


async def trade(calls: Calls, world: dict[str, Any], environment: Any, mode: str, kind: str) -> None:
    """Trade with one wallet; calls are named by its type."""
    polymarket = import_module("polymarket")
    maker = polymarket.AsyncSecureClient if mode == "async" else polymarket.SecureClient
    token, condition = world["ordered"]["tokens"][0], world["ordered"]["condition"]
    lever(world, "book", {"token": token, **world["book"]})
    calls, key, wallet = calls.of(kind), world["keys"][kind], world["wallets"][kind]
    client = await calls.ask(
        "create", lambda: maker.create(private_key=key, wallet=_checksummed(wallet), environment=environment)
    )
    if client is None:
        return
    await calls.ask("get_balance_allowance", lambda: client.get_balance_allowance(asset_type="COLLATERAL"), _funded)
    bought = await calls.ask(
        "place_market_order, BUY FAK",
        lambda: client.place_market_order(asset_id=token, side="BUY", amount="10", max_price="0.51"),
        _accepted,
    )
    if _accepted(bought):
        await calls.ask(
            "wait_for_order_fill_settlement", lambda: client.wait_for_order_fill_settlement(bought, timeout_s=20.0)
        )
        await calls.ask("get_order", lambda: client.get_order(order_id=bought.order_id))
    await calls.ask(
        "place_market_order, SELL FOK",
        lambda: client.place_market_order(asset_id=token, side="SELL", shares="5", order_type="FOK"),
        _accepted,
    )
    await calls.ask(
        "place_limit_order, improved GTC",
        lambda: client.place_limit_order(asset_id=token, side="BUY", price="0.55", size="10"),
        lambda order: _accepted(order) and order.status == "matched" and float(order.making_amount) < 5.5,
    )
    await _rest(calls, client, token, condition)
    await calls.ask("list_account_trades", lambda: client.list_account_trades(), lambda rows: len(rows) >= 3)  # noqa: PLW0108
    await calls.ask("get_closed_only_mode", client.get_closed_only_mode, lambda told: told is False)
    await calls.ask("fetch_api_keys", client.fetch_api_keys)
    await calls.ask(
        "get_balance_allowance of a token",
        lambda: client.get_balance_allowance(asset_type="CONDITIONAL", asset_id=token),
        _funded,
    )
    if kind == "deposit":
        await calls.ask("send_order_heartbeat", lambda: client.send_order_heartbeat())  # noqa: PLW0108
        for name in ("get_notifications", "get_order_scoring", "fetch_builder_api_keys", "is_gasless_ready"):
            calls.note(name, "not asked")
    await settled(client.close())


async def buy_finely(calls: Calls, world: dict[str, Any], environment: Any, mode: str) -> None:
    """Buy for a sum that the price does not divide, where a tick is a tenth of a cent."""
    polymarket = import_module("polymarket")
    maker = polymarket.AsyncSecureClient if mode == "async" else polymarket.SecureClient
    token, wallet = world["fine"]["tokens"][0], _checksummed(world["wallets"]["deposit"])
    lever(world, "book", {"token": token, "bids": [["0.480", "400"]], "asks": [["0.483", "400"]]})
    client = await settled(maker.create(private_key=world["keys"]["deposit"], wallet=wallet, environment=environment))
    await calls.ask(
        "a market buy on a tick of 0.001",
        lambda: client.place_market_order(asset_id=token, side="BUY", amount="10", max_price="0.483"),
        _accepted,
    )
    positions = lever(world, "positions-market", {})["tokens"]
    lever(world, "book", {"token": positions[0], "bids": [["0.49", "400"]], "asks": [["0.50", "400"]]})
    await calls.ask(
        "a market buy of a Protocol V2 position",
        lambda: client.place_market_order(asset_id=positions[0], side="BUY", amount="10", max_price="0.50"),
        _accepted,
    )
    await settled(client.close())


async def _rest(calls: Calls, client: Any, token: str, condition: str) -> None:
    """Let orders rest, look them up and take them back in every way there is."""

    def sign(price: str, **more: Any) -> Any:
        return client.create_limit_order(asset_id=token, side="BUY", price=price, size="10", **more)

    resting = await calls.ask(
        "place_limit_order, resting",
        lambda: client.place_limit_order(asset_id=token, side="BUY", price="0.10", size="10", post_only=True),
        lambda order: _accepted(order) and order.status == "live",
    )
    await calls.ask("list_open_orders", lambda: client.list_open_orders(market=condition), lambda rows: len(rows) == 1)
    await calls.ask(
        "cancel_order",
        lambda: client.cancel_order(order_id=getattr(resting, "order_id", LAST_ORDER)),
        lambda told: len(told.canceled) == 1,
    )
    signed = [await settled(sign(price)) for price in ("0.11", "0.12", "0.13")]
    one = await calls.ask("post_order", lambda: client.post_order(signed[0]), _accepted)
    two = await calls.ask("post_orders", lambda: client.post_orders(signed[1:]), lambda all_: all(map(_accepted, all_)))
    ids = [getattr(order, "order_id", LAST_ORDER) for order in (one, *(two or ()))]
    await calls.ask(
        "cancel_orders",
        lambda: client.cancel_orders(order_ids=ids[:1]),
        lambda told: len(told.canceled) == 1,
    )
    await calls.ask(
        "cancel_market_orders",
        lambda: client.cancel_market_orders(market=condition),
        lambda told: len(told.canceled) == 2,
    )
    await calls.ask("cancel_all", client.cancel_all, lambda told: not told.canceled)
    await calls.ask("list_open_orders, none left", lambda: client.list_open_orders(), lambda rows: rows == [])  # noqa: PLW0108


def _accepted(order: Any) -> bool:
    return bool(getattr(order, "ok", False)) and bool(order.order_id)


def _funded(balance: Any) -> bool:
    return int(balance.balance) > 0


def _checksummed(address: str) -> str:
    return str(import_module("eth_utils").to_checksum_address(address))
