"""A session whose protections are on: one order in thirty pieces, both outcomes, a stop and what comes after it."""

from pathlib import Path

import pytest
from msgspec import structs

from backtest.history.capture_tape import read_tape
from backtest.replay.redecide_command import redecided
from shared.capture.capture import Capture
from shared.messages.decisions import BuyEngineDecision, OthersPaid
from tests.amounts import D
from tests.backtest.replay.sessions import Session, a_hash, replayed
from tests.buyer.builders import LEADER, TOKEN, a_book, a_signal

ON = ("--stake-window-s", "60", "--cooldown-s", "300", "--other-outcome", "skip")
ANOTHER = "0x" + "b2" * 20


def reasons(session: Session) -> list[str]:
    events = (event for _, event in session.ledger.events)
    return [event.reason for event in events if isinstance(event, BuyEngineDecision)]


def a_piece(session: Session, number: int, **changes: object) -> None:
    now_ms = session.clock.now_ms()
    session.prices.next_book = session.prices.next_book and structs.replace(session.prices.next_book, at_ms=now_ms)
    values = {"shares": D(4), "usdc": D(2), "tx_hash": a_hash(number), "traded_at_ms": now_ms - 2000, **changes}
    session.signal(a_signal(**values))


@pytest.fixture
def session() -> Session:
    """Give thirty pieces of one order, then the leader's sale, then his next buy."""
    session = Session(*ON)
    for number in range(30):
        a_piece(session, number)
    a_piece(session, 100, side="SELL", shares=D(120), usdc=D(60))
    a_piece(session, 101)
    session.clock.advance(300)
    a_piece(session, 102)
    session.prices.outcome("the other")
    assert session.prices.market is not None
    session.prices.market = structs.replace(session.prices.market, outcome_index=1)
    a_piece(session, 103, leader=ANOTHER, token_id="the other")
    return session


@pytest.mark.pitfall(41)
@pytest.mark.pitfall(44)
def test_thirty_pieces_are_one_stake_and_neither_a_token_just_left_nor_the_other_outcome_is_bought(
    session: Session,
) -> None:
    bought, *pieces = reasons(session)[:30]

    assert bought == "all rules passed"
    assert set(pieces) == {"stake_window"}
    assert reasons(session)[30:] == ["all rules passed", "stake_window", "all rules passed", "other_outcome"]
    assert session.ledger.values[f"shares:{LEADER}:{TOKEN}"] == D("9.61")


@pytest.mark.pitfall(41)
def test_what_was_left_is_not_bought_again_by_whomever_until_the_cool_down_is_over() -> None:
    session = Session(*ON)
    a_piece(session, 1)
    a_piece(session, 2, side="SELL")
    a_piece(session, 3, leader=ANOTHER)
    session.clock.advance(300)
    a_piece(session, 4, leader=ANOTHER)

    assert reasons(session) == ["all rules passed", "all rules passed", "cooldown", "all rules passed"]


def test_it_is_replayed_and_decided_again_byte_for_byte_also_from_its_middle(session: Session, tmp_path: Path) -> None:
    a_piece(session, 200)
    session.begin_here()
    a_piece(session, 201)
    a_piece(session, 202, side="SELL", token_id="the other", leader=ANOTHER)
    path = session.capture(tmp_path)

    made = list(replayed(path).run())

    assert [item.text for item in made] == [item.recorded for item in made]
    assert all(one.same for one in redecided(read_tape(Capture.open(path))))
    assert made


@pytest.mark.pitfall(42)
def test_what_others_paid_stands_in_a_decision_and_makes_the_same_again(tmp_path: Path) -> None:
    session = Session(*ON)
    session.others = OthersPaid(price=D("0.2"), shares=D(30), trades=3)
    a_piece(session, 1)
    session.others = structs.replace(session.others, price=D("0.45"))
    a_piece(session, 2)
    path = session.capture(tmp_path)

    assert reasons(session) == ["others_paid", "all rules passed"]
    assert [item.text for item in replayed(path).run()] == [item.recorded for item in replayed(path).run()]
    assert [one.same for one in redecided(read_tape(Capture.open(path)))] == [True, True]


def test_a_session_of_before_is_decided_as_it_was(tmp_path: Path) -> None:
    zero = ("max-spread", "max-over-fair-pct", "min-resale-pct", "min-liquidity-usdc", "max-over-others-pct")
    before = Session(*(f"--{name}=0" for name in zero), "--no-check-own-exits", "--min-nodes=1")
    before.prices.next_book = a_book(bids=(("0.1", "50"),), asks=(("0.5", "100"),))
    a_piece(before, 1)
    path = before.capture(tmp_path)
    later = ("max_spread", "max_over_fair_pct", "min_resale_pct", "check_own_exits", "stake_window_s", "cooldown_s")
    later += ("min_liquidity_usdc", "max_over_others_pct", "min_nodes")
    text = path.read_text()
    for name in later:
        text = text.replace(f'\\"{name}\\":', f'\\"not_known_{name}\\":').replace(f'"{name}":', f'"not_known_{name}":')
    path.write_text(text)

    made = list(redecided(read_tape(Capture.open(path))))

    assert [one.same for one in made] == [True]
    assert reasons(before) == ["all rules passed"]
