"""The proof of a fill that a log shows: its transaction, signed by an operator and by the leader, says the same."""

from collections.abc import Callable, Sequence

import msgspec

from detector.domain.evidence import Shown, of_key
from detector.domain.signal_draft import UnconfirmedFill
from detector.sources.pending.match_proof import MatchProof, NotProven, Reason
from detector.sources.pending.pending_matches import fills_of
from shared import logs, metrics
from shared.clock import Clock
from shared.domain.witnesses import PROOF
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.wire.matches.signed_transaction import NodeTransaction
from shared.rate_limit.limits import GateLane


class ProofEvidence:
    """Fetches the transaction of a fill, from whichever node, and believes what is proven of it.

    `look` keeps the list of operators.
    """

    name = PROOF

    def __init__(self, polygon: PolygonClient, proof: MatchProof, clock: Clock, look: Callable[[], None]) -> None:
        self._polygon, self._proof, self._clock, self._look = polygon, proof, clock, look
        self._refused = metrics.make_counter("proofs_refused_total", "Fills of logs that are not believed.", "reason")
        self._log = logs.get_logger("detector", source=PROOF)

    def look_for(self, fills: Sequence[UnconfirmedFill]) -> list[Shown]:
        """Return what the transactions prove of each fill.

        Raises:
            TryAgain: the node is away. GiveUp: it refuses.
        """
        self._look()
        sent = list(dict.fromkeys(fill.key.tx_hash for fill in fills))
        params = [[tx_hash] for tx_hash in sent]
        found = dict(zip(sent, self._polygon.ask_all("eth_getTransactionByHash", params, GateLane.ORDERS), strict=True))
        return [self._shown(fill, found[fill.key.tx_hash]) for fill in fills]

    def _shown(self, fill: UnconfirmedFill, raw: object) -> Shown:
        if raw is None:
            return ()
        try:
            transaction = msgspec.convert(raw, NodeTransaction)
            leaders = frozenset({bytes.fromhex(fill.key.leader[2:])})
            found = self._proof.prove(transaction, leaders, self._clock.now_ms(), mined=True)
        except NotProven as error:
            return self._refuse(fill, error.reason, str(error))
        except msgspec.ValidationError as error:
            return self._refuse(fill, "unreadable", str(error))
        if found is None or found.tx_hash != fill.key.tx_hash:
            return self._refuse(fill, "unreadable", "its transaction is another one")
        return of_key(fill, fills_of(found, fill.traded_at_ms))

    def _refuse(self, fill: UnconfirmedFill, reason: Reason, why: str) -> Shown:
        self._refused.labels(reason).inc()
        self._log.error("fill_not_proven", reason=reason, why=why, tx_hash=fill.key.tx_hash)
        return ()
