"""Outside witnesses as judges of this process: each returns what is wrong, nothing where all is well."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import requests

from benchmarks.rigs.captures.legs import captured_legs, ways
from benchmarks.rigs.witnesses.control import lever
from benchmarks.rigs.witnesses.official import environment
from benchmarks.rigs.witnesses.world import witnessed_world
from buyer.venue.polymarket.wire import order_amounts
from shared.domain.money import Price, from_micro
from shared.polymarket.wire import trade_amounts

Judge = Callable[[Path], list[str]]
_TICKS = (10_000, 5_000, 2_500, 1_000)
_PLACES = 6
_DECIMALS = 4
"""Of shares: "the market buy orders maker amount supports a max accuracy of 2 decimals, taker amount a max of 4"."""


def captured_prices(folder: Path) -> list[str]:
    """Hold the price that we read of each captured trade against the row's own."""
    wrong: list[str] = []
    for row in _charged(folder):
        found = trade_amounts.amounts_of(
            row["side"], row["size"], row["price"], row["usdcSize"], row["timestamp"] * 1000
        )
        if abs(from_micro(found.price) - row["price"]) > Decimal("0.000001"):
            wrong.append(f"{row['size']} @ {row['price']} is read as {from_micro(found.price)}")
    return wrong


def captured_rows_again(folder: Path) -> list[str]:
    """Trade again what captured rows say, at one price of a grid, and hold what is shown against them."""
    wrong: list[str] = []
    with witnessed_world() as (sim, world):
        market = next(each for each in sim.markets if each.tick == 25)
        for row in _charged(folder):
            if row["price"] % Decimal("0.0025") or row["side"] != "BUY":
                continue
            token, wallet = market.tokens[0], world["leader"]
            facts: dict[str, Any] = {
                "shares": str(row["size"]),
                "price": str(row["price"]),
                "at_ms": sim.world.now_ms() - 60_000,
            }
            sim.fill(leader=wallet, token=token, side="BUY", **facts)
            answer = requests.get(f"{sim.base}/data/activity", params={"user": wallet}, timeout=30)
            shown = {each["usdcSize"] for each in json.loads(answer.text, parse_float=Decimal)}
            if row["usdcSize"] not in shown:
                wrong.append(f"{row['size']} @ {row['price']} shows none of {row['usdcSize']}")
    return wrong


def captured_buys(folder: Path) -> list[str]:
    """Match captured buys again."""
    return [f"{leg} is not matched so" for leg in captured_legs(folder) if not ways(leg)]


def accuracy_of_buys(_: Path) -> list[str]:
    """Hold the shares of our market buys to four decimals, which is what live refusals name."""
    return [
        f"{amounts.taker} micro-shares at {price} on a tick of {tick}"
        for price, tick, amounts in _our_buys()
        if amounts.taker % 10 ** (_PLACES - _DECIMALS)
    ]


def official_amounts(_: Path) -> list[str]:
    """Hold the amounts of our market buys against the official client's, cut to what the venue takes."""
    theirs = import_module("polymarket._internal.actions.orders.market")._compute_market_order_amounts  # noqa: SLF001
    wrong: list[str] = []
    for price, tick, amounts in _our_buys():
        offered, asked = theirs(amount=Decimal(10), price=from_micro(price), side="BUY", tick_size=from_micro(tick))
        asked -= asked % 10 ** (_PLACES - _DECIMALS)
        if (amounts.maker, amounts.taker) != (offered, asked):
            wrong.append(f"10 at {price}: ours {amounts}, theirs {offered}, {asked}")
    return wrong


def _our_buys() -> Iterator[tuple[Price, Price, order_amounts.OrderAmounts]]:
    for tick, step in product(_TICKS, range(1, 60, 7)):
        price = Price(300_000 // tick * tick + step * tick)
        if 0 < price < 1_000_000:
            yield price, Price(tick), order_amounts.order_amounts("BUY", "FAK", 10_000_000, price, Price(tick))


def official_lists(_: Path) -> list[str]:
    """Let the official client read the wallet's lists to their end."""
    wrong: list[str] = []
    with witnessed_world() as (sim, world):
        client = import_module("polymarket").PublicClient(environment=environment(sim.urls))
        lists: dict[str, Callable[[], Any]] = {
            "activity": lambda: client.list_activity(user=world["leader"], page_size=3),
            "trades": lambda: client.list_trades(user=world["leader"], taker_only=False),
            "positions": lambda: client.list_positions(user=world["leader"]),
        }
        for name, ask in lists.items():
            try:
                list(ask().iter_items())
            except Exception as error:  # noqa: BLE001 - whatever the client throws is its testimony
                wrong.append(f"{name}: {error}")
        client.close()
    return wrong


def official_buy_refused(_: Path) -> list[str]:
    """Let the official client buy on a fine tick: live venues refuse what it signs."""
    with witnessed_world() as (sim, world):
        token, key = world["fine"]["tokens"][0], world["keys"]["deposit"]
        lever(world, "book", {"token": token, "bids": [["0.480", "400"]], "asks": [["0.483", "400"]]})
        wallet = import_module("eth_utils").to_checksum_address(world["wallets"]["deposit"])
        client = import_module("polymarket").SecureClient.create(
            private_key=key, wallet=wallet, environment=environment(sim.urls)
        )
        try:
            client.place_market_order(asset_id=token, side="BUY", amount="10", max_price="0.483")
        except import_module("polymarket.errors").RequestRejectedError:
            return []
        finally:
            client.close()
    return ["10 at 0.483 is taken, though its shares have five decimals"]


def _charged(folder: Path) -> list[dict[str, Any]]:
    """Return the captured trades of the second CLOB that were charged a fee."""
    text = (folder / "activity_v1" / "all_types.json").read_text(encoding="utf-8")
    rows = [row for row in json.loads(text, parse_float=Decimal, parse_int=Decimal) if row["type"] == "TRADE"]
    charged = [row for row in rows if abs(row["usdcSize"] - row["size"] * row["price"]) > Decimal("0.001")]
    return [row | {"timestamp": int(row["timestamp"])} for row in charged]
