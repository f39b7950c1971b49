"""What a buyer tells of its account, on a real server: marks from the books it has, and a point a minute."""

import json
from collections.abc import Sequence

import pytest
from redis import Redis

from buyer.market_data.account_keeper import SHARE, AccountKeeper
from buyer.market_data.held_books import LOOKED_S, HeldBooks
from shared.account.equity_line import first_point, points_at
from shared.account.lot_marks import read_marks
from shared.account.published_limits import read_limits
from shared.clock import ManualClock
from shared.domain.ledger_accounts import CASH, DEPOSITED, Lot
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.domain.market import MarketFacts
from shared.domain.money import proceeds_micro, taker_fee
from shared.domain.record_kinds import INTENTS
from shared.ledger.port import lot_record
from shared.ledger.redis_ledger import RedisLedger
from shared.redis.client import connect_redis
from tests.amounts import D
from tests.buyer.builders import CONDITION, LEADER, NOW_MS, TOKEN, a_book, a_market

pytestmark = pytest.mark.server
LOT = Lot(LEADER, TOKEN, CONDITION, 0, "Will it?", 0, 0, "77", "", NOW_MS)
VALUE = proceeds_micro(D(10), D("0.49")) - taker_fee(D(10), D("0.49"), D("0.05"))


class Account:
    """A ledger with one lot of 10 shares that cost 5.1, on a real server, and who keeps it."""

    def __init__(self, redis: Redis) -> None:
        self.redis, self.clock = redis, ManualClock(NOW_MS)
        self.ledger = RedisLedger(redis, "paper")
        self.books = HeldBooks(self.clock)
        self.keeper = AccountKeeper(
            redis,
            "paper",
            self.books,
            lambda tokens: {token: a_market() for token in tokens},
            {"max_day_usdc": "200"},
            clock=self.clock,
            every_s=5,
            keep_trades=100,
        )
        self.write("start", (CASH, D("94.9")), (DEPOSITED, D(100)))
        self.write("lot", (f"shares:{LOT.key}", D(10)), (f"cost:{LOT.key}", D("5.1")), records=(lot_record(LOT),))

    def write(self, name: str, *postings: tuple[str, int], records: tuple[LedgerRecord, ...] = ()) -> None:
        self.ledger.commit(LedgerWrite(id=name, postings=postings, records=records))

    def look(self) -> None:
        """Do as an active buyer's marker does."""
        self.books.looked()
        self.books.note(a_book())


@pytest.fixture
def account(valkey_url: str) -> Account:
    return Account(connect_redis(valkey_url))


def test_a_mark_is_what_the_bids_pay_for_the_whole_lot_after_the_fee_with_the_time_of_its_book(
    account: Account,
) -> None:
    account.look()

    account.keeper.keep_once()

    marks = read_marks(account.redis, "paper")
    assert marks is not None
    (mark,) = marks.marks
    assert (mark.key, mark.bid, mark.value, mark.at_ms) == (LOT.key, D("0.49"), VALUE, NOW_MS - 500)


def test_equity_is_cash_and_what_the_lots_would_bring_and_stands_once_a_minute(account: Account) -> None:
    account.look()

    for _ in range(3):
        account.keeper.keep_once()
        account.clock.advance(5)

    point = first_point(account.redis, "paper")
    assert point is not None
    assert point.equity == D("94.9") + VALUE
    assert point == points_at(account.redis, "paper", [NOW_MS + 60_000])[0]
    assert read_limits(account.redis, "paper") == {"max_day_usdc": "200"}


def test_shares_that_a_sale_under_way_has_set_aside_are_still_held(account: Account) -> None:
    order = {"side": "SELL", "shares": "10", "leader": LEADER, "token_id": TOKEN}
    intent = LedgerRecord(INTENTS, "signal", json.dumps({"order": order}))
    account.write("intent", (f"shares:{LOT.key}", -D(10)), records=(intent,))
    account.look()

    account.keeper.keep_once()

    point = first_point(account.redis, "paper")
    assert point is not None
    assert point.equity == D("94.9") + VALUE


def test_without_a_book_the_minute_says_late_that_nobody_knows(account: Account) -> None:
    account.books.looked()

    account.keeper.keep_once()
    assert first_point(account.redis, "paper") is None
    account.clock.advance(60 - NOW_MS / 1000 % 60 + 46)
    account.books.looked()
    account.keeper.keep_once()

    point = first_point(account.redis, "paper")
    assert point is not None
    assert point.equity is None
    assert point.cash == D("94.9")


def test_a_buyer_that_is_not_the_active_one_tells_nothing(account: Account) -> None:
    account.look()
    account.clock.advance(LOOKED_S)

    account.keeper.keep_due()

    assert read_marks(account.redis, "paper") is None


def test_what_is_bought_has_its_mark_before_the_next_look_is_due(account: Account) -> None:
    account.look()
    account.keeper.keep_due()
    account.write("more", (f"shares:{LOT.key}", D(5)), (f"cost:{LOT.key}", D("2.5")))

    account.keeper.keep_due()

    marks = read_marks(account.redis, "paper")
    assert marks is not None
    assert [mark.shares for mark in marks.marks] == [D(15)]


def test_a_look_that_takes_long_is_not_made_again_soon(account: Account) -> None:
    def slowly(tokens: Sequence[str]) -> dict[str, MarketFacts]:
        account.clock.advance(1)
        return {token: a_market() for token in tokens}

    account.keeper.facts = slowly
    seen: list[int] = []
    account.look()
    account.keeper.keep_due()
    account.write("more", (f"shares:{LOT.key}", D(5)), (f"cost:{LOT.key}", D("2.5")))

    for _ in range(2):
        account.clock.advance(SHARE / 2)
        account.look()
        account.keeper.keep_due()
        marks = read_marks(account.redis, "paper")
        seen += [mark.shares for mark in marks.marks] if marks else []

    assert seen == [D(10), D(15)]
