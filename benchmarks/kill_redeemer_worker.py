"""A real redeemer worker that kills somebody at a given step of its work: itself, the node, or the server.

A step is one write to the ledger or one question to the node, before it and after it. The driver reads from stdout who
was killed and brings it back; a worker that killed itself is started again with the next orders.
"""

import os
import signal
import sys
import threading
from typing import Any

from redeemer import live
from redeemer.bootstrap import build_worker
from redeemer.config import parse_args
from shared import logs
from shared.clock import SystemClock
from shared.http import Upstream
from shared.ledger import RedisLedger
from shared.writes import Result, Write


class Reaper:
    """Counts steps, and carries out orders: `step:pid:name` words, in order."""

    def __init__(self, orders: list[str]) -> None:
        self._orders = [word.split(":") for word in orders]
        self._passed = 0

    def step(self, where: str) -> None:
        """Pass one step; whoever is due at it dies now."""
        self._passed += 1
        while self._orders and self._passed >= int(self._orders[0][0]):
            _, pid, name = self._orders.pop(0)
            sys.stdout.write(f"killed {name} {where.replace(' ', '_')}\n")
            sys.stdout.flush()
            os.kill(int(pid) or os.getpid(), signal.SIGKILL)


def main() -> None:
    """Work until killed."""
    settings = parse_args([])
    logs.configure(level="error")
    reaper = Reaper(sys.argv[1:])

    class DoomedLedger(RedisLedger):
        def commit(self, write: Write) -> Result:
            name = write.id.partition(":")[0]
            reaper.step(f"before write {name}")
            done = super().commit(write)
            reaper.step(f"after write {name}")
            return done

    class DoomedUpstream(Upstream):
        def post(self, path: str, json: Any, *rest: Any, **more: Any) -> Any:  # noqa: ANN401 - JSON
            name = "batch" if isinstance(json, list) else str(json["method"])
            reaper.step(f"before {name}")
            answer = super().post(path, json, *rest, **more)
            reaper.step(f"after {name}")
            return answer

    live.RedisLedger, live.Upstream = DoomedLedger, DoomedUpstream
    stop = threading.Event()
    build_worker(settings, stop=stop, clock=SystemClock(), emit=lambda _: None).run(stop)


if __name__ == "__main__":
    main()
