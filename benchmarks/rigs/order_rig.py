"""Parts that the benchmarks of live orders share: a durable server, a venue with a deep book, a funded wallet."""

import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import time_ns  # noqa: TID251 - fractions of a millisecond, beside the simulator's own wall clock
from typing import Any

from msgspec.structs import replace
from pydantic import SecretStr
from redis import Redis

from buyer.venue.polymarket.signer import OrderSigner
from ops.demo import demo
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.clock import Clock, SystemClock
from shared.domain.market import Side
from shared.domain.money import Price, Shares, Usdc
from shared.http.client import Upstream
from shared.messages.base import fact_id
from shared.messages.signals import ActionableSignal, Fill, MarketHint, SeenBy
from shared.process.shutdown_signals import DIE_WITH_PARENT
from shared.redis.client import connect_redis

CLOCK: Clock = SystemClock()
NEVER = threading.Event()
KEY = hashlib.sha256(b"correct horse").hexdigest()
"""A public test key: anybody can make it."""
LEADER = "0x" + "a1" * 20
LEADERS = (LEADER, *("0x" + digit * 40 for digit in "abc"))
"""Whom a buyer here follows."""
DEEP = "90000000"
"""Shares on each level of the book: no order moves it."""
MARKETS = 8
CAPS = ("market", "event", "group", "leader", "day", "total", "day_loss", "drawdown")
AGAIN = {"STAKE_WINDOW_S": "0", "COOLDOWN_S": "0", "OTHER_OUTCOME": "buy", "BREAKER_FALL_USDC": "0"}
"""What lets one token be bought again and again."""
UNBOUNDED = {
    **{f"MAX_{cap.upper()}_USDC": "90000000" for cap in CAPS},
    "MAX_ORDERS_PER_MINUTE": "1000000",
    **AGAIN,
}


@dataclass
class Trading:
    """A venue where our wallet trades, and the server that carries the pipeline."""

    urls: Mapping[str, Any]
    server: EmbeddedRedis
    folder: Path
    token: str = ""
    wallet: str = ""
    other: str = ""
    neg_risk: bool = False
    tokens: tuple[str, ...] = ()
    """The first outcome of each of `MARKETS` markets."""
    recorder_url: str = ""
    """The venue that takes the orders in place of the local CLOB, where there is one."""
    far_url: str = ""
    """Where the programs reach the server, when it is far from them."""
    changes: Mapping[str, str] = field(default_factory=dict[str, str])
    """Settings of the buyer that are others here."""

    def __post_init__(self) -> None:
        self._levers = Upstream(
            "levers", str(self.urls["control_url"]), [], clock=CLOCK, stop=NEVER, timeout_s=60, max_body_bytes=2**28
        )
        self._recorder = self._levers
        self._seq = 0
        self._market_of: dict[str, str] = {}
        self.redis: Redis = connect_redis(self.server.url)

    def prepare(self, usdc: str = "90000000") -> None:
        """Fund the wallet and set a deep book on one outcome."""
        owner = OrderSigner(SecretStr(KEY)).address
        self.wallet = self.post("/fund", {"owner": owner, "usdc": usdc, "kind": "deposit"})["wallet"]
        markets = sorted(self.get("/world")["markets"], key=lambda market: -market["end_ms"])[:MARKETS]
        self.token, self.neg_risk = markets[0]["tokens"][0], markets[0]["neg_risk"]
        self.other = markets[0]["tokens"][1]
        self.tokens = tuple(market["tokens"][0] for market in markets)
        self._market_of = {token: market["condition_id"] for market in markets for token in market["tokens"]}
        for token in self.tokens:
            self.post("/tick", {"condition_id": self._market_of[token], "tick": "0.01"})
            self.post("/book", {"token": token, "bids": [["0.49", DEEP]], "asks": [["0.5", DEEP]]})

    @contextlib.contextmanager
    def recording(self) -> Generator[None]:
        """Let a venue take the orders that only records them, while the block runs."""
        words = [sys.executable, "-m", "benchmarks.rigs.orders.venue_recorder", str(self.urls["clob_url"])]
        told = {**os.environ, DIE_WITH_PARENT: str(os.getpid())}
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=told) as process:
            self.recorder_url = process.stdout.readline().strip() if process.stdout else ""
            self._recorder = Upstream("recorder", self.recorder_url, [], clock=CLOCK, stop=NEVER, max_body_bytes=2**28)
            try:
                yield
            finally:
                process.kill()

    def signal(
        self, number: int, token: str, *, run: str = "", side: Side = "BUY", leader: str = LEADER
    ) -> ActionableSignal:
        """Build the leader's trade number `number`, its market named as detectors name it."""
        return replace(
            a_signal(number, token, run=run, side=side, leader=leader),
            market=MarketHint(condition_id=self._market_of[token]),
        )

    def condition(self, token: str) -> str:
        """Return the market of a token."""
        return self._market_of[token]

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Ask the control port."""
        return self._levers.get(path, params)

    def post(self, path: str, body: Any) -> Any:  # noqa: ANN401 - JSON
        """Pull a lever."""
        return self._levers.post(path, body)

    def arrivals(self) -> list[float]:
        """Return when orders arrived since the last call, in epoch milliseconds with fractions, oldest first."""
        if self.recorder_url:
            return [float(at_ms) for at_ms in self._recorder.get("/recorded")]
        found = self.get("/requests", {"after": self._seq, "upstream": "clob", "limit": 1_000_000})["requests"]
        self._seq = found[-1]["seq"] if found else self._seq
        return [float(one["time_ms"]) for one in found if (one["method"], one["route"]) == ("POST", "/order")]

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings of a live buyer here."""
        return {
            "LIVE": "true",
            "TRACKED_WALLETS": ",".join(LEADERS),
            "DRY_RUN": "false",
            "PRIVATE_KEY": KEY,
            "REDIS_URL": self.far_url or self.server.url,
            "GAMMA_URL": str(self.urls["gamma_url"]),
            "CLOB_URL": self.recorder_url or str(self.urls["clob_url"]),
            "CLOB_MARKET_URL": str(self.urls["clob_ws_url"]),
            "CLOB_USER_URL": str(self.urls["clob_user_ws_url"]),
            "DATA_API_URL": str(self.urls["data_api_url"]),
            "RPC_URL": str(self.urls["rpc_url"]),
            "GEOBLOCK_URL": str(self.urls["geoblock_url"]),
            "RUN_DIR": str(self.folder),
            "ORDERS_PER_S": "600",
            "RPC_RATE_PER_S": "1000",
            "ACCOUNT_RATE_PER_S": "90",
            **UNBOUNDED,
            **self.changes,
        }


def wall_ms() -> float:
    """Return the epoch time in milliseconds, with fractions."""
    return time_ns() / 1e6


def a_signal(number: int, token: str, *, run: str = "", side: Side = "BUY", leader: str = LEADER) -> ActionableSignal:
    """Build the leader's trade number `number`: 100 shares at 0.50, just now."""
    now_ms = CLOCK.now_ms()
    shares, usdc = Shares(100_000_000), Usdc(50_000_000)
    return ActionableSignal(
        id=fact_id("benchmark", run, side, number),
        emitted_at_ms=now_ms,
        leader=leader,
        tx_hash="0x" + fact_id("tx", run, side, number),
        token_id=token,
        side=side,
        shares=shares,
        usdc=usdc,
        price=Price(500_000),
        fills=(Fill(shares=shares, usdc=usdc),),
        traded_at_ms=now_ms,
        seen_at_ms=now_ms,
        seen_by=(SeenBy(source="rtds", seen_at_ms=now_ms, lag_ms=0),),
    )


@contextlib.contextmanager
def trading(*words: str) -> Generator[Trading]:
    """Run venue, server (synced at every write) and region while the block runs."""
    quiet = ("--fills-per-minute", "0", "--no-limits", "--resolve-after", "86400", *words)
    with (
        tempfile.TemporaryDirectory() as folder,
        demo.simulator(CLOCK, *quiet) as world,
        EmbeddedRedis(Path(folder) / "valkey") as server,
    ):
        found = Trading(world.urls, server, Path(folder))
        found.prepare()
        yield found
