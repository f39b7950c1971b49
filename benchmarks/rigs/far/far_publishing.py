"""Publish signals as a detector does, over a given server: run on a tree's code, its last line is JSON.

`python far_publishing.py URL COUNT RUN`: one batch of a source that shows COUNT new fills at once.
"""

import json
import sys
import threading

from detector.composition import build_publish_loop
from detector.domain.fill_view import FillView
from detector.domain.source_port import Batch
from detector.monitoring.source_stats import SourceStats
from detector.polling.cursors import CursorStore
from shared.clock import SystemClock
from shared.polymarket.wire.leader_fills import LeaderFill
from shared.redis.client import connect_redis

LEADER = "0x" + "d4" * 20


def main() -> None:
    """Publish, and print how long it took."""
    url, count, run = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    redis, clock, stop = connect_redis(url), SystemClock(), threading.Event()
    stats = SourceStats(["data_api"], clock=clock)
    loop = build_publish_loop(redis, stats, CursorStore(redis), lambda _: None, clock=clock, stop=stop)
    now_ms = clock.now_ms()
    loop.publish_batch(_batch(now_ms, run * 1_000_000, 1))
    print("ready", flush=True)
    sys.stdin.readline()
    began = clock.monotonic()
    loop.publish_batch(_batch(now_ms, run * 1_000_000 + 1, count))
    print(json.dumps({"seconds": clock.monotonic() - began}), flush=True)


def _batch(now_ms: int, first: int, count: int) -> Batch:
    fills = tuple(_fill(now_ms, first + number) for number in range(count))
    return Batch("data_api", (FillView("data_api", now_ms, fills),), {LEADER: now_ms // 1000}, rows=count)


def _fill(now_ms: int, number: int) -> LeaderFill:
    return LeaderFill(
        leader=LEADER,
        tx_hash=f"0x{number:064x}",
        token_id=str(10**9 + number % 8),
        side="BUY",
        shares_micro=100_000_000,
        usdc_micro=50_000_000,
        traded_at_ms=now_ms,
    )


if __name__ == "__main__":
    main()
