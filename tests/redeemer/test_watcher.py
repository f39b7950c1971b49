"""The watcher: what resolved is enqueued, whatever else goes wrong."""

import threading
from collections.abc import Callable, Sequence

import pytest

from redeemer.config import parse_args
from redeemer.jobs.queue import redeem_inline
from redeemer.redemption.planner import PaperPlan
from redeemer.redemption.resolutions import ChainAnswers, Resolutions
from redeemer.watcher import ResolutionWatcher
from shared.clock import ManualClock
from shared.domain.errors import BadConfig, Malformed, RefusedForSafety, Unavailable
from shared.domain.ledger_write import Balances
from shared.ledger.memory_ledger import MemoryLedger
from shared.ledger.port import open_lots
from tests.redeemer.builders import CONDITION, OTHER, PaperRedeemerFixture, a_loser, a_lot, hold


class StopAfter(ManualClock):
    """A clock that sets the stop event when it is waited on for the n-th time."""

    def __init__(self, waits: int) -> None:
        super().__init__()
        self.left = waits
        self.waits: list[float] = []

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.waits.append(seconds)
        self.left -= 1
        if self.left <= 0:
            event.set()
        return super().wait(event, seconds)


class AwayLedger(MemoryLedger):
    """A ledger whose server is away for the first `times` reads."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def accounts(self) -> Balances:
        if self.times > 0:
            self.times -= 1
            raise Unavailable("Redis cannot be reached")
        return super().accounts()


class Inbox:
    """Takes every job and does none."""

    def __init__(self) -> None:
        self.jobs: list[tuple[str, str]] = []

    def __call__(self, wallet: str, condition_id: str) -> bool:
        self.jobs.append((wallet, condition_id))
        return True


class Stumbling(Resolutions):
    """A reader with a bug that shows once."""

    stumbled = False

    def read(self, condition_ids: Sequence[str]) -> ChainAnswers:
        if not self.stumbled:
            self.stumbled = True
            raise ZeroDivisionError
        return super().read(condition_ids)


def a_watcher(
    paper: PaperRedeemerFixture, enqueue: Callable[[str, str], bool], clock: ManualClock | None = None
) -> ResolutionWatcher:
    return ResolutionWatcher(
        "paper",
        PaperPlan(paper.ledger, paper.resolutions),
        enqueue,
        clock=clock or paper.clock,
        scan_every_s=15.0,
        lease=None,
    )


def test_only_what_is_held_and_resolved_is_enqueued() -> None:
    paper = PaperRedeemerFixture(MemoryLedger(), **{CONDITION: (1, 0)})
    hold(paper.ledger, a_lot(), a_loser(), a_lot(condition_id=OTHER, token_id="333"))
    inbox = Inbox()

    made = a_watcher(paper, inbox).scan()

    assert made == 1
    assert inbox.jobs == [("paper", CONDITION)]


def test_nothing_held_asks_nobody() -> None:
    paper = PaperRedeemerFixture(MemoryLedger())

    a_watcher(paper, Inbox()).scan()

    assert paper.node.batches == []


def test_in_one_process_the_job_is_done_at_once() -> None:
    paper = PaperRedeemerFixture(MemoryLedger(), **{CONDITION: (1, 0)})
    hold(paper.ledger, a_lot())
    watcher = a_watcher(paper, redeem_inline(paper.redeemer))

    assert (watcher.scan(), watcher.scan()) == (1, 0)
    assert open_lots(paper.ledger) == []
    assert watcher.snapshot()["enqueued"] == 1


@pytest.mark.pitfall(29)
def test_a_poison_condition_fails_alone_and_in_the_open() -> None:
    paper = PaperRedeemerFixture(MemoryLedger(), **{CONDITION: (1, 0), OTHER: (1, 0)})
    hold(paper.ledger, a_lot(outcome_index=5), a_lot(condition_id=OTHER, token_id="333"))
    job = _Loud(paper)
    watcher = a_watcher(paper, job)

    assert watcher.scan() == 1
    assert job.failed == [CONDITION]
    assert watcher.snapshot()["failed"] == 1
    assert [lot.condition_id for lot in open_lots(paper.ledger)] == [CONDITION]


class _Loud:
    """Does the job at once and lets its error out."""

    def __init__(self, paper: PaperRedeemerFixture) -> None:
        self._desk = paper
        self.failed: list[str] = []

    def __call__(self, wallet: str, condition_id: str) -> bool:
        try:
            return self._desk.redeemer.redeem(wallet, condition_id) is not None
        except Malformed as error:
            self.failed.append(condition_id)
            raise ValueError("poison") from error


@pytest.mark.pitfall(31)
def test_redis_away_for_three_looks_costs_a_delay_and_nothing_else() -> None:
    ledger, clock = AwayLedger(0), StopAfter(5)
    paper = PaperRedeemerFixture(ledger, **{CONDITION: (1, 0)})
    hold(ledger, a_lot())
    ledger.times = 3
    watcher = a_watcher(paper, redeem_inline(paper.redeemer), clock)

    watcher.run(threading.Event())

    assert open_lots(ledger) == []
    assert watcher.ready()
    assert clock.waits == [7.5] * 5
    assert (watcher.snapshot()["failed"], watcher.snapshot()["enqueued"]) == (3, 1)


@pytest.mark.pitfall(29)
def test_an_exception_in_a_look_is_logged_and_the_next_look_works() -> None:
    clock = StopAfter(2)
    paper = PaperRedeemerFixture(MemoryLedger(), **{CONDITION: (1, 0)})
    hold(paper.ledger, a_lot())
    paper.resolutions = Stumbling(paper.node, paper.data_api)
    watcher = a_watcher(paper, redeem_inline(paper.redeemer), clock)

    watcher.run(threading.Event())

    assert open_lots(paper.ledger) == []
    assert watcher.snapshot()["failed"] == 1


@pytest.mark.pitfall(25)
def test_real_holdings_are_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIVE", raising=False)

    with pytest.raises(RefusedForSafety, match="contradict each other"):
        parse_args(["--live"])
    with pytest.raises(RefusedForSafety):
        parse_args(["--no-dry-run"])


def test_the_settings_read_retries_and_name_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRY_AFTER_S", "1, 2,3")
    assert parse_args([]).retry_after_s == (1, 2, 3)

    monkeypatch.setenv("RETRY_AFTER_S", "soon")
    with pytest.raises(BadConfig, match="RETRY_AFTER_S"):
        parse_args([])


@pytest.mark.pitfall(32)
def test_an_orchestrators_flags_do_not_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["run_service", "--scan-every-s", "99"])

    assert parse_args([]).scan_every_s == 15.0
