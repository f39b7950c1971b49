"""An account on a real server as a buyer keeps it: deposits, lots, trades, marks, a line of equity."""

import json
from typing import Any

from redis import Redis

from shared.account.equity_line import add_point
from shared.account.lot_marks import write_marks
from shared.account.published_limits import write_limits
from shared.clock import ManualClock
from shared.domain.ledger_accounts import CASH, DEPOSITED, FEES, REALIZED, Lot, days_accounts, exposure_accounts
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.domain.money import Usdc
from shared.ledger.port import lot_record
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.account import LotMark, LotMarks, equity_point
from shared.messages.trades import TradeBooked, TradeKind, trades_stream
from shared.polymarket.market_store import MarketStore
from shared.redis.streams import publish_event
from tests.amounts import D
from tests.buyer.builders import a_market

LEADER = "0x" + "a1" * 20
DAY_MS = 86_400_000
NOON_MS = 1_790_000_000_000 // DAY_MS * DAY_MS + DAY_MS // 2
TOKEN, OTHER = "1234567890", "9876543210"
CONDITION = "0x" + "c0" * 32


class Account:
    """A paper ledger that began with 1,000 three days before noon."""

    def __init__(self, redis: Redis, now_ms: int = NOON_MS) -> None:
        self.redis, self.ledger, self.count = redis, RedisLedger(redis, "paper"), 0
        self.write((CASH, D(1000)), (DEPOSITED, D(1000)))
        self.point(now_ms - 3 * DAY_MS, unrealized="0")
        write_limits(redis, "paper", {"max_day_usdc": "200", "max_day_loss_usdc": "100", "max_total_usdc": "500"})
        MarketStore(redis, ManualClock(now_ms)).write([a_market(token_id=TOKEN, ends_at_ms=now_ms + DAY_MS)])

    def write(self, *postings: tuple[str, int], records: tuple[LedgerRecord, ...] = ()) -> None:
        self.count += 1
        self.ledger.commit(LedgerWrite(id=f"step-{self.count}", postings=postings, records=records))

    def buys(self, shares: str, usdc: str, fee: str = "0", *, at_ms: int = NOON_MS, token: str = TOKEN) -> str:
        """Book a buy as the buyer's journal does; return the lot's key."""
        lot = Lot(LEADER, token, CONDITION, 0 if token == TOKEN else 1, "Will it?", 0, 0, "77", "", at_ms)
        cost = D(usdc) + D(fee)
        day, _, fees = days_accounts(at_ms // DAY_MS)
        exposed = [(name, cost) for name in exposure_accounts(LEADER, CONDITION, "77", "")]
        held = [(f"shares:{lot.key}", D(shares)), (f"cost:{lot.key}", cost)]
        paid = [(CASH, -cost), (day, cost), (FEES, D(fee)), (fees, D(fee))]
        self.write(*held, *paid, *exposed, records=(lot_record(lot),))
        self.trade("BUY", token, shares, usdc, fee, cost=cost, realized=0, at_ms=at_ms)
        return lot.key

    def sells(self, shares: str, usdc: str, fee: str, cost: str, *, at_ms: int = NOON_MS) -> None:
        """Book a sale of a part of the lot."""
        realized = D(usdc) - D(fee) - D(cost)
        _, pnl, fees = days_accounts(at_ms // DAY_MS)
        lot = f"{LEADER}:{TOKEN}"
        gained = [(name, realized) for name in (REALIZED, pnl, f"realized:{LEADER}")]
        left = [(name, -D(cost)) for name in (f"cost:{lot}", *exposure_accounts(LEADER, CONDITION, "77", ""))]
        paid = [(CASH, D(usdc) - D(fee)), (FEES, D(fee)), (fees, D(fee))]
        self.write((f"shares:{lot}", -D(shares)), *left, *paid, *gained)
        self.trade("SELL", TOKEN, shares, usdc, fee, cost=D(cost), realized=realized, at_ms=at_ms)

    def trade(
        self,
        kind: TradeKind,
        token: str,
        shares: str,
        usdc: str,
        fee: str,
        *,
        cost: int,
        realized: int,
        at_ms: int,
        title: str = "Will it?",
    ) -> None:
        given: dict[str, Any] = {
            "shares": D(shares),
            "usdc": D(usdc),
            "fee": D(fee),
            "cost": Usdc(cost),
            "realized": Usdc(realized),
        }
        trade = TradeBooked(
            id=f"trade-{self.count}",
            emitted_at_ms=at_ms,
            mode="paper",
            kind=kind,
            leader=LEADER,
            token_id=token,
            condition_id=CONDITION,
            outcome_index=0,
            title=title,
            **given,
        )
        publish_event(self.redis, trades_stream("paper"), trade)

    def mark(self, key: str, shares: str, bid: str, value: str, *, at_ms: int = NOON_MS) -> None:
        """Tell what the one lot would bring."""
        mark = LotMark(key=key, shares=D(shares), at_ms=at_ms, bid=D(bid), paid=D(value), value=D(value))
        write_marks(self.redis, "paper", LotMarks(at_ms=at_ms, every_ms=5000, marks=(mark,)))

    def point(self, at_ms: int, unrealized: str | None) -> None:
        """Add a point to the line of equity."""
        change = None if unrealized is None else D(unrealized)
        add_point(self.redis, "paper", equity_point(self.ledger.accounts().values, change, at_ms))

    def exits(self, key: str, reason: str) -> None:
        self.write(records=(LedgerRecord("exits", key, json.dumps({"reason": reason, "last": ""})),))
