"""Two hosts as processes, seen from the namespace between them: joined, cut off, and heard of on the server."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from benchmarks.rigs.hosts.namespaces import join_host, run_ip, unshared
from shared.process.shutdown_signals import DIE_WITH_PARENT

ENDS_S = 30.0
Side = Literal["switch", "host"]
"""Whose end of a link goes down: a host notices nothing but silence, or has no network at all."""


class Host:
    """A host and the link to it."""

    def __init__(self, place: int, folder: Path, each_way_ms: float) -> None:
        self.name, self.folder = f"host-{'ab'[place]}", folder / f"host-{'ab'[place]}"
        self.folder.mkdir(parents=True)
        self._place, self._each_way_ms = place, each_way_ms
        with (self.folder / "host.log").open("wb") as log:
            self._process = subprocess.Popen(
                unshared([sys.executable, "-m", "benchmarks.rigs.hosts.host"]),
                env={**os.environ, DIE_WITH_PARENT: str(os.getpid())},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._hear("ready")
        self._port = join_host(place, self._process.pid, each_way_ms)

    def start(self, settings: Mapping[str, str]) -> None:
        """Start its programs with these settings."""
        told = {**settings, "RUN_DIR": str(self.folder)}
        place = {"name": self.name, "place": self._place, "each_way_ms": self._each_way_ms}
        self._say(json.dumps({**place, "settings": told}))

    def turn_link(self, side: Side, way: Literal["up", "down"]) -> None:
        """Turn one end of its link off or on."""
        if side == "switch":
            run_ip("link", "set", self._port, way)
        else:
            self._say(way)
            self._hear(way)

    def stop(self) -> dict[str, int]:
        """End it; return how often each of its programs was started."""
        try:
            said, _ = self._process.communicate(timeout=ENDS_S)
        except subprocess.TimeoutExpired:
            said = ""
        self._process.kill()
        self._process.wait()
        return json.loads(said.splitlines()[-1]) if said.strip() else {}

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _hear(self, wanted: str) -> None:
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        heard = self._process.stdout.readline().strip()
        if heard != wanted:
            raise SystemExit(f"{self.name} said {heard!r}: {(self.folder / 'host.log').read_text(encoding='utf-8')}")
