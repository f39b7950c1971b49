"""The ASGI application: one world behind every upstream's paths."""

import asyncio

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from simulator.chain.redemptions import Redemptions
from simulator.chain.relayer import Relayer
from simulator.chain.rpc import Rpc
from simulator.chain.rpc_sending import Sending
from simulator.chain.transaction_pool import Pool
from simulator.chain.wallet_calls import WalletCalls
from simulator.clob.account_api import ClobAccount
from simulator.clob.batch_prices import BatchPrices
from simulator.clob.credentials import Credentials
from simulator.clob.market_ws import MarketChannel
from simulator.clob.order_api import ClobOrders
from simulator.clob.public_data import Clob
from simulator.clob.signer_limits import SignerLimits
from simulator.clob.user_ws import UserChannel
from simulator.control.control_api import Control
from simulator.control.traders_control import TradersControl
from simulator.core.clock import Clock
from simulator.core.settings import Settings
from simulator.core.world import World
from simulator.data_api.approvals import Approvals
from simulator.data_api.data_facts import DataFacts
from simulator.data_api.data_v1 import DataV1
from simulator.data_api.data_v2 import DataV2
from simulator.data_api.leaderboard import Leaderboard
from simulator.data_api.position_merges import Merging
from simulator.data_api.rtds import Rtds
from simulator.exchange.accounts import Accounts
from simulator.exchange.exchange import Exchange
from simulator.gamma.gamma import Gamma
from simulator.gateway.gateway import Gateway
from simulator.gateway.geoblock import Site
from simulator.gateway.limits import Limits
from simulator.gateway.request_log import RequestLog
from simulator.operator.pending_hub import PendingNodes
from simulator.scenario.activity_file import ActivityFile
from simulator.scenario.generator import Generator
from simulator.subgraph.subgraph import Subgraph

_IDLE_S = 0.1


class App:
    """Build a world from its settings and serve it."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Put everything together; nothing runs yet."""
        self.world = World(settings, clock)
        limits = Limits(enabled=settings.limits, scale=settings.limit_scale)
        requests = RequestLog()
        self.market_channel = MarketChannel(self.world)
        self.rtds = Rtds(self.world)
        self._credentials = Credentials(settings.seed)
        self._signers = SignerLimits(enabled=settings.limits)
        self.site = Site()
        self.exchange = Exchange(self.world, Accounts(self.world.held))
        self.user_channel = UserChannel(self.world, self._credentials)
        self.traders = TradersControl(self.world, self.exchange, self._signers)
        self.merging = Merging(self.world)
        self.pending = PendingNodes(self.world)
        hubs = [self.market_channel, self.rtds, self.user_channel, self.pending.first, self.pending.second]
        self.control = Control(self.world, limits, requests, list(hubs), self.pending)
        self.gateway = Gateway(self.world, limits, requests)
        self._mount()
        Generator(self.world).start()
        for owner, usdc, kind in settings.fund:
            self.traders.fund(owner, usdc, kind=kind)
        if settings.activity:
            ActivityFile(self.world, settings.activity).start()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            await self.gateway(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(WebSocket(scope, receive, send))
        else:
            await self._lifespan(receive, send)

    async def run(self) -> None:
        """Let the world live: run what is due, sleep until the next thing is."""
        world = self.world
        while True:
            world.advance()
            due, now = world.agenda.next_ms(), world.now_ms()
            pause = _IDLE_S if due is None else min(_IDLE_S, (due - now) / 1000)
            await asyncio.sleep(max(0.001, pause))

    def _died(self, life: "asyncio.Task[None]") -> None:
        """Let every later answer say why the world stands still."""
        if not life.cancelled() and (error := life.exception()):
            self.gateway.failure = f"the world stopped: {error!r}"

    def _mount(self) -> None:
        world, directory = self.world, self.gateway.directory
        directory.add("data", DataV2(world).routes() + DataFacts(world).routes() + DataV1(world).routes())
        directory.add("data", Leaderboard(world).routes() + Approvals(self.exchange.accounts).routes())
        directory.add("gamma", Gamma(world).routes())
        directory.add("clob", Clob(world).routes() + BatchPrices(world).routes())
        keys = ClobAccount(world, self.exchange.accounts, self._credentials)
        directory.add("clob", keys.routes() + ClobOrders(world, self.exchange, keys, self._signers).routes())
        directory.add("site", self.site.routes())
        directory.add("relayer", Relayer(self.exchange.accounts).routes())
        directory.add("subgraph", Subgraph(world).routes())
        redemptions = Redemptions(world, self.exchange.accounts)
        sending = Sending(world, Pool(world, redemptions), redemptions)
        for node in ("rpc", "rpc2"):
            directory.add(node, Rpc(world, WalletCalls(self.exchange.accounts), sending, node).routes())
        directory.add("sim", self.control.routes() + self.traders.routes() + self.merging.routes() + self.site.levers())

    async def _socket(self, socket: WebSocket) -> None:
        hubs = {"/ws/market": self.market_channel, "/ws/user": self.user_channel, "/rtds": self.rtds}
        hubs |= {"/rpc/pending": self.pending.first, "/rpc2/pending": self.pending.second}
        hub = hubs.get(socket.url.path)
        if hub is None:
            await socket.close()
        else:
            await hub.serve(socket)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        life: asyncio.Task[None] | None = None
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                life = asyncio.create_task(self.run())
                life.add_done_callback(self._died)
                await send({"type": "lifespan.startup.complete"})
            else:
                if life:
                    life.cancel()
                await send({"type": "lifespan.shutdown.complete"})
                return
