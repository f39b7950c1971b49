"""One frame of the screen: all that it shows, and what follows from that."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from buyer.sharding.shard_leases import ShardLease
from ops.board.board import Board
from ops.domain.live_view import LiveView
from shared.domain.ledger_accounts import Lot
from shared.messages.service import GateStatus
from shared.process.beats import ProcessStanding

_WORST = ("dead", "hangs", "failed", "not ready", "starting", "up", "stopped")


@dataclass
class ScreenPicture:
    """What the streams told, what the ledger holds, and who beats; `standings` is None where nobody was asked."""

    view: LiveView
    balances: dict[str, int] = field(default_factory=dict[str, int])
    lots: list[Lot] = field(default_factory=list[Lot])
    gates: Sequence[GateStatus] = ()
    now_ms: int = 0
    title: str = "Hybrid Signals"
    rows: int = 8
    stopped_by: str = ""
    wallet_gaps: Sequence[str] = ()
    mode: str = "paper"
    standings: Sequence[ProcessStanding] | None = None
    shards: Sequence[ShardLease] = ()
    waiting_exits: int = 0
    running: frozenset[str] = frozenset()
    """Modes in which a buyer holds a shard now."""
    away: str = ""
    """Why the server was not asked just now, '' when it was."""
    board: Board | None = None
    """The board as it was read last; None where nobody did."""

    def label_of(self, leader: str) -> str:
        """Return a leader's name, '' without one."""
        known = self.board.leaders if self.board else ()
        return next((one.label for one in known if one.address == leader), "")

    @property
    def live_services(self) -> list[str]:
        """Return the services that use real money now, as far as is known."""
        if self.standings is None:
            return sorted(self.view.live)
        real = {one.service for one in self.standings if one.working and one.beat.mode == "live"}
        return sorted(real - {"up"})

    @property
    def services(self) -> dict[str, str]:
        """Return how each service stands: the worst of its processes."""
        if self.standings is None:
            return self.view.services
        names = sorted({one.service for one in self.standings})
        return {name: self._worst(name) for name in names}

    def _worst(self, service: str) -> str:
        states = {one.state: one for one in reversed(self.standings or ()) if one.service == service}
        worst = states[next(state for state in _WORST if state in states)]
        if worst.state in {"stopped", "failed"} and worst.beat.reason:
            return f"{worst.state} ({worst.beat.reason})"
        return f"{worst.state} for {worst.age_s:.0f} s" if worst.lost else worst.state

    def source_state(self, told: str) -> str:
        """Return how a source stands: what its detector told, or that there is no such detector any more."""
        progress, detectors = self.view.progress, [one for one in self.standings or () if one.service == "detector"]
        if not detectors or progress is None:
            return told
        teller = next((one for one in detectors if one.beat.instance == progress.detector), None)
        if teller is not None:
            return told if teller.working or teller.state == "stopped" else teller.state
        return told if any(one.working for one in detectors) else "dead"
