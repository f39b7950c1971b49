"""What the board of a real server says: state, money to the micro-unit, positions, limits."""

import pytest
from redis import Redis

from ops.board.board import Board
from ops.board.money_rows import PnlSpan
from ops.operator.board_reader import read_board
from ops.operator.controls import kill
from shared.clock import SystemClock
from shared.domain.ledger_accounts import FEES, REALIZED
from shared.process.beats import ProcessBeat, write_beats
from shared.redis.client import connect_redis
from shared.redis.followed_leaders import FollowedLeader, follow_leader, note_labels
from tests.amounts import D
from tests.ops.operator.account.board_account import DAY_MS, LEADER, NOON_MS, OTHER, Account

pytestmark = pytest.mark.server


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    return connect_redis(valkey_url)


@pytest.fixture
def account(redis: Redis) -> Account:
    return Account(redis)


def board(account: Account, now_ms: int = NOON_MS) -> Board:
    return read_board(account.redis, "paper", now_ms)


def span(found: Board, name: str) -> PnlSpan:
    return next(one for one in found.pnl if one.span == name)


def test_a_killed_pipeline_says_so_with_who_and_why(redis: Redis) -> None:
    kill(redis, "paper", "it looks wrong", SystemClock())

    state = read_board(redis, "paper", NOON_MS).state

    assert (state.word, state.why) == ("killed", "it looks wrong")
    assert state.who
    assert state.since_ms


def test_without_a_buyer_it_is_stopped_and_says_who_is_missing(redis: Redis) -> None:
    write_beats(redis, [ProcessBeat("detector@a:1", "detector"), ProcessBeat("b@a:1", "buyer", mode="live")])

    state = read_board(redis, "paper", NOON_MS).state

    assert (state.word, state.why) == ("stopped", "no buyer runs on paper (one runs live)")


def test_a_position_names_market_outcome_leader_and_what_its_bids_pay(account: Account) -> None:
    follow_leader(account.redis, LEADER, FollowedLeader("whale"))
    key = account.buys("10", "5", "0.123456")
    account.mark(key, "10", "0.53", "5.199999")
    account.exits(key, "stop_loss")

    (one,) = board(account).positions

    assert (one.title, one.outcome, one.label, one.exiting) == ("Will it?", "Yes", "whale", "stop_loss")
    assert (one.cost, one.bid, one.value, one.unrealized) == (D("5.123456"), D("0.53"), D("5.199999"), D("0.076543"))
    assert one.ends_at_ms == NOON_MS + DAY_MS
    assert not one.stale


def test_a_position_without_a_mark_has_no_value_and_nobody_knows_the_equity(account: Account) -> None:
    account.buys("10", "5")

    found = board(account)

    assert found.positions[0].value is None
    assert found.equity is None
    assert span(found, "all").unrealized is None


def test_an_old_mark_is_stale(account: Account) -> None:
    key = account.buys("10", "5")
    account.mark(key, "10", "0.53", "5.2", at_ms=NOON_MS - 61_000)

    assert board(account).positions[0].stale


def test_equity_is_cash_and_values_and_what_was_put_in_with_all_profit(account: Account) -> None:
    key = account.buys("10", "5", "0.1")
    account.sells("4", "2.4", "0.05", "2.04")
    account.mark(key, "6", "0.6", "3.5")

    found = board(account)
    whole = span(found, "all")

    assert whole.unrealized is not None
    assert found.equity == found.cash + D("3.5") == found.deposited + whole.realized + whole.unrealized


def test_a_span_adds_up_to_the_change_of_the_account_since_it_began(account: Account) -> None:
    key = account.buys("10", "5", "0.1", at_ms=NOON_MS - DAY_MS)
    account.sells("2", "1.1", "0.01", "1.02", at_ms=NOON_MS - DAY_MS)
    account.point(NOON_MS - DAY_MS // 2, unrealized="0.4")
    account.sells("4", "2.4", "0.05", "2.04")
    account.mark(key, "4", "0.6", "2.3")

    found = board(account)
    today, week, whole = span(found, "today"), span(found, "7d"), span(found, "all")

    assert (today.realized, today.fees) == (D("0.31"), D("0.05"))
    assert today.unrealized == D("0.26") - D("0.4")
    assert (week.realized, week.fees, week.unrealized) == (whole.realized, whole.fees, D("0.26"))


def test_the_ledgers_own_totals_are_those_of_all_time(account: Account) -> None:
    account.buys("10", "5", "0.1")
    account.sells("4", "2.4", "0.05", "2.04")
    values = account.ledger.accounts().values

    whole = span(board(account), "all")

    assert (whole.realized, whole.fees) == (values[REALIZED], values[FEES])


def test_fees_of_before_days_were_kept_are_not_known_by_span(account: Account) -> None:
    account.write((FEES, D(3)))

    found = board(account)

    assert span(found, "today").fees is None
    assert span(found, "all").fees == D(3)


def test_the_other_side_of_a_market_is_told_on_both_positions(account: Account) -> None:
    account.buys("10", "5")
    assert not board(account).positions[0].other_side_held

    account.buys("10", "4", token=OTHER)

    assert [one.other_side_held for one in board(account).positions] == [True, True]


def test_limits_show_how_much_is_used(account: Account) -> None:
    key = account.buys("10", "160")
    account.mark(key, "10", "6", "60")

    found = board(account)
    used = {cap.name: (cap.used, cap.limit) for cap in found.caps}

    assert used["MAX_DAY_USDC"] == (D(160), D(200))
    assert used["MAX_TOTAL_USDC"] == (D(160), D(500))
    assert [alarm.name for alarm in found.alarms if alarm.name.startswith("cap:")] == ["cap:MAX_DAY_USDC"]


def test_the_last_trade_is_the_last_one_booked(account: Account) -> None:
    note_labels(account.redis, {LEADER: "of a file"})
    account.buys("10", "5", "0.1")
    account.sells("4", "2.4", "0.05", "2.04")

    trade = board(account).last_trade

    assert trade is not None
    assert (trade.kind, trade.label, trade.outcome, trade.realized) == ("SELL", "of a file", "Yes", D("0.31"))
    assert trade.price == D("0.6")


def test_an_account_that_began_in_a_span_is_known_from_its_first_trade_on(account: Account) -> None:
    account.redis.delete("hs:paper:equity")
    key = account.buys("10", "5", "0.1")
    account.mark(key, "10", "0.53", "5.2")

    assert [one.unrealized for one in board(account).pnl] == [D("0.1")] * 4


def test_of_an_older_account_a_span_without_a_beginning_is_not_known(account: Account) -> None:
    account.redis.delete("hs:paper:equity")
    key = account.buys("10", "5", "0.1", at_ms=NOON_MS - 40 * DAY_MS)
    account.mark(key, "10", "0.53", "5.2")

    found = board(account)

    assert [span(found, name).unrealized for name in ("today", "7d", "30d")] == [None] * 3
    assert span(found, "all").unrealized == D("0.1")
