"""Live paper sessions in memory, and the captures of them."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from backtest.history.capture_tape import read_tape
from backtest.replay.replay import SessionReplay, TapeLedger
from buyer.execution.decision_writer import BuyerIdentity
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.venue.paper import PaperVenue
from buyer.venue.paper_liquidity import TakenLiquidity
from shared.capture.capture import RECORDS, Capture, Header, capture_writer
from shared.clock import ManualClock
from shared.code_version import code_version
from shared.domain import ledger_accounts
from shared.domain.errors import Malformed
from shared.domain.ledger_accounts import redemption_postings
from shared.domain.ledger_write import LedgerWrite
from shared.domain.market import Book
from shared.domain.money import Shares, Usdc, from_micro, to_micro
from shared.ledger.port import open_lots
from shared.messages.base import REDEMPTIONS, SERVICE, SIGNALS
from shared.messages.decisions import OthersPaid
from shared.messages.events import read_event, write_event
from shared.messages.redemptions import Redeemed, RedemptionResult
from shared.messages.service import ServiceStart
from shared.messages.signals import ActionableSignal
from shared.redis.streams import StreamEntry
from tests.buyer.builders import CONDITION, NOW_MS, TOKEN, some_settings
from tests.buyer.fakes import FakePrices


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
        self.others: OthersPaid | None = None
        self.engine = BuyExecutor(
            journal=self.journal,
            prices=self.prices,
            venue=PaperVenue(self.prices, clock=self.clock, stop=threading.Event(), taken=TakenLiquidity()),
            clock=self.clock,
            limits=self.settings.limits,
            identity=BuyerIdentity("paper", self.settings.limits.id, code_version()),
            emit=lambda _: None,
            others=lambda _signal: lambda: self.others,
        )
        self.entries: list[StreamEntry] = []
        start = ServiceStart(id="s", emitted_at_ms=1, service="buyer", instance="b", config=self.settings.published())
        self._keep(SERVICE, start.event, write_event(start))

    def signal(self, signal: ActionableSignal, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Decide on a signal, half a second after the last one; `meanwhile` happens right before its intent."""
        self._keep(SIGNALS, signal.event, write_event(signal))
        self.clock.advance(0.5)
        self.ledger.meanwhile = meanwhile
        self.engine.process_actionable(signal)
        self.ledger.meanwhile = lambda: None

    def interrupt(self, signal: ActionableSignal) -> None:
        """Crash between the intent of a signal and its order."""
        self._keep(SIGNALS, signal.event, write_event(signal))
        self.clock.advance(0.5)
        book, self.prices.book = self.prices.book, BookThenCrash(self.prices)  # type: ignore[method-assign]  # a crash
        with pytest.raises(RuntimeError):
            self.engine.process_actionable(signal)
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
        records = {kind: self.ledger.records(kind) for kind in RECORDS}
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
        payouts = [Usdc(to_micro(from_micro(lot.shares) * payout)) for lot in lots]
        paid, cost = sum(payouts, Usdc(0)), Usdc(sum(lot.cost for lot in lots))
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
                    shares=Shares(lot.shares),
                    cost=Usdc(lot.cost),
                    payout=brought,
                    behind=Shares(lot.behind),
                    event_id=lot.event_id,
                    group=lot.group,
                )
                for lot, brought in zip(lots, payouts, strict=True)
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


def replayed(path: Path, **changes: object) -> SessionReplay:
    return SessionReplay(read_tape(Capture.open(path)), changes)
