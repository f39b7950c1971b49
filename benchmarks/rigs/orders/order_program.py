"""A buyer or the floor as a process of its own, on this tree's code or another's."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from benchmarks.rigs.beside import HERE, environment
from benchmarks.rigs.order_rig import AGAIN, CLOCK, NEVER, Trading
from buyer.domain.token_shard import GROUP, LIVE_GROUP
from shared.messages.base import SIGNALS
from shared.process.shutdown_signals import DIE_WITH_PARENT
from shared.redis.password_file import take_password

START_S = 30.0


class Program:
    """One of those that are measured, as a process."""

    def __init__(self, world: Trading, what: str, words: Sequence[str], *, tree: Path = HERE) -> None:
        self.file = world.folder / f"{what}.json"
        self.log = world.folder / f"{what}.log"
        world_token = {"FLOOR_TOKEN": world.token, "FLOOR_NEG_RISK": "1" if world.neg_risk else "0"}
        told = {
            **_understood(world.environment, tree),
            **world_token,
            DIE_WITH_PARENT: str(os.getpid()),
            "HEALTH_PORT": "0",
        }
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *words], env=environment(tree, **told), cwd=tree, stderr=log, stdout=log
            )

    @classmethod
    def timed(cls, world: Trading, what: str) -> "Program":
        """Start the buyer with its stopwatch, or the floor."""
        return cls(world, what, ["benchmarks.rigs.order_buyer", what, str(world.folder / f"{what}.json")])

    def stop(self) -> list[dict[str, float]]:
        """End it; return what it noted."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        return json.loads(self.file.read_text(encoding="utf-8")) if self.file.exists() else []

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()

    def wait_for(self, world: Trading, wanted: Collection[str], streams: Sequence[str] = (SIGNALS,)) -> None:
        """Wait until these groups of the streams are read.

        Raises:
            SystemExit: it ended or took too long; with what it said.
        """
        until = CLOCK.monotonic() + START_S
        while CLOCK.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(Exception):
                if set(wanted) <= {row["name"] for stream in streams for row in world.redis.xinfo_groups(stream)}:
                    return
            CLOCK.wait(NEVER, 0.1)
        raise SystemExit(f"the buyer did not start:\n{self.log.read_text(encoding='utf-8')[-2000:]}")


def group_of(tree: Path) -> str:
    """Return the group by which a tree's live buyer reads: it has one of its own since paper and live are apart."""
    text = (tree / "buyer" / "domain" / "token_shard.py").read_text(encoding="utf-8")
    return LIVE_GROUP if f'"{LIVE_GROUP}"' in text else GROUP


def _understood(settings: Mapping[str, str], tree: Path) -> dict[str, str]:
    """Return the settings as a tree of before understands them: it refuses to start with what it does not know."""
    if tree == HERE:
        return dict(settings)
    pages = (tree / "docs" / "configuration.md").read_text(encoding="utf-8")
    known = {name: value for name, value in settings.items() if name not in AGAIN or name in pages}
    url, password = take_password(settings["REDIS_URL"])
    return known | {"REDIS_URL": url.replace("://", f"://:{password}@") if password else url}
