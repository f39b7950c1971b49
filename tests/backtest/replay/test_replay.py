"""A captured session through the same buyer: the same decisions, byte for byte."""

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from buyer.execution.exit_manager import ExitManager
from buyer.execution.exit_store import ExitStore
from shared.capture.capture import Header
from shared.code_version import code_version
from shared.domain import ledger_accounts
from shared.domain.ledger_write import LedgerWrite
from shared.domain.market import Book
from shared.domain.money import Shares
from tests.amounts import D
from tests.backtest.replay.sessions import Session, a_hash, replayed
from tests.buyer.builders import CONDITION, LEADER, NOW_MS, TOKEN, a_book, a_signal


def test_a_replay_makes_the_same_decisions_byte_for_byte(session: Session, tmp_path: Path) -> None:
    replay = replayed(session.capture(tmp_path))

    made = list(replay.run())

    assert len(made) == 8
    assert {item.decision.verdict for item in made} == {"BUY", "SELL", "SKIP"}
    assert [item.text for item in made] == [item.recorded for item in made]
    assert replay.ledger.values == session.ledger.values


def test_other_limits_give_other_decisions_on_the_same_tape(session: Session, tmp_path: Path) -> None:
    made = list(replayed(session.capture(tmp_path), stake_usdc="20").run())

    stakes = [item.decision.order.budget for item in made if item.decision.order and item.decision.verdict == "BUY"]
    assert stakes
    assert all(budget > D(19) for budget in stakes)


def test_no_balance_of_a_replay_comes_from_the_recording(session: Session, tmp_path: Path) -> None:
    path = session.capture(tmp_path)
    richer = path.read_text().replace('"cash":"1000"', '"cash":"2000"')
    path.write_text(richer)

    made: Iterator[bool] = (item.same for item in replayed(path).run())

    assert not all(made)


def test_accounts_named_here_are_those_of_the_session(session: Session) -> None:
    assert session.ledger.values[ledger_accounts.CASH] > 0
    assert {LEADER, TOKEN, CONDITION}.isdisjoint(session.ledger.values)


def test_a_replay_buries_again_what_crashed_the_handler(session: Session, tmp_path: Path) -> None:
    session.crash(a_signal(tx_hash=a_hash(8)), "failed 3 times: ZeroDivisionError: a bug")
    session.crash(a_signal(tx_hash=a_hash(9)), "failed 3 times: ZeroDivisionError: a bug", ordered=True)
    session.pipe_poison("{")

    made = list(replayed(session.capture(tmp_path)).run())

    assert len(made) == 11
    assert all(item.same for item in made)


def test_a_replay_is_refused_where_the_kill_switch_beat_the_order(session: Session, tmp_path: Path) -> None:
    session.signal(a_signal(tx_hash=a_hash(8)), lambda: session.turn_switch(1))
    session.turn_switch(-1)
    session.signal(a_signal(tx_hash=a_hash(9)))

    made = list(replayed(session.capture(tmp_path)).run())

    assert [item.decision.reason for item in made[-2:]] == ["ledger", "all rules passed"]
    assert all(item.same for item in made)


def test_a_replay_is_refused_where_a_redemption_beat_the_sell(session: Session, tmp_path: Path) -> None:
    session.signal(a_signal(tx_hash=a_hash(8), side="SELL"), lambda: session.redeem(D(1)))
    replay = replayed(session.capture(tmp_path))

    made = list(replay.run())

    assert made[-1].decision.reason == "ledger"
    assert all(item.same for item in made)
    assert replay.ledger.values == session.ledger.values


def test_a_capture_that_begins_in_the_middle_replays_from_there(session: Session, tmp_path: Path) -> None:
    session.interrupt(a_signal(tx_hash=a_hash(8)))
    session.begin_here()
    session.signal(a_signal(tx_hash=a_hash(8)))
    session.signal(a_signal(tx_hash=a_hash(9), side="SELL"))
    session.redeem(D(1))
    session.signal(a_signal(tx_hash=a_hash(10)))
    replay = replayed(session.capture(tmp_path))

    made = list(replay.run())

    assert len(made) == 3
    assert [item.text for item in made] == [item.recorded for item in made]
    assert replay.ledger.values == session.ledger.values


def test_with_other_limits_a_market_pays_what_was_bought_this_time(session: Session, tmp_path: Path) -> None:
    path = session.capture(tmp_path)

    none, more = replayed(path, max_price="0.1"), replayed(path, stake_usdc="20")
    list(none.run())
    list(more.run())

    assert none.ledger.values == {"cash": 1_000_000_000, "deposited": 1_000_000_000}
    for replay in (none, more):
        values = replay.ledger.values
        assert all(value >= 0 for name, value in values.items() if not name.startswith(("realized", "pnl")))
        costs = sum(value for name, value in values.items() if name.startswith("cost:"))
        assert values["cash"] + costs - values.get("realized", 0) == values["deposited"]


def test_a_capture_of_an_older_version_is_judged_by_what_was_decided(session: Session, tmp_path: Path) -> None:
    path = session.capture(tmp_path)
    path.write_text(path.read_text().replace(f'"code_version":"{code_version()}"', '"code_version":"0.0.1"'))

    assert all(item.same for item in replayed(path).run())


def test_a_replay_knows_when_the_kill_switch_was_on(session: Session, tmp_path: Path) -> None:
    session.turn_switch(1)
    session.signal(a_signal(tx_hash=a_hash(8)))
    session.turn_switch(-1)

    made = list(replayed(session.capture(tmp_path)).run())

    assert made[-1].decision.reason == "kill_switch"
    assert all(item.same for item in made)


def test_a_replay_knows_whose_buys_were_not_followed_any_more(session: Session, tmp_path: Path) -> None:
    unfollowed = ((ledger_accounts.sells_only_account(LEADER), 1),)
    session.ledger.commit(LedgerWrite(id="unfollow", postings=unfollowed))
    session.signal(a_signal(tx_hash=a_hash(8)))

    made = list(replayed(session.capture(tmp_path)).run())

    portfolio = made[-1].decision.inputs.portfolio
    assert portfolio is not None
    assert portfolio.unfollowed
    assert all(item.same for item in made)


def test_what_paper_orders_took_from_one_book_replays_byte_for_byte(tmp_path: Path) -> None:
    session = Session("--stake-usdc", "20", "--max-market-usdc", "500")
    session.prices.next_book = a_book(asks=(("0.5", "60"), ("0.51", "10")))
    for number in range(3):
        session.signal(a_signal(tx_hash=a_hash(number), leader="0x" + f"{number:040x}"))

    replay = replayed(session.capture(tmp_path))
    made = list(replay.run())

    filled = [item.decision.outcome.shares for item in made if item.decision.outcome]
    assert sum(filled, Shares(0)) == D(70)
    assert filled[-1] == 0
    assert [item.text for item in made] == [item.recorded for item in made]
    assert replay.ledger.values == session.ledger.values


def test_exits_controls_and_gathered_trades_replay_byte_for_byte(tmp_path: Path) -> None:
    """Small trades add up to a buy; a stop loss sells in two attempts, one of them interrupted; buys are paused."""
    session = Session("--gather-window-s", "600", "--min-leader-usdc", "40", "--stop-loss-pct", "30")
    desk = ExitManager(
        session.engine,
        ExitStore(session.ledger, lambda: None),
        session.prices,
        clock=session.clock,
        limits=session.settings.limits,
    )

    def turn(book: Book) -> None:
        session.clock.advance(16)
        session.prices.next_book = replace(book, at_ms=session.clock.now_ms())
        desk.work_due()

    for number in range(3):
        session.signal(a_signal(tx_hash=a_hash(number), usdc=D(15), shares=D(30)))
    session.prices.next_book = a_book(at_ms=session.clock.now_ms())
    for _ in range(3):
        turn(a_book(bids=(("0.3", "4"),), asks=(("0.31", "1"),)))
    turn(a_book(bids=(), asks=(("0.31", "1"),)))
    turn(a_book(bids=(("0.3", "4"),), asks=(("0.31", "1"),)))
    session.clock.advance(10)
    turn(a_book(bids=(("0.29", "100"),), asks=(("0.31", "1"),)))
    session.ledger.commit(LedgerWrite(id="pause", postings=((ledger_accounts.PAUSE_BUYS, 1),)))
    session.signal(a_signal(tx_hash=a_hash(9), traded_at_ms=session.clock.now_ms()))

    replay = replayed(session.capture(tmp_path))
    made = list(replay.run())

    reasons = [item.decision.reason for item in made]
    assert reasons == ["gathered", "gathered", "all rules passed", "exit: stop_loss", "exit: stop_loss", "not_paused"]
    assert [item.text for item in made] == [item.recorded for item in made]
    assert replay.ledger.values == session.ledger.values


def test_a_capture_that_begins_in_an_exit_and_with_gathered_trades_replays_from_there(tmp_path: Path) -> None:
    session = Session("--gather-window-s", "600", "--min-leader-usdc", "40", "--mirror-sells", "proportional")
    session.signal(a_signal(tx_hash=a_hash(1)))
    session.signal(a_signal(tx_hash=a_hash(2), usdc=D(15), shares=D(30)))
    session.signal(a_signal(tx_hash=a_hash(3), side="SELL", shares=D(20), usdc=D(10)))
    session.header = Header(
        NOW_MS,
        session.ledger.seq,
        dict(session.ledger.values),
        **{kind: session.ledger.records(kind) for kind in ("lots", "intents", "exits", "gathered")},
    )
    session.entries = [session.entries[0]]
    session.ledger.events.clear()
    session.signal(a_signal(tx_hash=a_hash(4), usdc=D(36), shares=D(72)))
    session.signal(a_signal(tx_hash=a_hash(5), side="SELL", shares=D(60), usdc=D(30)))

    made = list(replayed(session.capture(tmp_path)).run())

    assert [item.decision.verdict for item in made] == ["BUY", "SELL"]
    assert all(item.same for item in made)
