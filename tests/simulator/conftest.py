"""A quiet venue on a clock moved by hand: nothing happens unless a test makes it happen."""

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import certifi
import pytest
import requests
from websockets.sync.client import ClientConnection, connect

from simulator import ManualClock, Settings, Simulator, WallClock, serve
from simulator.chain import abi
from simulator.core.book import Side
from simulator.core.fill import Fill
from simulator.core.market import Market
from tests.waiting import PATIENCE_S


class Venue:
    """A served world with the few calls the tests make."""

    def __init__(self, sim: Simulator) -> None:
        self.sim = sim
        self.http = requests.Session()
        self.bust = count()
        self.leader, self.other = (each.address for each in sim.leaders[:2])
        self.market: Market = sim.markets[0]
        self.token = self.market.tokens[0]

    def get(self, upstream: str, path: str, /, **params: Any) -> requests.Response:
        return self.http.get(f"{self.sim.base}/{upstream}{path}", params=params, timeout=PATIENCE_S)

    def post(self, upstream: str, path: str, body: Any) -> requests.Response:
        return self.http.post(f"{self.sim.base}/{upstream}{path}", json=body, timeout=PATIENCE_S)

    def rows(self, **params: Any) -> list[dict[str, Any]]:
        """Return a page of v2 activity, past the cache."""
        fresh = {"user": self.leader, "_": next(self.bust), **params}
        return self.get("data", "/v2/activity", **fresh).json()["data"]

    def rpc(self, method: str, *params: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        return self.post("rpc", "", body).json()

    def logs(self, wallet: str, span: int = 200) -> list[dict[str, Any]]:
        """Return a wallet's OrderFilled logs, as a detector asks for them."""
        head = int(self.rpc("eth_blockNumber")["result"], 16)
        asked = {
            "fromBlock": hex(head - span),
            "toBlock": hex(head),
            "topics": [[abi.ORDER_FILLED_V1, abi.ORDER_FILLED_V2], None, [abi.padded(wallet)]],
        }
        return self.rpc("eth_getLogs", asked)["result"]

    def query(self, text: str, **variables: Any) -> dict[str, Any]:
        body = {"query": text, "variables": variables}
        return self.post("subgraph", "/orderbook-subgraph/0.0.1/gn", body).json()

    def fill(self, side: Side = "BUY", shares: str = "10", price: str = "0.5", **more: Any) -> list[Fill]:
        facts = {"leader": self.leader, "token": self.token, **more}
        return self.sim.fill(side=side, shares=shares, price=price, **facts)

    def socket(self, name: str, first: dict[str, Any]) -> ClientConnection:
        """Open a push feed and subscribe."""
        socket = connect(self.sim.urls[name])
        socket.send(json.dumps(first))
        return socket

    def rtds(self, kind: str = "trades", **more: Any) -> ClientConnection:
        wish = {"topic": "activity", "type": kind, **more}
        socket = self.socket("rtds_url", {"action": "subscribe", "subscriptions": [wish]})
        socket.send("PING")
        assert socket.recv(timeout=PATIENCE_S) == ""
        return socket

    def channel(self, *tokens: str) -> ClientConnection:
        wish = {"type": "market", "assets_ids": list(tokens), "custom_feature_enabled": True}
        return self.socket("clob_ws_url", wish)


@pytest.fixture(scope="session")
def _one_authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file of one certificate authority: each client of the SDK reads it ten times, and nothing here is TLS."""
    first, end, _ = Path(certifi.where()).read_text(encoding="utf-8").partition("-----END CERTIFICATE-----\n")
    file = tmp_path_factory.mktemp("authority") / "one.pem"
    file.write_text(first + end, encoding="utf-8")
    return file


@pytest.fixture
def trader_of(_one_authority: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Give traders on one venue whose clock stands at the real time: the SDK stamps its requests with that."""
    from tests.simulator.trader import Trader  # noqa: PLC0415 - the SDK takes a second to import

    monkeypatch.setenv("SSL_CERT_FILE", str(_one_authority))
    made: list[Trader] = []
    quiet: dict[str, Any] = {"fills_per_minute": 0.0, "leaders": 2, "markets": 6, "resolve_after_s": 86_400.0}
    with serve(Settings(**quiet), ManualClock(WallClock().now_ms())) as sim:
        sim.world.paused = True
        venue = Venue(sim)

        def make(kind: str = "deposit", **more: Any) -> Trader:
            made.append(Trader(venue, kind, number=len(made) + 1, **more))
            return made[-1]

        yield make
        for trader in made:
            trader.close()


@pytest.fixture
def trader(trader_of: Callable[..., Any]) -> Any:
    """Give a trader with a deposit wallet and 1,000 pUSD."""
    return trader_of()


@pytest.fixture(scope="session")
def venue_of() -> Callable[..., Any]:
    return _venue_of


def _venue_of(**given: Any) -> Iterator[Venue]:
    quiet: dict[str, Any] = {"fills_per_minute": 0.0, "leaders": 2, "markets": 6, "resolve_after_s": 86_400.0}
    with serve(Settings(**{**quiet, **given}), ManualClock()) as sim:
        sim.world.paused = True
        yield Venue(sim)


@pytest.fixture
def venue() -> Iterator[Venue]:
    yield from _venue_of()


@pytest.fixture
def v1_venue() -> Iterator[Venue]:
    yield from _venue_of(era="v1")
