"""Which part of the signals a buyer works on, and how many parts fall to whom. Pure.

All that one hand alone may write is of one token: a lot, its orders and exits, what its small trades come to. A signal
always names its token, and does not always know its market, so the token decides: two buyers can never disagree. What
spans tokens (cash, the caps of market, event, leader, day and in all, the order rate, the controls) is asked by the
ledger in the very step that sends an order, whichever shard it comes from.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from shared.domain.record_kinds import EXITS, GATHERED, INTENTS, LEFT, LOTS, ORDERS, SALES, STAKED
from shared.domain.trading_words import LIVE

GROUP = "buyer"
"""The group of the signals that paper reads, and that live read before it had one of its own."""
LIVE_GROUP = "buyer-live"
FOR_ALL = frozenset({"HYBRID_PROGRESS", "HYBRID_SUMMARY"})
"""Events that every shard takes for itself."""


@dataclass(frozen=True)
class TokenShard:
    """Part `number` (from 0) of `of`; by itself, all of it."""

    number: int = 0
    of: int = 1

    def group(self, mode: str) -> str:
        """Name the group that reads the signals for it in a mode; the first is that of a buyer alone.

        `sharding/shard_count.lua` has these names too.
        """
        name = LIVE_GROUP if mode == LIVE else GROUP
        return f"{name}-{self.number}" if self.number else name

    def lease(self, mode: str) -> str:
        """Name the lease on it; a buyer alone has one of the mode."""
        return f"buyer:{mode}" if self.of == 1 else f"buyer:{mode}:{self.number}/{self.of}"

    def owns(self, key: str) -> bool:
        """Say whether a token (or what stands for one that is not known) falls into it."""
        if self.of == 1:
            return True
        digest = hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest) % self.of == self.number

    def owns_entry(self, entry_id: str, text: str) -> bool:
        """Say whether an entry of the stream of signals is its work; one that names no token falls by its id."""
        if self.of == 1:
            return True
        said = _object(text)
        if said.get("event") in FOR_ALL:
            return True
        return self.owns(_token(said) or entry_id)

    def keeps(self, kind: str, name: str, text: str) -> bool:
        """Say whether a record of the ledger is of one of its tokens; other kinds are everybody's."""
        if kind in {EXITS, GATHERED, LEFT, LOTS, SALES, STAKED}:
            return self.owns(name.split(":")[1] if ":" in name else name)
        if kind in {INTENTS, ORDERS} and self.of > 1:
            return self.owns(_token(_object(text)) or name)
        return True


ALL = TokenShard()


def fair_share(held: Mapping[str, int], me: str, shards: int) -> int:
    """Return how many shards `me` may hold, given how many each member holds now (`me` among them).

    As equal as can be; who holds most keeps one of the odd ones, so that a newcomer moves no more than it must.
    """
    each, odd = divmod(shards, len(held))
    ranked = sorted(held, key=lambda member: (-held[member], member))
    return each + (ranked.index(me) < odd)


def _object(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", said) if isinstance(said, dict) else {}


def _token(said: Mapping[str, Any]) -> str:
    token = said.get("token_id")
    return token if isinstance(token, str) else ""
