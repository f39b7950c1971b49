"""`hybrid status`: one look at a running pipeline, or a live view of it."""

import io
import json
import re
import sys
import threading
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from redis import Redis
from rich.live import Live

from buyer.domain.wallet_words import gap_words, known_gaps
from buyer.sharding.shard_leases import shard_leases
from ops.domain.live_view import LiveView
from ops.operator.board_reader import read_board
from ops.operator.controls import TradingControl, active, trading_state
from ops.operator.pipeline_server import PipelineServer, demand_pipeline
from ops.operator.terminal.screen import full_screen, page
from ops.operator.terminal.screen_frame import ScreenPicture
from shared.clock import Clock, SystemClock
from shared.domain import ledger_accounts
from shared.domain.errors import Malformed, Unavailable
from shared.domain.money import from_micro
from shared.domain.plain_text import make_plain
from shared.domain.record_kinds import EXITS, WALLET
from shared.domain.trading_words import MODES
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import STREAMS
from shared.messages.decisions import FLOOR
from shared.messages.events import read_event
from shared.messages.service import GateStatus, SourceStatus
from shared.messages.value_codec import plain_value
from shared.process.beats import ProcessStanding, read_standings, server_ms, standing_text
from shared.rate_limit.gate import read_gates
from shared.redis.client import connect_redis
from shared.redis.streams import StreamEntry, follow_streams, stream_lengths, stream_tail
from shared.terminal import Terminal

TAIL = 500
FRAME_S = 0.5
BOARD_S = 1.0
"""Between two looks at the whole account."""
WIDTH, HEIGHT = 164, 38
"""Columns and lines of a picture."""
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_OWN_FONT = "ui-monospace, Menlo, Consolas, DejaVu Sans Mono"


class StatusWatcher:
    """Keeps a picture of the pipeline behind `redis` up to date."""

    def __init__(self, redis: Redis, clock: Clock, title: str = "Hybrid Signals", mode: str | None = None) -> None:
        self._redis, self._clock, self._mode = redis, clock, mode
        self._positions: dict[str, str] = {}
        self.controls: list[TradingControl] = []
        self.exits: dict[str, str] = {}
        self._board_at = 0.0
        self.picture = ScreenPicture(LiveView(), title=title)

    def look_back(self) -> None:
        """Take in the newest entries of every stream."""
        for stream in STREAMS:
            entries = stream_tail(self._redis, stream, TAIL)
            self._positions[stream] = entries[-1].id if entries else "0-0"
            self._apply(entries)
        self.refresh()

    def follow(self, block_ms: int) -> None:
        """Take in what came since, waiting up to `block_ms` for something."""
        if not self._positions:
            self._positions = dict.fromkeys(STREAMS, "0-0")
        self._apply(follow_streams(self._redis, self._positions, block_ms))
        self.refresh()

    def refresh(self) -> None:
        """Read balances and lots of the ledger that the buyer uses (or of `mode`), and the gates."""
        picture = self.picture
        picture.now_ms, picture.standings = server_ms(self._redis), read_standings(self._redis)
        held = {mode: shard_leases(self._redis, mode) for mode in MODES}
        picture.running = frozenset(mode for mode in MODES if any(one.holder for one in held[mode]))
        picture.mode = self._mode or _mode_of(picture)
        picture.shards = held[picture.mode]
        ledger = RedisLedger(self._redis, picture.mode)
        picture.balances = ledger.accounts().values
        picture.lots = open_lots(ledger)
        self.controls = active(self._redis, picture.mode)
        self.exits = ledger.records(EXITS)
        picture.wallet_gaps = [gap_words(gap) for gap in known_gaps(ledger.records(WALLET))]
        picture.waiting_exits = sum(json.loads(text).get("last") == FLOOR for text in self.exits.values())
        picture.stopped_by = next((f"{control.who}: {control.why}" for control in self.controls), "")
        picture.gates = tuple(
            GateStatus(
                name=gate.name,
                target_per_s=gate.target_per_s,
                factor=gate.factor,
                hold_ms=round(gate.hold_s * 1000),
                granted=gate.granted,
            )
            for gate in read_gates(self._redis)
        )
        picture.away = ""
        if self._clock.monotonic() >= self._board_at:
            self._board_at = self._clock.monotonic() + BOARD_S
            picture.board = read_board(self._redis, picture.mode, picture.now_ms, picture.view.leaders)

    def _apply(self, entries: Iterable[StreamEntry]) -> None:
        for entry in entries:
            try:
                self.picture.view.apply(read_event(entry.json))
            except Malformed:
                self.picture.view.counts["unreadable"] += 1


def main(redis_url: str, *, watch: bool, as_json: bool, mode: str | None = None, svg: Path | None = None) -> None:
    """Show the pipeline on `redis_url`, or write one look at it to the picture `svg`.

    Raises:
        Unavailable: no server answers there.
        DependencyMissing: no pipeline of ours has announced itself there.
    """
    clock = SystemClock()
    redis = connect_redis(redis_url, blocking_s=1)
    server = demand_pipeline(redis, mode)
    watcher = StatusWatcher(redis, clock, mode=mode)
    watcher.look_back()
    watcher.picture.title = f"Hybrid Signals · {server.title(watcher.picture.mode)}"
    if as_json:
        sys.stdout.write(json.dumps(_facts(watcher, redis, server), indent=2) + "\n")
    elif svg:
        draw(watcher.picture, svg)
    elif watch:
        show(watcher, threading.Event(), clock)
    else:
        Terminal().print(page(watcher.picture))


def look_once(redis: Redis, clock: Clock, mode: str | None = None) -> dict[str, object]:
    """Return what `--json` prints of the pipeline on this server.

    Raises:
        Unavailable: no server answers there.
        DependencyMissing: no pipeline of ours has announced itself there.
    """
    server, watcher = demand_pipeline(redis, mode), StatusWatcher(redis, clock, mode=mode)
    watcher.look_back()
    return _facts(watcher, redis, server)


def draw(picture: ScreenPicture, file: Path) -> None:
    """Write the screen as it is now to an SVG file that fetches nothing, fonts neither."""
    console = Terminal(width=WIDTH, height=HEIGHT, record=True, file=io.StringIO())
    console.print(full_screen(picture, HEIGHT))
    drawn = _FONTS.sub("", console.export_svg(title=make_plain(picture.title))).replace("Fira Code", _OWN_FONT)
    file.write_text(drawn, encoding="utf-8")


def show(watcher: StatusWatcher, stop: threading.Event, clock: Clock, seconds: float = 0) -> None:
    """Show the live view until `stop`, Ctrl-C or the end of `seconds` (0: for ever)."""
    console = Terminal()
    ends = clock.monotonic() + seconds if seconds else None
    with Live(console=console, screen=console.is_terminal, auto_refresh=False) as live:
        while not stop.is_set() and (ends is None or clock.monotonic() < ends):
            try:
                watcher.follow(round(FRAME_S * 1000))
            except Unavailable as error:
                watcher.picture.away = str(error)
                clock.wait(stop, 1)
            live.update(full_screen(watcher.picture, console.height), refresh=True)


def _mode_of(picture: ScreenPicture) -> str:
    """Return whose ledger to show: of the buyer that runs, of real money before paper; else of the last one."""
    if picture.running:
        return "live" if "live" in picture.running else "paper"
    buyers = [one for one in picture.standings or () if one.service == "buyer" and one.beat.mode in MODES]
    last = min(buyers, key=lambda one: (not one.working, one.age_s), default=None)
    return last.beat.mode if last else picture.view.mode


def _process(one: ProcessStanding) -> dict[str, object]:
    return {**asdict(one.beat), "state": one.state, "age_s": round(one.age_s, 3)}


def _source(picture: ScreenPicture, source: SourceStatus) -> dict[str, object]:
    return {**plain_value(source), "state": picture.source_state(source.state)}


def _facts(watcher: StatusWatcher, redis: Redis, server: PipelineServer) -> dict[str, object]:
    picture, view = watcher.picture, watcher.picture.view
    return {
        "mode": picture.mode,
        "server": server.facts(),
        "streams": stream_lengths(redis),
        "running": sorted(picture.running),
        "services": picture.services,
        "processes": [_process(one) for one in picture.standings or ()],
        "lost": [standing_text(one) for one in picture.standings or () if one.lost],
        "shards": {held.name: held.holder for held in picture.shards},
        "shard_ages_s": {held.name: held.age_s for held in picture.shards},
        "sources": [_source(picture, source) for source in (view.progress.sources if view.progress else ())],
        "gates": [plain_value(gate) for gate in picture.gates],
        "skips": dict(view.reasons.most_common()),
        "open_lots": len(picture.lots),
        "exits": [json.loads(text) for text in watcher.exits.values()],
        "wallet_gaps": list(picture.wallet_gaps),
        "trading": trading_state(picture.balances),
        "controls": [asdict(control) for control in watcher.controls],
        "cash": str(from_micro(picture.balances.get(ledger_accounts.CASH, 0))),
        "realized": str(from_micro(picture.balances.get(ledger_accounts.REALIZED, 0))),
        "kill_switch": bool(picture.balances.get(ledger_accounts.HALT, 0)),
        "board": plain_value(picture.board) if picture.board else None,
    }
