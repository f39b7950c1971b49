"""Tells what lots would bring every few seconds, and adds a point a minute to the line of equity.

On a thread of its own, from the books that are known: never on the way of an order, and nobody is asked for it.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis import Redis

from buyer.market_data.account_metrics import show_account
from buyer.market_data.held_books import HeldBooks
from buyer.strategy.exits.lot_mark import lot_mark
from shared import logs
from shared.account.equity_line import MINUTE_MS, add_point
from shared.account.lot_marks import write_marks
from shared.account.published_limits import write_limits
from shared.account.trade_log import trim_trades
from shared.clock import Clock
from shared.domain.errors import HybridError
from shared.domain.ledger_accounts import Lot
from shared.domain.market import MarketFacts
from shared.domain.money import Usdc
from shared.ledger.held_lots import KINDS, held_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.account import LotMark, LotMarks, equity_point, unrealized_sum

SOON_S = 2.0
"""So soon after a look what happened to the ledger since is worth another one."""
SHARE = 20
"""Looking takes at most this part of the time: with thousands of open orders it is done less often."""
PATIENCE_MS = 45_000
"""So far into a minute a point waits for the mark of every lot; then it says that equity is not known."""


@dataclass
class AccountKeeper:
    """Keeps the account of one ledger for who watches; only while a buyer of this process is the active one.

    `facts` returns what is known of tokens without asking the venue; `limits` is told as it stands.
    """

    redis: Redis
    mode: str
    books: HeldBooks
    facts: Callable[[Sequence[str]], Mapping[str, MarketFacts]]
    limits: Mapping[str, Any]
    clock: Clock
    every_s: float
    keep_trades: int
    _known: dict[str, MarketFacts] = field(default_factory=dict[str, MarketFacts], init=False)
    _minute: int = field(default=-1, init=False)
    _seq: int = field(default=-1, init=False)
    _next: float = field(default=0.0, init=False)
    _rested_at: float = field(default=0.0, init=False)

    def start(self, stop: threading.Event) -> None:
        """Keep it from now on until `stop`."""
        threading.Thread(target=self._run, args=(stop,), name="account-keeper", daemon=True).start()

    def keep_due(self) -> None:
        """Look again when it is time, or when the ledger moved on: what was just bought has its mark soon.

        Raises:
            Unavailable: the server is away.
        """
        if not self.books.active or self.clock.monotonic() < self._rested_at:
            return
        if self.clock.monotonic() >= self._next or RedisLedger(self.redis, self.mode).read(()).seq != self._seq:
            began = self.clock.monotonic()
            self.keep_once()
            now = self.clock.monotonic()
            self._rested_at = now + SHARE * (now - began)

    def keep_once(self) -> None:
        """Tell the marks, and add the minute's point where it is missing.

        Raises:
            Unavailable: the server is away.
        """
        found = RedisLedger(self.redis, self.mode).whole(KINDS)
        self._seq, self._next = found.seq, self.clock.monotonic() + self.every_s
        lots, now_ms = held_lots(found), self.clock.now_ms()
        marks = self._marks(lots)
        write_marks(self.redis, self.mode, LotMarks(at_ms=now_ms, every_ms=round(self.every_s * 1000), marks=marks))
        unrealized = unrealized_sum(lots, marks)
        show_account(self.mode, found.values, equity_point(found.values, unrealized, now_ms), len(lots))
        self._add_minute(found.values, unrealized, now_ms)

    def _marks(self, lots: Sequence[Lot]) -> tuple[LotMark, ...]:
        tokens = {lot.token_id for lot in lots}
        self.books.keep(tokens)
        self._learn(tokens)
        seen = ((lot, self.books.get(lot.token_id)) for lot in lots)
        return tuple(lot_mark(lot, book, self._known.get(lot.token_id)) for lot, book in seen if book is not None)

    def _learn(self, tokens: set[str]) -> None:
        """Keep the facts of what is held; a market's fee does not change in its life."""
        self._known = {token: facts for token, facts in self._known.items() if token in tokens}
        self._known.update(self.facts(sorted(tokens - self._known.keys())))

    def _add_minute(self, values: Mapping[str, int], unrealized: Usdc | None, now_ms: int) -> None:
        minute, into_ms = divmod(now_ms, MINUTE_MS)
        if minute == self._minute or (unrealized is None and into_ms < PATIENCE_MS):
            return
        add_point(self.redis, self.mode, equity_point(values, unrealized, now_ms))
        self._minute = minute
        trim_trades(self.redis, self.mode, self.keep_trades)
        write_limits(self.redis, self.mode, self.limits)

    def _run(self, stop: threading.Event) -> None:
        log, away = logs.get_logger("account"), False
        while not stop.is_set():
            try:
                self.keep_due()
                away = False
            except HybridError as error:
                if not away:
                    log.warning("account_not_kept", error=str(error))
                away = True
            self.clock.wait(stop, min(SOON_S, self.every_s))
