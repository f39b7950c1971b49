"""A worker for test_processes.py to kill: `python -m tests.redeemer.jobs.doomed_worker URL QUEUE asking|paid`.

It stops in the middle of its job, either while it asks the chain or right after the ledger paid, and says so.
"""

import sys
import threading
from typing import Any

from redeemer.jobs.rq_worker import RedeemWorker
from redeemer.redemption.paper_redeemer import PaperRedeemer
from redeemer.redemption.resolutions import Resolutions
from shared.clock import SystemClock
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import Event
from shared.rate_limit.gate import GateLane
from shared.redis.client import connect_redis
from tests.redeemer.builders import CONDITION, FakeDataApi, FakeNode


def hang(where: str) -> None:
    """Say where we are, and stay there until killed."""
    sys.stdout.write(where + "\n")
    sys.stdout.flush()
    threading.Event().wait(60)


class HangingNode(FakeNode):
    """A node that never answers."""

    def post(self, path: str, json: list[dict[str, Any]], /, lane: GateLane) -> Any:
        hang("asking")
        return super().post(path, json, lane=lane)


def main(url: str, queue: str, point: str) -> None:
    redis = connect_redis(url)
    node = (HangingNode if point == "asking" else FakeNode)(**{CONDITION: (1, 0)})

    def emit(_: Event) -> None:
        hang("paid")

    redeemer = PaperRedeemer(
        "paper", RedisLedger(redis, "paper"), Resolutions(node, FakeDataApi()), clock=SystemClock(), emit=emit
    )
    RedeemWorker(redeemer, redis, queue, clock=SystemClock()).run(threading.Event())


if __name__ == "__main__":
    main(*sys.argv[1:])
