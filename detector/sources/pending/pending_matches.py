"""Matches before their block as a source: the operator's own transactions, seen in the pools of several nodes.

What is not proven is no fill. Nothing of it is final: the block confirms it, or it is taken back
(`detector/publishing/mined_check`). There is no cursor: what nobody showed in time, the other sources bring.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping

from detector.domain.fill_view import FillView
from detector.domain.source_port import Batch, Sink
from detector.leaders.watchlist import Watchlist
from detector.sources.pending.match_proof import MatchProof, NotProven, ProvenMatch
from detector.sources.pending.match_slots import MatchSlots
from detector.sources.pending.node_board import NodeBoard
from detector.sources.pending.node_connection import NodeConnection, PendingSight
from shared import logs, metrics
from shared.clock import Clock
from shared.domain.errors import HybridError, Unavailable
from shared.domain.witnesses import PENDING
from shared.polymarket.wire.leader_fills import LeaderFill
from shared.polymarket.wire.matches.match_amounts import SettledOrder
from shared.reconnecting_socket import FrameConnection

ALL = "all"
SLICE_S = 0.5
"""How long one poll listens before it reports how the nodes are; nothing that arrives waits for its end."""
OPENING_S = 5.0
JOIN_S = 0.6
MOST_WAITING = 10_000
"""Sights that wait while Redis is away; the oldest leave first, for the other sources to bring."""
MOST_MATCHES = 20_000
_STOP_CHECK_S = 0.2
_SAY_EVERY_S = 60.0


class _Inbox:
    """Sights of all nodes, bounded; whoever waits for one is woken at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._news = clock, threading.Event()
        self._sights: deque[PendingSight] = deque(maxlen=MOST_WAITING)

    def put(self, sight: PendingSight) -> None:
        self._sights.append(sight)
        self._news.set()

    def put_back(self, sight: PendingSight) -> None:
        self._sights.appendleft(sight)

    def next_sight(self, seconds: float) -> PendingSight | None:
        if not self._sights:
            self._clock.wait(self._news, seconds)
        self._news.clear()  # what is put in from here on sets it again
        try:
            return self._sights.popleft()
        except IndexError:
            return None


class PendingMatchesSource:
    """Hand on what is proven, the moment it is; `look` keeps the operators' list and runs on a thread of its own."""

    name = PENDING
    scopes = (ALL,)
    every_s = 0.001

    def __init__(
        self,
        nodes: Mapping[str, Callable[[], FrameConnection]],
        leaders: Watchlist | Iterable[str],
        proof: MatchProof,
        slots: MatchSlots,
        *,
        look: Callable[[], None],
        clock: Clock,
        stop: threading.Event,
        random: Callable[[], float],
        mute_s: float = 20.0,
    ) -> None:
        self._leaders, self._proof, self._slots = Watchlist.of(leaders), proof, slots
        self._wanted: tuple[int, frozenset[bytes]] = (-1, frozenset())
        self._clock, self._stop, self._look = clock, stop, look
        self._inbox = _Inbox(clock)
        self.board = NodeBoard(tuple(nodes))
        self._connections = [
            NodeConnection(name, dial, self._inbox, self._watched, clock=clock, stop=stop, random=random, mute_s=mute_s)
            for name, dial in nodes.items()
        ]
        self._matches: OrderedDict[str, None] = OrderedDict()
        self._looks = threading.Thread(target=self._look_on, name="pending-operators", daemon=True)
        self._started = False
        self._said_at: dict[str, float] = {}
        self._refused = metrics.make_counter("pending_refused_total", "Matches that are not believed.", "reason")
        self._log = logs.get_logger("detector", source=PENDING)

    @property
    def is_listening(self) -> bool:
        """Say whether a node shows something now."""
        return any(not connection.trouble for connection in self._connections)

    def poll(self, scope: str, sink: Sink) -> None:
        """Listen for a while; every proven match is handed on at once.

        Raises:
            Unavailable: no node shows anything now, saying what is wrong with each; or the server is away.
        """
        del scope
        if not self._started and not self._leaders.addresses:
            self._clock.wait(self._stop, SLICE_S)
            return
        self._listen(self._start(), sink)
        if self._stop.is_set():
            for connection in self._connections:
                connection.join(JOIN_S)
            return
        if not self.is_listening:
            raise Unavailable("; ".join(f"{each.name}: {each.trouble}" for each in self._connections))

    def take_sight(self, sight: PendingSight) -> Batch | None:
        """Prove what a node showed; None for what is known, or not believed.

        Raises:
            Unavailable: the server is away; show it again.
        """
        try:
            found = self._proof.prove(sight.transaction, self._watched(), sight.seen_at_ms, known=self._matches)
        except NotProven as error:
            self._tell_refused(sight, error.reason, str(error))
            return None
        if found is None:
            return None
        if found.tx_hash in self._matches:
            self.board.note(found.tx_hash, sight.node, sight.seen_at_ms)
            return None
        first = self._slots.first_of(found)
        if first.does != found.does:  # one of the two will never be mined: a block says which
            self._tell_refused(sight, "replacement", f"number {found.nonce} of {found.operator} is another match's")
            return None
        self.board.note(found.tx_hash, sight.node, sight.seen_at_ms)
        self._remember(found.tx_hash)
        fills = fills_of(found, sight.seen_at_ms)
        replaces = {} if first.tx_hash == found.tx_hash else {found.tx_hash: first.tx_hash}
        return Batch(PENDING, (FillView(PENDING, sight.seen_at_ms, fills),), rows=len(fills), replaces=replaces)

    def _remember(self, tx_hash: str) -> None:
        self._matches[tx_hash] = None
        if len(self._matches) > MOST_MATCHES:
            self._matches.popitem(last=False)

    def _listen(self, seconds: float, sink: Sink) -> None:
        ends = self._clock.monotonic() + seconds
        while not self._stop.is_set() and (left := ends - self._clock.monotonic()) > 0:
            sight = self._inbox.next_sight(min(left, _STOP_CHECK_S))
            batch = self._taken(sight) if sight else None
            if batch:
                sink(batch)
            if seconds > SLICE_S and all(each.heard for each in self._connections):
                return

    def _taken(self, sight: PendingSight) -> Batch | None:
        try:
            return self.take_sight(sight)
        except Unavailable:
            self._inbox.put_back(sight)
            raise

    def _start(self) -> float:
        """Start the connections once; return how long to listen now."""
        if self._started:
            return SLICE_S
        self._started = True
        for connection in self._connections:
            connection.start()
        self._looks.start()
        return OPENING_S

    def _look_on(self) -> None:
        while not self._clock.wait(self._stop, 1.0):
            try:
                self._look()
            except HybridError as error:
                self._log.info("operators_unread", error=str(error))

    def _watched(self) -> frozenset[bytes]:
        now, wanted = self._leaders.now, self._wanted
        if wanted[0] != now.version:
            wanted = self._wanted = (now.version, frozenset(bytes.fromhex(each[2:]) for each in now.addresses))
        return wanted[1]

    def _tell_refused(self, sight: PendingSight, reason: str, why: str) -> None:
        """Count what is not believed, and say it aloud, each reason once a minute."""
        self._refused.labels(reason).inc()
        now = self._clock.monotonic()
        if now >= self._said_at.get(reason, float("-inf")) + _SAY_EVERY_S:
            self._said_at[reason] = now
            self._log.error("match_not_proven", reason=reason, why=why, node=sight.node, tx_hash=sight.transaction.hash)


def fills_of(found: ProvenMatch, at_ms: int) -> tuple[LeaderFill, ...]:
    """Return a match's fills as their logs show them; when it was is an estimate, a block knows better."""
    return tuple(_fill(one, found.tx_hash, at_ms) for one in found.orders if one.shares)


def _fill(one: SettledOrder, tx_hash: str, seen_at_ms: int) -> LeaderFill:
    order = one.order
    return LeaderFill(
        leader=order.maker,
        tx_hash=tx_hash,
        token_id=str(order.token_id),
        side="SELL" if order.is_sell else "BUY",
        shares_micro=one.shares,
        usdc_micro=one.usdc,
        traded_at_ms=seen_at_ms,
        role=one.role,
        exact_time=False,
        fee_micro=one.fee,
    )
