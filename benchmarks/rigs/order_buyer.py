"""`python -m buyer` with a stopwatch on each stage, and the floor beside it: both as processes of their own.

`python -m benchmarks.rigs.order_buyer buyer FILE` writes at its end, for each order, the milliseconds of each stage and
the epoch milliseconds at which handling began and at which the POST began. `... floor FILE` is the barest script that
does the same job: read a stream, write once, sign, POST on a warm connection.
"""

import http.client
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

import buyer.execution.order_executor as executor_module
from benchmarks.rigs.order_rig import CLOCK, KEY, wall_ms
from buyer import composition
from buyer.config import parse_args
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.market_data.price_feed import MarketPriceFeed
from buyer.venue.polymarket.account_access import wallet_of
from buyer.venue.polymarket.account_requests import api_key
from buyer.venue.polymarket.client import PolymarketVenue
from buyer.venue.polymarket.credentials import RequestHeaders
from buyer.venue.polymarket.order_signing import UnsignedOrder, exchange_of, order_body, order_digest, whole_signature
from buyer.venue.polymarket.signer import OrderSigner
from buyer.venue.polymarket.wire.order_amounts import order_amounts
from shared.domain.market import Side
from shared.domain.money import Price, to_micro
from shared.http.client import Upstream
from shared.ledger.redis_ledger import RedisLedger
from shared.process.shutdown_signals import Inbox, StopRequested, die_with_parent, listen_signals
from shared.redis.client import connect_redis
from shared.redis.consumer_group import GroupReader

FLOOR = "floor:signals"
GROUP = "floor"
STAGES: tuple[tuple[str, Any, str], ...] = (
    ("facts", MarketPriceFeed, "facts"),
    ("book", MarketPriceFeed, "book"),
    ("read balances", Journal, "status_and_balances"),
    ("decide", executor_module, "decide_signal"),
    ("turn and sign", PolymarketVenue, "prepare"),
    ("write", Journal, "write"),
    ("write", RedisLedger, "heard_step"),
    ("post and answer", PolymarketVenue, "place"),
)
WRITES = {"intent": "write intent", "decision": "write decision"}
"""The stage of a write, by the first word of its step's name: from when it is sent, or waited for, to its answer."""


class Watch:
    """Notes how long each stage of each order took, on whichever thread, while signals come one by one."""

    def __init__(self) -> None:
        self.orders: list[dict[str, float]] = []
        self._now: dict[str, float] = {}
        for name, owner, method in STAGES:
            setattr(owner, method, self._timed(name, getattr(owner, method)))
        judge = self._begun(BuyExecutor.judge)
        BuyExecutor.judge = judge  # type: ignore[method-assign]  # an order's time begins with it

    def _timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **more: Any) -> Any:  # noqa: ANN401 - any call
            if name == "post and answer":
                self._now["posted_at_ms"] = wall_ms()
                self.orders.append(self._now)
            started = perf_counter()
            try:
                return call(*args, **more)
            finally:
                stage = WRITES.get(args[1].id.partition(":")[0], name) if name == "write" else name
                self._now[stage] = (perf_counter() - started) * 1000

        return timed

    def _begun(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def begun(*args: Any, **more: Any) -> Any:  # noqa: ANN401 - any call
            self._now = {"handled_at_ms": wall_ms()}
            return call(*args, **more)

        return begun


def run_buyer(file: Path) -> None:
    """Run the buyer until told to stop; write what the stopwatch saw."""
    watch, stop = Watch(), threading.Event()
    built = composition.build_buyer(parse_args([]), stop=stop, emit=lambda _: None)
    thread = threading.Thread(target=built.service.run, args=(stop,), name="buyer")
    inbox = Inbox()
    with listen_signals(inbox):
        thread.start()
        while not isinstance(inbox.get(), StopRequested):
            continue
    stop.set()
    thread.join(10)
    file.write_text(json.dumps(watch.orders), encoding="utf-8")


def run_floor() -> None:
    """Read, write once, sign, POST; nothing else."""
    settings = parse_args([])
    redis = connect_redis(settings.redis_url, blocking_s=1)
    clob = Upstream("clob", settings.clob_url, [], clock=CLOCK, stop=threading.Event())
    signer = OrderSigner(SecretStr(KEY))
    requests = RequestHeaders(signer.address, api_key(clob, signer, CLOCK))
    wallet, token = wallet_of(settings, signer), os.environ["FLOOR_TOKEN"]
    parts = urlsplit(settings.clob_url)
    venue = http.client.HTTPConnection(str(parts.hostname), parts.port or 80)
    side: Side = "BUY"
    wanted = order_amounts(side, "FAK", to_micro(settings.stake_usdc), Price(500_000), Price(10_000))
    exchange, number = exchange_of(token, neg_risk=os.environ["FLOOR_NEG_RISK"] == "1"), 0
    reader = GroupReader(redis, FLOOR, GROUP, "floor-0", clock=CLOCK)
    while True:
        for entry in reader.read():
            number += 1
            redis.hset("floor:intents", str(number), entry.json)
            order = UnsignedOrder(wallet, exchange, token, side, wanted, number, CLOCK.now_ms())
            text = order_body(order, whole_signature(order, signer.sign(order_digest(order))), requests.owner)
            headers = requests.headers("POST", "/order", text, CLOCK.now_ms())
            venue.request("POST", f"{parts.path}/order", text, {"Content-Type": "application/json", **headers})
            venue.getresponse().read()


def main() -> None:
    """Run one of both."""
    die_with_parent()
    what, file = sys.argv[1], Path(sys.argv[2])
    if what == "buyer":
        run_buyer(file)
    else:
        run_floor()


if __name__ == "__main__":
    main()
