"""`python -m buyer --live --no-dry-run` as a process, at a local venue."""

import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.buyer.builders import LEADER
from tests.buyer.venue.polymarket.live_floor import KEY, Floor
from tests.running.warm_process import WarmProcess
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[4]


class LiveBuyer:
    """The process and what it said."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self._process, self._log = process, log

    def said(self) -> str:
        """Return what it wrote to stderr so far."""
        return self._log.read_text()

    def end(self, seconds: float = PATIENCE_S) -> int:
        """Wait until it ends by itself; return its exit code."""
        return self._process.wait(seconds)

    def stop(self) -> int:
        """Tell it to stop; return its exit code."""
        self._process.terminate()
        return self.end()


@contextmanager
def live_buyer(floor: Floor, *flags: str) -> Generator[LiveBuyer]:
    """Run a live buyer while the block runs; what is left of it is killed."""
    urls = floor.sim.urls
    env = {
        "PRIVATE_KEY": KEY,
        "TRACKED_WALLETS": LEADER,
        "REDIS_URL": floor.redis_url,
        "GAMMA_URL": urls["gamma_url"],
        "CLOB_URL": urls["clob_url"],
        "RPC_URL": urls["rpc_url"],
        "CLOB_USER_URL": urls["clob_user_ws_url"],
        "GEOBLOCK_URL": urls["geoblock_url"],
        "RUN_DIR": str(floor.folder),
        "WARM_TOKENS": "0",
    }
    words = ["buyer", "--live", "--no-dry-run", "--accept-forgetful-server", *flags]
    log = floor.folder / "buyer.log"
    with log.open("w") as out:
        process = WarmProcess(words, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=out)
    try:
        yield LiveBuyer(process, log)
    finally:
        process.kill()
        process.wait()
