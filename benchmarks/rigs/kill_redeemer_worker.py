"""A real redeemer worker that kills somebody at a given step of its work: itself, the node, or the server.

A step is a job, a turn at the signer's lease, a write to the ledger or a question to the node; each before it and after
it. The driver reads from stdout who was killed and brings it back; a worker that killed itself is started again with
the next orders.
"""

import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from redeemer import composition_live
from redeemer.composition import build_worker
from redeemer.config import parse_args
from redeemer.redemption.live_redeemer import LiveRedeemer
from shared import logs
from shared.clock import SystemClock
from shared.domain.ledger_write import LedgerWrite, Result
from shared.http.client import Upstream
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.redemptions import RedemptionResult
from shared.redis.lease import Lease

WHAT = (
    "job",
    "turn",
    "batch",
    "eth_getBlockByNumber",
    "eth_maxPriorityFeePerGas",
    "eth_call",
    "eth_estimateGas",
    "eth_getBalance",
    "eth_getTransactionCount",
    "write send",
    "eth_sendRawTransaction",
    "write replace",
    "eth_blockNumber",
    "eth_getTransactionReceipt",
    "write seen",
    "eth_getLogs",
    "write redeemed",
    "write close",
)
"""What happens to one redemption, about in this order; `batch` is how it resolved and what is held."""
STEPS = tuple(f"{when} {what}" for what in WHAT for when in ("before", "after"))


class Reaper:
    """Carries out orders, `pid:victim:step` words, one after the other: whoever is named dies at the step."""

    def __init__(self, orders: list[str]) -> None:
        self._orders = [word.split(":") for word in orders]

    def step(self, where: str) -> None:
        """Pass one step; whoever is due at it dies now."""
        if not self._orders or self._orders[0][2] != where:
            return
        pid, name, _ = self._orders.pop(0)
        sys.stdout.write(f"killed {name}\n")
        sys.stdout.flush()
        os.kill(int(pid) or os.getpid(), signal.SIGKILL)

    @contextmanager
    def around(self, what: str) -> Generator[None]:
        """Pass the step before something and, when it is done, the one after it."""
        self.step(f"before {what}")
        yield
        self.step(f"after {what}")


def main() -> None:
    """Work until killed."""
    settings = parse_args([])
    logs.configure_logs(level="error")
    reaper = Reaper(sys.argv[1:])

    class DoomedLedger(RedisLedger):
        def commit(self, write: LedgerWrite) -> Result:
            with reaper.around(f"write {write.id.partition(':')[0]}"):
                return super().commit(write)

    class DoomedUpstream(Upstream):
        def post(self, path: str, json: Any, *rest: Any, **more: Any) -> Any:  # noqa: ANN401 - JSON
            with reaper.around("batch" if isinstance(json, list) else str(json["method"])):
                return super().post(path, json, *rest, **more)

    class DoomedLease(Lease):
        def try_acquire(self) -> str:
            with reaper.around("turn"):
                return super().try_acquire()

    class DoomedRedeemer(LiveRedeemer):
        def redeem(self, wallet: str, condition_id: str) -> RedemptionResult | None:
            with reaper.around("job"):
                return super().redeem(wallet, condition_id)

    composition_live.RedisLedger, composition_live.Upstream, composition_live.Lease, composition_live.LiveRedeemer = (
        DoomedLedger,
        DoomedUpstream,
        DoomedLease,
        DoomedRedeemer,
    )
    stop = threading.Event()
    build_worker(settings, stop=stop, clock=SystemClock(), emit=lambda _: None).run(stop)


if __name__ == "__main__":
    main()
