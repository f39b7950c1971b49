"""Build the source of pending matches, and the proof of what logs show; imported only where one is asked for."""

import threading
from collections.abc import Callable, Mapping, Sequence

from redis import Redis

from detector.leaders.watchlist import Watchlist
from detector.sources.pending.match_proof import MatchProof
from detector.sources.pending.match_slots import MatchSlots
from detector.sources.pending.operator_registry import OperatorRegistry
from detector.sources.pending.order_proof import OrderProofs
from detector.sources.pending.pending_matches import PendingMatchesSource
from detector.sources.pending.proof_evidence import ProofEvidence
from detector.sources.pending.wallet_word import WalletWord
from shared.clock import Clock
from shared.polymarket.polygon import PolygonClient
from shared.reconnecting_socket import FrameConnection


def build_pending(
    nodes: Mapping[str, Callable[[], FrameConnection]],
    leaders: Watchlist,
    trusted: Sequence[PolygonClient],
    redis: Redis,
    *,
    clock: Clock,
    stop: threading.Event,
    random: Callable[[], float],
    max_age_ms: int,
) -> PendingMatchesSource:
    """Build the source; `trusted` are our own nodes, which say who may match."""
    operators = OperatorRegistry(trusted, clock)
    proof = MatchProof(operators, OrderProofs(WalletWord(trusted[0])), max_age_ms=max_age_ms)
    slots = MatchSlots(redis)
    return PendingMatchesSource(
        nodes, leaders, proof, slots, look=operators.look, clock=clock, stop=stop, random=random
    )


def build_evidence(trusted: Sequence[PolygonClient], *, clock: Clock) -> ProofEvidence:
    """Build what proves fills that only a node's log shows."""
    operators = OperatorRegistry(trusted, clock)
    proof = MatchProof(operators, OrderProofs(WalletWord(trusted[0])), max_age_ms=0)
    return ProofEvidence(trusted[0], proof, clock, operators.look)
