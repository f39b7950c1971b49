"""One node's subscription to pending transactions, kept open; matches that name a leader go to the inbox."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shared import logs
from shared.clock import Clock
from shared.domain.backoff import Backoff
from shared.domain.errors import HybridError, Malformed, Rejected, Unavailable
from shared.polymarket.wire.matches.match_call import is_match, names_any
from shared.polymarket.wire.matches.node_frames import (
    WAYS,
    ChainTold,
    PendingHash,
    RefusedWay,
    chain_question,
    is_polygon,
    look_up,
    read_word,
    subscription,
)
from shared.polymarket.wire.matches.signed_transaction import NodeTransaction
from shared.reconnecting_socket import FrameConnection, PingRule, SocketThread

TICK_S = 0.2
PING_EVERY_S = 20.0
BACKOFF = Backoff(first_s=0.5, longest_s=60.0)
STEADY_S = 10.0
LOOK_UPS_PER_S = 100
"""Hashes of one node that are looked up in a second; what is beyond, other nodes or other sources show."""


@dataclass(frozen=True, slots=True)
class PendingSight:
    """A match that a node showed, and when; nothing of it is proven yet."""

    node: str
    transaction: NodeTransaction
    seen_at_ms: int


class SightInbox(Protocol):
    """Where sights go."""

    def put(self, sight: PendingSight) -> None:
        """Take one; never waits."""
        ...


class NodeConnection(SocketThread):
    """Subscribe in the best way that the node offers; `trouble` says what is wrong now."""

    def __init__(
        self,
        name: str,
        dial: Callable[[], FrameConnection],
        inbox: SightInbox,
        leaders: Callable[[], frozenset[bytes]],
        *,
        clock: Clock,
        stop: threading.Event,
        random: Callable[[], float],
        mute_s: float,
    ) -> None:
        ping = PingRule(chain_question(), PING_EVERY_S)
        super().__init__(name, dial, ping=ping, backoff=BACKOFF, clock=clock, stop=stop, random=random, tick_s=TICK_S)
        self.trouble, self.heard = "no connection yet", 0
        self._inbox, self._leaders, self._mute_s = inbox, leaders, mute_s
        self._way = 0
        self._heard_at = clock.monotonic()
        self._looked_up, self._second = 0, 0
        self._log = logs.get_logger("detector", source="pending", node=name)

    def _greet(self, connection: FrameConnection) -> None:
        connection.send(subscription(WAYS[self._way]))
        self._heard_at = self._clock.monotonic()

    def _hear(self, frame: str) -> None:
        seen_at_ms = self._clock.now_ms()
        try:
            word = read_word(frame)
        except Malformed as error:
            self._log.info("frame_unreadable", error=str(error))
            return
        match word:
            case NodeTransaction():
                self._take(word, seen_at_ms)
            case PendingHash():
                self._look_up(word.tx_hash)
            case RefusedWay():
                self._refused(word)
            case ChainTold() if not is_polygon(word):
                raise Rejected(f"{self.name} is a node of chain {word.chain_id}, not of Polygon")
            case _:
                pass

    def _take(self, transaction: NodeTransaction, seen_at_ms: int) -> None:
        self._beat()
        to = (transaction.to or "").lower()
        try:
            if is_match(to, bytes.fromhex(transaction.input[2:10])):
                data = bytes.fromhex(transaction.input[2:])
                if names_any(to, data, self._leaders()):
                    self._inbox.put(PendingSight(self.name, transaction, seen_at_ms))
        except (Malformed, ValueError) as error:
            self._log.info("match_unreadable", error=str(error))

    def _look_up(self, tx_hash: str) -> None:
        self._beat()
        second = int(self._clock.monotonic())
        if second != self._second:
            self._second, self._looked_up = second, 0
        self._looked_up += 1
        if self._looked_up <= LOOK_UPS_PER_S:
            self._connected().send(look_up(tx_hash))

    def _refused(self, word: RefusedWay) -> None:
        if word.way != WAYS[self._way]:
            return
        if self._way + 1 == len(WAYS):
            raise Rejected(f"{self.name} shows no pending transactions: {word.why}")
        self._way += 1
        self._log.info("way_refused", way=word.way, why=word.why, next=WAYS[self._way])
        self._connected().send(subscription(WAYS[self._way]))

    def _beat(self) -> None:
        self.heard += 1
        self._heard_at = self._clock.monotonic()
        if self.trouble:
            self._log.info("node_open", way=WAYS[self._way])
            self.trouble = ""

    def _watch(self, connection: FrameConnection, now: float) -> None:
        del connection
        if now - self._heard_at >= self._mute_s:
            raise Unavailable(f"{self.name}: open, and no pending transaction for {self._mute_s:g} s")

    def _is_steady(self, lasted_s: float) -> bool:
        return not self.trouble and lasted_s >= STEADY_S

    def _lost(self, error: HybridError) -> None:
        self.trouble = str(error)
        self._way = 0 if isinstance(error, Rejected) else self._way
        self._log.warning("node_lost", error=str(error), failures=self._failures)

    def _crashed(self, error: Exception) -> float:
        self._log.exception("node_crashed")
        self._fail(Unavailable(f"crashed: {type(error).__name__}"))
        return BACKOFF.longest_s
