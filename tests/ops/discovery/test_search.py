"""The search goes through candidates one by one, keeps each report at once, and goes on where it stopped."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from ops.discovery.discover import picked
from ops.discovery.domain.candidate import Candidate
from ops.discovery.domain.ranking import Report, ranked
from ops.discovery.report_store import ReportStore
from ops.discovery.search import SearchResult, search
from shared.clock import ManualClock
from shared.domain.errors import BadConfig, Rejected, Unavailable
from tests.ops.discovery.builders import a_report, a_wallet

WALLETS = [a_wallet(number) for number in range(1, 6)]
DAY_MS = 86_400_000


class FakeJudge:
    """Judges at once; those in `silent` cannot be read, `stop` is set after so many."""

    def __init__(self, silent: Sequence[Candidate] = (), stop: threading.Event | None = None, after: int = 2) -> None:
        self.asked: list[str] = []
        self._silent, self._stop, self._after = silent, stop, after

    def judge(self, candidate: Candidate) -> Report:
        self.asked.append(candidate.address)
        if self._stop and len(self.asked) >= self._after:
            self._stop.set()
        if candidate in self._silent:
            raise Unavailable("the venue is away")
        return a_report()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_800_000_000_000)


def a_store(folder: Path, terms: str = "7 days") -> ReportStore:
    return ReportStore(folder / "discover", terms, DAY_MS)


def run(judge: FakeJudge, store: ReportStore, clock: ManualClock, stop: threading.Event | None = None) -> SearchResult:
    return search(WALLETS, judge, store, clock, stop or threading.Event())


def test_a_stopped_search_goes_on_with_those_who_are_left(tmp_path: Path, clock: ManualClock) -> None:
    stop = threading.Event()
    first = run(FakeJudge(stop=stop), a_store(tmp_path), clock, stop)
    rest = FakeJudge()

    second = run(rest, a_store(tmp_path), clock)

    assert (len(first.judged), first.stopped) == (2, "told to stop")
    assert rest.asked == [wallet.address for wallet in WALLETS[2:]]
    assert (len(second.judged), second.reused, second.stopped) == (5, 2, "")


@pytest.mark.parametrize(("terms", "later_ms"), [("30 days", 0), ("7 days", DAY_MS)])
def test_reports_of_other_terms_or_of_yesterday_are_made_anew(
    tmp_path: Path, clock: ManualClock, terms: str, later_ms: int
) -> None:
    run(FakeJudge(), a_store(tmp_path), clock)
    clock.advance(later_ms / 1000)
    again = FakeJudge()

    run(again, a_store(tmp_path, terms), clock)

    assert len(again.asked) == len(WALLETS)


def test_a_file_that_was_cut_is_no_report(tmp_path: Path, clock: ManualClock) -> None:
    run(FakeJudge(), a_store(tmp_path), clock)
    for file in (tmp_path / "discover").iterdir():
        file.write_text(file.read_text()[:20])

    assert len(run(FakeJudge(), a_store(tmp_path), clock).judged) == len(WALLETS)


def test_a_wallet_that_cannot_be_read_is_said_and_asked_again_next_time(tmp_path: Path, clock: ManualClock) -> None:
    found = run(FakeJudge(silent=WALLETS[1:2]), a_store(tmp_path), clock)
    again = FakeJudge()
    run(again, a_store(tmp_path), clock)

    assert [(candidate.address, why) for candidate, why in found.unread] == [(WALLETS[1].address, "the venue is away")]
    assert again.asked == [WALLETS[1].address]


def test_a_venue_that_is_away_ends_the_search_soon(tmp_path: Path, clock: ManualClock) -> None:
    judge = FakeJudge(silent=WALLETS)

    found = run(judge, a_store(tmp_path), clock)

    assert (len(judge.asked), found.stopped) == (3, "the venue does not answer")


def test_one_refused_wallet_does_not_end_the_search(tmp_path: Path, clock: ManualClock) -> None:
    class Refusing(FakeJudge):
        def judge(self, candidate: Candidate) -> Report:
            super().judge(candidate)
            raise Rejected("no such user", 400)

    assert len(run(Refusing(), a_store(tmp_path), clock).unread) == len(WALLETS)


def test_places_are_picked_as_people_write_them() -> None:
    rows = ranked([(wallet, a_report()) for wallet in WALLETS])

    assert [row.place for row in picked(rows, "3, 1 3")] == [3, 1]
    assert picked(rows, " ") == []
    with pytest.raises(BadConfig, match="9: no place of the table; give numbers from 1 to 5"):
        picked(rows, "1,9")
