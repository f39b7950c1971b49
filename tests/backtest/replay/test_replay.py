"""A captured session through the same buyer: the same decisions, byte for byte."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backtest.__main__ import app
from backtest.history.capture_tape import read_tape
from backtest.replay.replay import SessionReplay, TapeLedger
from buyer.execution.exit_manager import ExitManager
from buyer.execution.exit_store import ExitStore
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyerIdentity, BuyExecutor
from buyer.venue.paper import PaperVenue
from buyer.venue.paper_liquidity import TakenLiquidity
from shared.capture.capture import Capture, Header, capture_writer
from shared.clock import ManualClock
from shared.domain import ledger_accounts
from shared.domain.errors import BadConfig, Malformed
from shared.domain.ledger_accounts import redemption_postings
from shared.domain.ledger_write import LedgerWrite
from shared.domain.market import Book
from shared.domain.money import from_micro
from shared.ledger.port import open_lots
from shared.messages.base import REDEMPTIONS, SERVICE, SIGNALS
from shared.messages.events import read_event, write_event
from shared.messages.redemptions import Redeemed, RedemptionResult
from shared.messages.service import ServiceStart
from shared.messages.signals import ActionableSignal
from shared.process.service_life import code_version
from shared.redis.streams import StreamEntry
from tests.buyer.builders import CONDITION, LEADER, NOW_MS, TOKEN, a_book, a_market, a_signal, some_settings
from tests.buyer.fakes import FakePrices

D = Decimal


class BookThenCrash:
    """A book for the decision, and a crash for the order."""

    def __init__(self, prices: FakePrices) -> None:
        self._books = iter([prices.book(TOKEN)])

    def __call__(self, _: str) -> tuple[Book | None, str]:
        found = next(self._books, None)
        if found is None:
            raise RuntimeError("a crash")
        return found


class Session:
    """A live paper session in memory, with a stream of everything it published."""

    def __init__(self, *flags: str) -> None:
        self.settings = some_settings(*flags)
        self.ledger, self.clock, self.prices = TapeLedger(), ManualClock(NOW_MS), FakePrices()
        self.header = Header(NOW_MS)
        self.journal = Journal(self.ledger, lambda: None)
        self.journal.deposit(1_000_000_000)
        self.engine = BuyExecutor(
            journal=self.journal,
            prices=self.prices,
            venue=PaperVenue(self.prices, clock=self.clock, stop=threading.Event(), taken=TakenLiquidity()),
            clock=self.clock,
            limits=self.settings.limits,
            identity=BuyerIdentity("paper", self.settings.limits.id, code_version()),
            emit=lambda _: None,
        )
        self.entries: list[StreamEntry] = []
        start = ServiceStart(id="s", emitted_at_ms=1, service="buyer", instance="b", config=self.settings.published())
        self._keep(SERVICE, start.event, write_event(start))

    def signal(self, signal: ActionableSignal, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Decide on a signal, half a second after the last one; `meanwhile` happens right before its intent."""
        self._keep(SIGNALS, signal.event, write_event(signal))
        self.clock.advance(0.5)
        self.ledger.meanwhile = meanwhile
        self.engine.handle(signal)
        self.ledger.meanwhile = lambda: None

    def interrupt(self, signal: ActionableSignal) -> None:
        """Crash between the intent of a signal and its order."""
        self._keep(SIGNALS, signal.event, write_event(signal))
        self.clock.advance(0.5)
        book, self.prices.book = self.prices.book, BookThenCrash(self.prices)  # type: ignore[method-assign]  # a crash
        with pytest.raises(RuntimeError):
            self.engine.handle(signal)
        self.prices.book = book  # type: ignore[method-assign]  # as before

    def crash(self, signal: ActionableSignal, reason: str, *, ordered: bool = False) -> None:
        """Bury a signal that could be read and crashed its handler, before or after its intent."""
        if ordered:
            self.interrupt(signal)
        else:
            self._keep(SIGNALS, signal.event, write_event(signal))
        self.engine.bury(self.entries[-1], reason)

    def pipe_poison(self, text: str) -> None:
        """Bury a line of a pipe, which stands on no stream."""
        with pytest.raises(Malformed) as problem:
            read_event(text)
        self.engine.bury(StreamEntry("stdin", "abc", {"json": text}), str(problem.value))

    def turn_switch(self, delta: int) -> None:
        """Turn the kill switch."""
        self.ledger.commit(LedgerWrite(id=f"switch:{self.ledger.seq}", postings=((ledger_accounts.HALT, delta),)))

    def begin_here(self) -> None:
        """Let the capture begin now, as `hybrid capture` without --from-start does."""
        records = {kind: self.ledger.records(kind) for kind in ("lots", "intents", "exits", "gathered")}
        self.header = Header(NOW_MS, self.ledger.seq, dict(self.ledger.values), **records)
        undecided = [entry for entry in self.entries if entry.stream == SIGNALS][-len(records["intents"]) :]
        self.entries = [self.entries[0], *undecided]
        self.ledger.events.clear()

    def poison(self, text: str) -> None:
        """Bury an entry that cannot be read."""
        self._keep(SIGNALS, "ACTIONABLE_SIGNAL", text)
        with pytest.raises(Malformed) as problem:
            read_event(text)
        self.engine.bury(self.entries[-1], str(problem.value))

    def redeem(self, payout: Decimal) -> None:
        """Let the redeemer pay out every lot."""
        lots = open_lots(self.ledger)
        paid = sum((from_micro(lot.shares) * payout for lot in lots), D(0))
        cost = sum((from_micro(lot.cost) for lot in lots), D(0))
        result = RedemptionResult(
            id=f"r{self.ledger.seq}",
            emitted_at_ms=self.clock.now_ms(),
            wallet="paper",
            condition_id=CONDITION,
            mode="paper",
            payouts=(str(payout), str(1 - payout)),
            lots=tuple(
                Redeemed(
                    leader=lot.leader,
                    token_id=lot.token_id,
                    outcome_index=lot.outcome_index,
                    shares=from_micro(lot.shares),
                    cost=from_micro(lot.cost),
                    payout=from_micro(lot.shares) * payout,
                    behind=from_micro(lot.behind),
                    event_id=lot.event_id,
                    group=lot.group,
                )
                for lot in lots
            ),
            expected=paid,
            paid=paid,
            cost=cost,
            realized=paid - cost,
            ledger_seq=self.ledger.seq + 1,
        )
        postings = redemption_postings(result)
        redeemed = LedgerWrite(
            id=f"redeem:{self.ledger.seq}",
            postings=postings,
            peaks=ledger_accounts.peaks_of(postings),
            events=((REDEMPTIONS, result),),
        )
        self.ledger.commit(redeemed)

    def capture(self, folder: Path) -> Path:
        """Write what a capture of this session holds."""
        for number, (stream, event) in enumerate(self.ledger.events):
            self.entries.append(StreamEntry(stream, f"9-{number}", {"event": event.event, "json": write_event(event)}))
        path = folder / "session.jsonl"
        written(path, self.header, self.entries)
        return path

    def _keep(self, stream: str, name: str, text: str) -> None:
        self.entries.append(StreamEntry(stream, f"1-{len(self.entries)}", {"event": name, "json": text}))


def written(path: Path, header: Header, entries: Sequence[StreamEntry] = ()) -> None:
    with contextlib.closing(capture_writer(path, header)) as out:
        out.write(entries)


def a_hash(number: int) -> str:
    return "0x" + f"{number:064x}"


@pytest.fixture
def session() -> Session:
    session = Session()
    session.signal(a_signal(tx_hash=a_hash(1)))
    session.signal(a_signal(tx_hash=a_hash(2), leader="0x" + "b2" * 20))
    session.prices.next_book = a_book(asks=(("0.51", "3"), ("0.52", "2")), at_ms=NOW_MS + 500)
    session.signal(a_signal(tx_hash=a_hash(3)))
    session.prices.next_book = None
    session.signal(a_signal(tx_hash=a_hash(4)))
    session.poison('{"event":"ACTIONABLE_SIGNAL"}')
    session.prices.next_book = a_book(bids=(("0.6", "7"),), asks=(("0.61", "5"),), at_ms=NOW_MS + 1500)
    session.signal(a_signal(tx_hash=a_hash(5), side="SELL", usdc=D(60), price=D("0.6")))
    session.redeem(D("0.5"))
    session.prices.market = a_market(closed=True)
    session.signal(a_signal(tx_hash=a_hash(6)))
    session.prices.market, session.prices.next_book = a_market(), a_book(at_ms=NOW_MS + 2500)
    session.signal(a_signal(tx_hash=a_hash(7)))
    return session


def replayed(path: Path, **changes: object) -> SessionReplay:
    return SessionReplay(read_tape(Capture.open(path)), changes)


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


def test_a_torn_last_line_is_left_out_and_nothing_before_it(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    entries = [StreamEntry(SIGNALS, f"{number}-0", {"event": "", "json": '{"a":1}'}) for number in range(3)]
    written(path, Header(1), entries)
    torn = path.read_bytes()
    for cut in range(1, len(torn.splitlines(keepends=True)[-1]) + 1):
        path.write_bytes(torn[:-cut])
        assert list(Capture.open(path)) == entries[:-1]


def test_a_capture_keeps_every_event_letter_for_letter(session: Session, tmp_path: Path) -> None:
    read = list(Capture.open(session.capture(tmp_path)))

    assert read == session.entries


@pytest.mark.parametrize("text", ["", "{}", "hello", '{"capture":99}'])
def test_a_file_that_is_no_capture_is_named_with_the_fix(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(text + "\n")

    with pytest.raises(BadConfig, match=r"x\.jsonl"):
        Capture.open(path)


def test_a_broken_line_in_the_middle_is_named(session: Session, tmp_path: Path) -> None:
    path = session.capture(tmp_path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join((*lines[:2], lines[2][:40] + "\n", *lines[3:])))

    with pytest.raises(Malformed, match=r"session\.jsonl:3"):
        list(Capture.open(path))


def test_the_command_prints_a_summary_and_exits_0_when_identical(session: Session, tmp_path: Path) -> None:
    path = session.capture(tmp_path)

    result = CliRunner().invoke(app, [str(path), "--parity", "--decisions"])

    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == 8
    assert "identical to the recording, byte for byte: 8 of 8" in result.stderr


def test_the_command_exits_1_when_a_decision_differs(session: Session, tmp_path: Path) -> None:
    path = session.capture(tmp_path)
    path.write_text(path.read_text().replace('"value":"0.5"', '"value":"0.501"', 1))

    assert CliRunner().invoke(app, [str(path), "--parity"]).exit_code == 1


def test_a_live_session_is_not_called_different_but_sent_to_what_can_judge_it(tmp_path: Path) -> None:
    session = Session()
    session.signal(a_signal())
    path = session.capture(tmp_path)
    path.write_text(path.read_text().replace('"mode":"paper"', '"mode":"live"'))

    result = CliRunner().invoke(app, [str(path), "--parity"])

    assert result.exit_code == 2
    assert "cannot be played back: --redecide" in result.stderr
    assert CliRunner().invoke(app, [str(path), "--redecide"]).exit_code == 0


def test_a_session_of_several_shards_is_sent_to_what_can_judge_it(tmp_path: Path) -> None:
    session = Session("--buyer-shards", "4")
    session.signal(a_signal())
    path = session.capture(tmp_path)

    result = CliRunner().invoke(app, [str(path), "--parity"])

    assert result.exit_code == 2
    assert "4 shards" in result.stderr
    assert "--redecide" in result.stderr
    assert CliRunner().invoke(app, [str(path), "--redecide"]).exit_code == 0


@pytest.mark.parametrize("flag", ["--set=stake=5", "--set=stake_usdc=much", "--set=stake_usdc"])
def test_the_command_names_a_wrong_change(flag: str, session: Session, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(session.capture(tmp_path)), flag])

    assert result.exit_code == 2
    assert "stake" in result.stderr


def test_a_capture_without_a_buyers_settings_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    written(path, Header(1))

    with pytest.raises(BadConfig, match="from-start"):
        read_tape(Capture.open(path))


def test_no_balance_of_a_replay_comes_from_the_recording(session: Session, tmp_path: Path) -> None:
    path = session.capture(tmp_path)
    richer = path.read_text().replace('"cash":"1000"', '"cash":"2000"')
    path.write_text(richer)

    made: Iterator[bool] = (item.same for item in replayed(path).run())

    assert not all(made)


def test_accounts_named_here_are_those_of_the_session(session: Session) -> None:
    assert session.ledger.values[ledger_accounts.CASH] > 0
    assert {LEADER, TOKEN, CONDITION}.isdisjoint(session.ledger.values)


@pytest.mark.parametrize("text", ['"hello"', "[1]", "5", "null", '{"a":1}\r', '{"a":\n1}', "[" * 5000, "\u2028", ""])
def test_whatever_stands_in_an_entry_is_captured_letter_for_letter(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    entries = [
        StreamEntry(SIGNALS, "1-0", {"event": "", "json": text}),
        StreamEntry(SIGNALS, "2-0", {"event": "", "json": "{}"}),
    ]
    written(path, Header(1), entries)

    assert list(Capture.open(path)) == entries


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


def test_settings_that_we_do_not_know_are_named(session: Session, tmp_path: Path) -> None:
    path = session.capture(tmp_path)
    path.write_text(path.read_text().replace('"max_slippage_pct"', '"max_slip"'))

    with pytest.raises(BadConfig, match="max_slippage_pct"):
        read_tape(Capture.open(path))


def test_a_replay_knows_when_the_kill_switch_was_on(session: Session, tmp_path: Path) -> None:
    session.turn_switch(1)
    session.signal(a_signal(tx_hash=a_hash(8)))
    session.turn_switch(-1)

    made = list(replayed(session.capture(tmp_path)).run())

    assert made[-1].decision.reason == "kill_switch"
    assert all(item.same for item in made)


def test_what_paper_orders_took_from_one_book_replays_byte_for_byte(tmp_path: Path) -> None:
    session = Session("--stake-usdc", "20", "--max-market-usdc", "500")
    session.prices.next_book = a_book(asks=(("0.5", "60"), ("0.51", "10")))
    for number in range(3):
        session.signal(a_signal(tx_hash=a_hash(number), leader="0x" + f"{number:040x}"))

    replay = replayed(session.capture(tmp_path))
    made = list(replay.run())

    filled = [item.decision.outcome.shares for item in made if item.decision.outcome]
    assert sum(filled) == 70
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
        session.clock.advance(3)
        session.prices.next_book = book.model_copy(update={"at_ms": session.clock.now_ms()})
        desk.turn()

    for number in range(3):
        session.signal(a_signal(tx_hash=a_hash(number), usdc=D(15), shares=D(30)))
    session.prices.next_book = a_book(at_ms=session.clock.now_ms())
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
