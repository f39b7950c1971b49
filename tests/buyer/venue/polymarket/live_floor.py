"""A funded wallet at a local venue, and the live buyers that trade with it."""

import hashlib
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from redis import Redis

from buyer.composition import BuiltBuyer, build_buyer
from buyer.config import BuyerSettings, parse_args
from buyer.recovery import startup
from buyer.venue.polymarket.signer import OrderSigner
from shared.clock import SystemClock
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import fact_id
from shared.messages.decisions import BuyEngineDecision
from shared.messages.signals import ActionableSignal
from shared.redis.client import connect_redis
from simulator import Settings, serve
from simulator.gateway.server import Simulator
from tests.buyer.builders import LEADER, a_signal
from tests.waiting import PATIENCE_S

KEY = hashlib.sha256(b"correct horse").hexdigest()
"""A public test key: anybody can make it."""
OWNER = OrderSigner(SecretStr(KEY)).address
CLOCK = SystemClock()


@dataclass
class Floor:
    """A funded wallet at a local venue, and what a buyer there is told."""

    sim: Simulator
    redis_url: str
    folder: Path
    told: list[BuyEngineDecision] = field(default_factory=list[BuyEngineDecision])

    @property
    def token(self) -> str:
        return self.sim.markets[0].tokens[0]

    @property
    def tokens(self) -> list[str]:
        return [token for market in self.sim.markets for token in market.tokens]

    @property
    def redis(self) -> Redis:
        return connect_redis(self.redis_url)

    def fund(self, usdc: str = "1000", **how: Any) -> None:
        traders = self.sim._app.traders
        self.sim.call(lambda: traders.fund(OWNER, usdc, **how))
        self.offer(self.token)

    def offer(self, token: str) -> None:
        traders, levels = self.sim._app.traders, ([["0.49", "1000"]], [["0.5", "1000"]])
        self.sim.call(lambda: traders.set_book(token, *levels))

    @property
    def account(self) -> Any:
        (account,) = self.sim._app.exchange.accounts.by_wallet.values()
        return account

    def settings(self, *flags: str) -> BuyerSettings:
        urls = self.sim.urls
        given = {
            "--private-key": KEY,
            "--tracked-wallets": LEADER,
            "--redis-url": self.redis_url,
            "--gamma-url": urls["gamma_url"],
            "--clob-url": urls["clob_url"],
            "--rpc-url": urls["rpc_url"],
            "--data-api-url": urls["data_api_url"],
            "--clob-user-url": urls["clob_user_ws_url"],
            "--geoblock-url": urls["geoblock_url"],
            "--run-dir": str(self.folder),
            "--warm-tokens": "0",
            "--rpc-rate-per-s": "100",
        }
        return parse_args(
            [
                "--live",
                "--no-dry-run",
                "--accept-forgetful-server",
                *(word for pair in given.items() for word in pair),
                *flags,
            ]
        )

    def signal(self, number: int = 1, token: str = "") -> ActionableSignal:
        now_ms = CLOCK.now_ms()
        return a_signal(
            id=fact_id("signal", number),
            tx_hash="0x" + fact_id("tx", number),
            token_id=token or self.token,
            traded_at_ms=now_ms,
            seen_at_ms=now_ms,
            emitted_at_ms=now_ms,
        )

    @contextmanager
    def buyer(self, *flags: str) -> Generator[BuiltBuyer]:
        """Run a live buyer on a thread while the block runs."""
        stop = threading.Event()
        built = build_buyer(self.settings(*flags), stop=stop, emit=self.told.append)
        thread = threading.Thread(target=built.service.run, args=(stop,))
        thread.start()
        try:
            yield built
        finally:
            stop.set()
            thread.join(PATIENCE_S)
            built.mode.close()

    @contextmanager
    def two_buyers(self) -> Generator[None]:
        """Run two live buyers of one account, each with one of two shards."""
        with (
            self.buyer("--buyer-shards", "2", "--consumer", "a", "--lease-s", "2") as one,
            self.buyer("--buyer-shards", "2", "--consumer", "b", "--lease-s", "2") as two,
        ):
            until(lambda: [len(built.service.snapshot()["shards"]) for built in (one, two)] == [1, 1])
            yield

    def lots(self) -> list[tuple[str, int]]:
        return [(lot.leader, lot.shares) for lot in open_lots(RedisLedger(self.redis, "live"))]


@pytest.fixture
def floor(valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Floor]:
    quiet = Settings(fills_per_minute=0, speed=20, resolve_after_s=1_000_000)
    monkeypatch.setattr(startup, "LOSS_WAIT_S", startup.LOSS_WAIT_S / quiet.speed)  # the venue's time is that fast
    with serve(quiet) as sim:
        yield Floor(sim, valkey_url, tmp_path)


def until(done: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
    """Wait for real processes; fail loudly when it never comes."""
    end = CLOCK.monotonic() + seconds
    while not done():
        assert CLOCK.monotonic() < end, "it never came"
        CLOCK.wait(threading.Event(), 0.02)
