"""The watch over the wallet: what it says, what it keeps, and how much exits may sell meanwhile."""

import threading
from collections.abc import Mapping

import pytest

from buyer.domain.wallet_words import known_gaps
from buyer.recovery.wallet_watch import STRANGERS_WAIT_S, WalletLook, WalletWatch
from shared.clock import ManualClock
from shared.domain.errors import Unavailable
from shared.domain.ledger_accounts import CASH, DEPOSITED, Lot, shares_account
from shared.domain.ledger_write import LedgerWrite
from shared.domain.record_kinds import WALLET
from shared.ledger.port import lot_record
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SERVICE
from shared.messages.events import read_event
from shared.messages.service import WalletApart
from shared.polymarket.wallet_balances import ChainBalances
from shared.redis.client import connect_redis
from shared.redis.streams import stream_tail
from tests.buyer.domain.test_wallet_comparison import CONDITION, LEADERS, SHARE, TOKEN

pytestmark = pytest.mark.server


class FakeChain:
    """A node that shows what it is told, or does not answer."""

    def __init__(self, clock: ManualClock) -> None:
        self.shares, self.cash, self.behind_s, self.away = 10 * SHARE, 100 * SHARE, 0, False
        self.ended: frozenset[str] = frozenset()
        self._clock = clock

    def read(self, token_ids: tuple[str, ...]) -> ChainBalances:
        if self.away:
            raise Unavailable("no answer")
        at_ms = self._clock.now_ms() - self.behind_s * 1000
        return ChainBalances(1, at_ms, self.cash, dict.fromkeys(token_ids, self.shares))

    def resolved(self, condition_ids: tuple[str, ...]) -> frozenset[str]:
        return self.ended & frozenset(condition_ids)


class WatchRig:
    """A ledger with one lot, a node and an index."""

    def __init__(self, url: str) -> None:
        self.redis, self.clock, self.stop = connect_redis(url), ManualClock(), threading.Event()
        self.ledger, self.chain = RedisLedger(self.redis, "live"), FakeChain(self.clock)
        self.index: Mapping[str, int] | None = None
        self.strangers_asked: list[float] = []
        lot = Lot(LEADERS[0], TOKEN, CONDITION, 0, "Will it?", 0, 0)
        postings = ((CASH, 100 * SHARE), (DEPOSITED, 105 * SHARE), (shares_account(lot.leader, TOKEN), 10 * SHARE))
        self.ledger.commit(LedgerWrite(id="lot", postings=postings, records=(lot_record(lot),)))
        self.watch = self.another_watch()

    def another_watch(self) -> WalletWatch:
        look = WalletLook(self.ledger, self.chain, self.asked_index, self.clock)
        return WalletWatch(
            look,
            self.ledger,
            clock=self.clock,
            every_s=180,
            again_s=30,
            stop=self.stop,
            strangers=lambda: self.strangers_asked.append(self.clock.monotonic()) or 0,
        )

    def asked_index(self) -> Mapping[str, int]:
        if self.index is None:
            raise Unavailable("no answer")
        return self.index

    def look_twice(self) -> None:
        self.watch.look()
        self.clock.advance(30)
        self.watch.look()

    @property
    def told(self) -> list[WalletApart]:
        events = (read_event(entry.json) for entry in stream_tail(self.redis, SERVICE, 100))
        return [event for event in events if isinstance(event, WalletApart)]


@pytest.fixture
def rig(valkey_url: str) -> WatchRig:
    return WatchRig(valkey_url)


@pytest.mark.pitfall(53)
def test_a_lot_sold_by_hand_is_said_once_kept_and_bounds_what_exits_sell(rig: WatchRig) -> None:
    rig.chain.shares = 4 * SHARE

    rig.look_twice()
    rig.look_twice()

    assert [(one.state, one.kind, one.ledger, one.wallet) for one in rig.told] == [
        ("apart", "missing", 10 * SHARE, 4 * SHARE)
    ]
    assert rig.watch.held(TOKEN) == 4 * SHARE
    assert rig.watch.snapshot() == {"missing": 1}


def test_one_look_bounds_nothing(rig: WatchRig) -> None:
    rig.chain.shares = 0

    again = rig.watch.look()

    assert (again, rig.watch.held(TOKEN), rig.told) == (True, None, [])


@pytest.mark.pitfall(53)
def test_a_node_that_cannot_answer_or_is_behind_changes_nothing(rig: WatchRig) -> None:
    rig.chain.shares = 4 * SHARE
    rig.look_twice()

    rig.chain.shares, rig.chain.away = 0, True
    rig.look_twice()
    rig.chain.away, rig.chain.behind_s = False, 21
    rig.look_twice()

    assert rig.watch.held(TOKEN) == 4 * SHARE
    assert len(rig.told) == 1


def test_exits_sell_what_the_index_still_shows_where_a_node_shows_nothing(rig: WatchRig) -> None:
    rig.chain.shares, rig.index = 0, {TOKEN: 10 * SHARE}

    rig.look_twice()

    assert rig.watch.held(TOKEN) == 10 * SHARE
    assert rig.told[0].witness == 10 * SHARE


def test_what_was_found_counts_after_a_restart_before_anything_was_looked_at(rig: WatchRig) -> None:
    rig.chain.shares = 0
    rig.look_twice()
    rig.chain.away = True

    again = rig.another_watch()
    again.start()
    again.close()

    assert again.held(TOKEN) == 0


def test_a_look_that_the_stop_cuts_short_says_nothing(rig: WatchRig, capsys: pytest.CaptureFixture[str]) -> None:
    rig.chain.away = True
    rig.watch.look()
    assert "wallet_not_compared" in capsys.readouterr().err

    rig.stop.set()
    rig.watch.look()

    assert "wallet_not_compared" not in capsys.readouterr().err


def test_a_gap_that_closes_by_itself_is_forgotten_and_said(rig: WatchRig) -> None:
    rig.chain.shares = 0
    rig.look_twice()

    rig.chain.shares = 10 * SHARE
    rig.watch.look()

    assert rig.watch.held(TOKEN) is None
    assert [one.state for one in rig.told] == ["apart", "over"]
    assert rig.ledger.records(WALLET) == {}


def test_shares_of_a_market_that_resolved_are_the_redeemers_to_book(rig: WatchRig) -> None:
    rig.chain.shares, rig.chain.ended = 0, frozenset({CONDITION})

    rig.look_twice()

    assert [one.resolved for one in rig.told] == [True]
    assert known_gaps(rig.ledger.records(WALLET))[0].resolved


def test_cash_that_came_by_hand_is_said(rig: WatchRig) -> None:
    rig.chain.cash = 130 * SHARE

    rig.look_twice()

    assert [(one.kind, one.ledger, one.wallet) for one in rig.told] == [("cash", 100 * SHARE, 130 * SHARE)]


@pytest.mark.pitfall(50)
def test_what_a_server_forgot_is_taken_for_nobody_elses_while_it_is_looked_for(rig: WatchRig) -> None:
    rig.watch.forgotten("the server went back")
    rig.watch._look_for_strangers()
    rig.clock.advance(STRANGERS_WAIT_S)
    rig.watch._look_for_strangers()

    assert rig.strangers_asked == [rig.clock.monotonic()]
