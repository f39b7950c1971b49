"""Run the simulator on a port: as a program, or in a thread for tests."""

import asyncio
import socket
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

import uvicorn

from simulator.core.book import Side
from simulator.core.clock import Clock, ManualClock, WallClock
from simulator.core.fill import Fill
from simulator.core.market import Market
from simulator.core.settings import Settings
from simulator.core.settlement import Profile
from simulator.core.world import World
from simulator.gateway.app import App
from simulator.gateway.http_messages import Json
from simulator.gateway.joined_transport import Http

_GRACE_S = 1
_START_S = 30
Result = TypeVar("Result")


class Simulator:
    """A served world; its methods may be called from any thread."""

    def __init__(self, app: App, base: str, loop: asyncio.AbstractEventLoop) -> None:
        """Speak to the loop that owns the world."""
        self._app = app
        self._loop = loop
        self.base = base
        self.urls = app.control.urls

    @property
    def world(self) -> World:
        """Return the world; change it only inside `call`."""
        return self._app.world

    @property
    def leaders(self) -> list[Profile]:
        """Return the followed wallets."""
        return self.world.leaders

    @property
    def markets(self) -> list[Market]:
        """Return the listed markets."""
        return self.world.catalog.markets

    def call(self, action: Callable[[], Result]) -> Result:
        """Run something on the world's own thread and return its result."""
        result: Future[Result] = Future()

        def run() -> None:
            try:
                result.set_result(action())
            except Exception as error:  # noqa: BLE001 - carried to the caller
                result.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return result.result(_START_S)

    def fill(self, *, leader: str, token: str, side: Side, shares: str, price: str, **more: Json) -> list[Fill]:
        """Let a wallet trade; see `Control.fill`."""
        facts: dict[str, Any] = {"leader": leader, "token": token, "side": side, **more}
        return self.call(lambda: self._app.control.fill(shares=shares, price=price, **facts))

    def fund(self, owner: str, usdc: str, *, kind: str = "deposit", **more: Json) -> str:
        """Give an owner's wallet pUSD; return the wallet. See `TradersControl.fund`."""
        return self.call(lambda: self._app.traders.fund(owner, usdc, kind=kind, **more)).wallet

    def resolve(self, condition_id: str, payouts: tuple[int, int]) -> None:
        """End a market now."""
        self.call(lambda: self._app.control.resolve(condition_id, payouts))

    def redeem(self, wallet: str, condition_id: str) -> int:
        """Hand in a wallet's holdings of an ended market; return the payout."""
        world = self.world
        market = world.catalog.by_condition[condition_id]
        return self.call(lambda: world.redeem(wallet, market, world.now_ms()))

    def merge(self, wallet: str, condition_id: str, shares: str, **more: Json) -> str:
        """Let a wallet give both outcomes back for collateral; see `Merging.merge`."""
        facts: dict[str, Any] = more
        return self.call(lambda: self._app.merging.merge(wallet, condition_id, shares, **facts))

    def split(self, wallet: str, condition_id: str, shares: str, **more: Json) -> str:
        """Let a wallet turn collateral into both outcomes; see `Merging.split`."""
        facts: dict[str, Any] = more
        return self.call(lambda: self._app.merging.split(wallet, condition_id, shares, **facts))

    def change_tick(self, condition_id: str, tick: str) -> None:
        """Change a market's tick size."""
        self.call(lambda: self._app.control.change_tick(condition_id, tick))

    def fault(self, kind: str, upstream: str = "*", **given: Json) -> int:
        """Put a fault in force; return its id."""
        return self.call(lambda: self._app.control.fault(kind, upstream, **given))

    def heal(self, fault_id: int | None = None) -> int:
        """End one fault or all."""
        return self.call(lambda: self._app.control.heal(fault_id))

    def limit(self, name: str, limit: int, per_s: float = 10) -> None:
        """Change what one budget allows."""
        self.call(lambda: self._app.control.limit({name: {"limit": limit, "per_s": per_s}}))

    def advance(self, seconds: float) -> None:
        """Move a manual clock on and let everything due happen."""
        clock = self.world.clock
        if not isinstance(clock, ManualClock):
            msg = "only a world on a ManualClock can be advanced"
            raise TypeError(msg)

        def move() -> None:
            clock.advance(seconds)
            self.world.advance()

        self.call(move)


def listening(host: str, port: int) -> socket.socket:
    """Return a listening socket; asyncio sends small answers at once only if it is marked as TCP."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    bound.listen(128)
    return bound


def urls_of(host: str, port: int) -> dict[str, str]:
    """Return every upstream's address."""
    base, ws = f"http://{host}:{port}", f"ws://{host}:{port}"
    return {
        "base": base,
        "data_api_url": f"{base}/data",
        "gamma_url": f"{base}/gamma",
        "clob_url": f"{base}/clob",
        "subgraph_url": f"{base}/subgraph/orderbook-subgraph/0.0.1/gn",
        "rpc_url": f"{base}/rpc",
        "second_rpc_url": f"{base}/rpc2",
        "clob_ws_url": f"{ws}/ws/market",
        "clob_user_ws_url": f"{ws}/ws/user",
        "rtds_url": f"{ws}/rtds",
        "pending_url": f"{ws}/rpc/pending",
        "second_pending_url": f"{ws}/rpc2/pending",
        "geoblock_url": f"{base}/site/api/geoblock",
        "relayer_url": f"{base}/relayer",
        "control_url": f"{base}/sim",
    }


class Server(uvicorn.Server):
    """Uvicorn for an app on a bound socket; it logs errors only and says when it is up."""

    def __init__(self, app: App, bound: socket.socket, started: Callable[[], None]) -> None:
        """Serve an app; `started` is called once connections are answered."""
        config = uvicorn.Config(
            app,
            log_level="error",
            access_log=False,
            date_header=False,
            server_header=False,
            lifespan="on",
            http=Http,
            ws="websockets-sansio",
            timeout_graceful_shutdown=_GRACE_S,
        )
        super().__init__(config)
        self._bound = bound
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Come up, then say so."""
        await super().startup(sockets)
        self._started()

    def serve_until_stopped(self) -> None:
        """Run in this thread."""
        self.run(sockets=[self._bound])


@contextmanager
def serve(
    settings: Settings | None = None, clock: Clock | None = None, *, host: str = "127.0.0.1"
) -> Generator[Simulator]:
    """Serve a world from a thread on a free port for as long as the block lasts."""
    app = App(settings or Settings(), clock or WallClock())
    bound = listening(host, 0)
    app.control.urls.update(urls_of(host, bound.getsockname()[1]))
    loop: Future[asyncio.AbstractEventLoop] = Future()
    server = Server(app, bound, lambda: loop.set_result(asyncio.get_running_loop()))
    thread = threading.Thread(target=server.serve_until_stopped, name="simulator", daemon=True)
    thread.start()
    try:
        yield Simulator(app, app.control.urls["base"], loop.result(_START_S))
    finally:
        server.should_exit = True
        thread.join(_START_S)
        bound.close()
