"""Transactions that stand in the place of one that was signalled: the operator sent the same match again.

He does so to pay more for gas. The new transaction has another hash, and the leader's fills in it are the same ones: by
whichever source they come, they go on under the first one's name, so that nobody sells and buys again. What of a
replacement was signalled under its own name already stays what it is; the first one is then taken back.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from redis import Redis

from detector.domain.fill_view import FillView
from detector.domain.signal_builder import dedup_key
from detector.domain.signal_draft import FillKey
from detector.publishing.pending_confirmations import PendingConfirmations
from shared import logs
from shared.messages.base import SIGNALS
from shared.polymarket.wire.leader_fills import LeaderFill
from shared.redis.client import answering
from shared.redis.streams import known_facts

REPLACED = "hs:replaced"
MOST = 20_000
KEPT_S = 86_400
"""A day without a new one, and all are forgotten: sources have shown them long before."""


class ReplacedTransactions:
    """What replaced what, kept on the server for whoever runs next; the thread of the matcher adds, any thread asks."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._waiting = redis, PendingConfirmations(redis, 0)
        self._first: OrderedDict[str, str] | None = None
        self._later: dict[str, tuple[str, ...]] = {}
        self._log = logs.get_logger("detector")

    def accept(self, replaces: Mapping[str, str], views: tuple[FillView, ...]) -> None:
        """Note that transactions (left) are the same matches as others (right), unless they are out by themselves.

        Raises:
            Unavailable: the server is away; call again.
        """
        for later, first in replaces.items():
            fills = [fill for view in views for fill in view.fills if fill.tx_hash == later]
            if later not in self._known() and not self._is_out(fills):
                self._store({later: first})
                self._note(self._known(), later, first)
                self._log.info("match_sent_again", tx_hash=later, first=first)

    def store_again(self) -> tuple[()]:
        """Write everything again, on a server that went back in time."""
        if self._first:
            self._store(self._first)
        return ()

    def renamed(self, view: FillView) -> FillView:
        """Return a view whose fills go by the first transaction's name.

        Raises:
            Unavailable: the server is away; call again.
        """
        known = self._known()
        if not known or not any(fill.tx_hash in known for fill in view.fills):
            return view
        return FillView(view.source, view.seen_at_ms, self.renamed_fills(view.fills))

    def renamed_fills(self, fills: tuple[LeaderFill, ...]) -> tuple[LeaderFill, ...]:
        """Return fills under the first transaction's name; raises as `renamed` does."""
        known = self._known()
        return tuple(replace(fill, tx_hash=known[fill.tx_hash]) if fill.tx_hash in known else fill for fill in fills)

    def replacements_of(self, first: str) -> tuple[str, ...]:
        """Return what was sent in the place of a transaction, oldest first; raises as `renamed` does."""
        self._known()
        return self._later.get(first, ())

    def _known(self) -> OrderedDict[str, str]:
        if self._first is None:
            with answering(self._redis):
                stored = cast("dict[str, str]", self._redis.hgetall(REPLACED))
            known = OrderedDict[str, str]()
            for later, first in stored.items():
                self._note(known, later, first)
            self._first = known
        return self._first

    def _note(self, known: OrderedDict[str, str], later: str, first: str) -> None:
        known[later] = first
        self._later[first] = (*self._later.get(first, ()), later)
        if len(known) > MOST:
            self._later.pop(known.popitem(last=False)[1], None)

    def _store(self, pairs: Mapping[str, str]) -> None:
        with answering(self._redis), self._redis.pipeline() as pipe:
            for later, first in pairs.items():
                pipe.hset(REPLACED, later, first)
            pipe.expire(REPLACED, KEPT_S)
            pipe.execute()

    def _is_out(self, fills: list[LeaderFill]) -> bool:
        """Say whether somebody signalled, or holds, one of these fills under the replacement's own name."""
        facts = [dedup_key(FillKey(each.leader, each.tx_hash, each.token_id, each.side)) for each in fills]
        published = any(value is not None for value in known_facts(self._redis, SIGNALS, facts))
        return published or any(self._waiting.find_sighting(fact) is not None for fact in facts)
