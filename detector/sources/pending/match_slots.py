"""Which match was seen first under each number of an operator: kept on the server, for whoever looks next.

Of transactions with one number one at most is mined. A detector that begins anew between two of them must know of the
first, or it signals the same fills again, and the buyer buys twice until the first is taken back.
"""

from collections import OrderedDict
from typing import NamedTuple, cast

from redis import Redis

from detector.sources.pending.match_proof import ProvenMatch
from shared.redis.client import answering

KEPT_S = 3600
"""Past that its block, or a retraction, has long said which was mined."""
MOST = 20_000


class FirstMatch(NamedTuple):
    """A match by its transaction, and what it does, as a hash."""

    tx_hash: str
    does: str


class MatchSlots:
    """Asks the server once for each number of an operator; one thread's."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._first: OrderedDict[str, FirstMatch] = OrderedDict()

    def first_of(self, found: ProvenMatch) -> FirstMatch:
        """Return the match that took this one's number first: itself, where none did.

        Raises:
            Unavailable: the server is away; ask again.
        """
        slot = f"hs:match:{found.operator}:{found.nonce}"
        if slot not in self._first:
            self._first[slot] = self._stored(slot, FirstMatch(found.tx_hash, found.does))
            if len(self._first) > MOST:
                self._first.popitem(last=False)
        return self._first[slot]

    def _stored(self, slot: str, ours: FirstMatch) -> FirstMatch:
        with answering(self._redis):
            before = cast("str | None", self._redis.set(slot, " ".join(ours), nx=True, get=True, ex=KEPT_S))
        return FirstMatch(*before.split(" ")) if before else ours
