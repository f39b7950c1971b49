"""What the local venue says, by the kind of payload: every answer and frame that a captured one is held against."""

import json
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import requests
from eth_account import Account
from eth_utils.address import to_checksum_address
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from benchmarks.rigs.witnesses.control import lever, trade_once
from benchmarks.rigs.witnesses.official import environment
from benchmarks.rigs.witnesses.world import witnessed_world
from simulator import Simulator

Samples = dict[str, list[Any]]
_PATIENCE_S = 3.0


class Trader:
    """A funded wallet that speaks to the CLOB with the official client's signatures and reads bare JSON."""

    def __init__(self, sim: Simulator, number: int, **more: Any) -> None:
        key = f"0x{number:064x}"
        self.wallet = sim.fund(Account.from_key(key).address, "1000", kind="deposit", **more)
        self.client: Any = import_module("polymarket").SecureClient.create(
            private_key=key, wallet=to_checksum_address(self.wallet), environment=environment(sim.urls)
        )
        self._posted = import_module("polymarket._internal.actions.orders.post").build_post_order_request

    def ask(self, method: str, path: str, query: str = "", body: Any = None) -> Any:
        """Send a signed request and return the JSON of its answer."""
        transport = self.client._ctx.secure_clob  # noqa: SLF001 - the only way to the bare answer
        raw = None if body is None else json.dumps(body, separators=(",", ":"))
        headers = transport._header_resolver(method, path, raw)  # noqa: SLF001
        return transport._client.request(method, path + query, content=raw, headers=headers).json()  # noqa: SLF001

    def post(self, signed: Any) -> Any:
        """Post a signed order and return the answer."""
        return self.ask("POST", "/order", body=self._posted(signed, owner_api_key=self.client.credentials.key)[1])

    def user_frames(self, sim: Simulator) -> ClientConnection:
        """Open the user channel."""
        keys = self.client.credentials
        auth = {"apiKey": keys.key, "secret": keys.secret, "passphrase": keys.passphrase}
        return _subscribed(sim.urls["clob_user_ws_url"], {"type": "user", "auth": auth})


def produced() -> Samples:
    """Live through everything that payloads were captured of, and return what was said."""
    samples: Samples = defaultdict(list)
    with witnessed_world() as (sim, world):
        _rest(samples, sim, world)
        with _taped(_market_channel(sim, world)) as tape:
            _orders(samples, sim, world)
            _happen(world)
        for frame in tape:
            samples[f"market {frame['event_type']}"].append(frame)
        _rest(samples, sim, world)
    return samples


def _rest(samples: Samples, sim: Simulator, world: dict[str, Any]) -> None:
    """Read the public answers: of markets that trade, that were traded and that ended."""

    def get(kind: str, upstream: str, path: str, **params: Any) -> None:
        samples[kind].append(requests.get(f"{sim.base}/{upstream}{path}", params=params, timeout=30).json())

    for market in (world["ended"], world["halved"], world["market"], world["ordered"], world["fine"]):
        get("clob market", "clob", f"/markets/{market['condition']}")
        get("gamma market", "gamma", f"/markets/slug/{market['slug']}")
        get("gamma event", "gamma", "/events", slug=market["event"]["slug"])
    for token in (*world["ordered"]["tokens"], *world["fine"]["tokens"]):
        get("clob book", "clob", "/book", token_id=token)
        get("clob fee rate", "clob", "/fee-rate", token_id=token)
    get("positions v1", "data", "/positions", user=world["leader"], sizeThreshold=0)
    get("trades v1", "data", "/trades", user=world["leader"], takerOnly="false")
    get("rows", "data", "/activity", user=world["leader"])
    for row in samples.pop("rows")[0]:
        samples[f"row {row['type']}"].append(row)


def _orders(samples: Samples, sim: Simulator, world: dict[str, Any]) -> None:
    """Trade, and read everything an owner may read of it."""
    token, condition = world["ordered"]["tokens"][0], world["ordered"]["condition"]
    lever(world, "book", {"token": token, **world["book"]})
    owner = Trader(sim, 11)
    with _taped(owner.user_frames(sim)) as tape:
        _place(samples, owner, world, token)
        page = owner.ask("GET", "/data/orders")
        samples["orders page"].append(page)
        samples["open order"].extend(page["data"])
        first, *_, last = (row["id"] for row in page["data"])
        samples["cancel"].append(owner.ask("DELETE", "/order", body={"orderID": last}))
        lever(world, "book", {"token": token, "bids": [["0.05", "100"]], "asks": [["0.30", "400"]]})
        samples["cancel"].append(owner.ask("DELETE", "/orders", body=[first, "0x" + "33" * 32]))
        samples["trades page"].append(owner.ask("GET", "/data/trades", f"?market={condition}"))
    for frame in tape:
        samples[f"user {frame['event_type']}"].append(frame)
    samples["trade"].extend(row for page in samples["trades page"] for row in page["data"])
    allowed, refused = (Trader(sim, 12), Trader(sim, 13, approved=False))
    for each in (owner, allowed, refused):
        samples["balance"].append(each.ask("GET", "/balance-allowance", "?asset_type=COLLATERAL&signature_type=3"))
    for each in (owner, allowed, refused):
        each.client.close()


def _place(samples: Samples, owner: Trader, world: dict[str, Any], token: str) -> None:
    """Post orders that match, that rest, that are killed and that are refused."""
    sign = owner.client
    for price, kind in (("0.51", "FAK"), ("0.10", "FOK")):
        order = sign.create_market_order(asset_id=token, side="BUY", amount="10", max_price=price, order_type=kind)
        answer = owner.post(order)
        samples["order answer"].append(answer)
        samples["killed"].append(owner.ask("GET", f"/data/order/{answer['orderID']}"))
    for price in ("0.40", "0.45", "0.10"):
        samples["order answer"].append(
            owner.post(sign.create_limit_order(asset_id=token, side="BUY", price=price, size="10"))
        )
    dear = sign.create_limit_order(asset_id=token, side="BUY", price="0.40", size="100000")
    samples["order answer"].append(owner.post(dear))
    trade_once(world)


def _market_channel(sim: Simulator, world: dict[str, Any]) -> ClientConnection:
    tokens = [*world["ordered"]["tokens"], *world["market"]["tokens"]]
    wish = {"type": "market", "assets_ids": tokens, "custom_feature_enabled": True}
    return _subscribed(sim.urls["clob_ws_url"], wish)


def _happen(world: dict[str, Any]) -> None:
    """Let a market's grid move, another be listed, another end."""
    trade_once(world, "market")
    lever(world, "tick", {"condition_id": world["market"]["condition"], "tick": "0.001"})
    lever(world, "positions-market", {})
    lever(world, "resolve", {"condition_id": world["market"]["condition"], "payouts": [1, 0]})


def _subscribed(url: str, wish: dict[str, Any]) -> ClientConnection:
    socket = connect(url)
    socket.send(json.dumps(wish))
    return socket


@contextmanager
def _taped(socket: ClientConnection) -> Generator[list[dict[str, Any]]]:
    """Give the frames of a socket, complete once the block is over."""
    tape: list[dict[str, Any]] = []
    yield tape
    while True:
        try:
            text = str(socket.recv(timeout=_PATIENCE_S))
        except (TimeoutError, ConnectionClosed):
            break
        frames: list[dict[str, Any]] = json.loads(text if text.startswith("[") else f"[{text}]")
        tape.extend(frames)
    socket.close()
