"""A ledger that went back in time is known in the very next step, before anything is written to it."""

import threading
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from shared.clock import SystemClock
from shared.domain.errors import Emptied, ServerWentBack
from shared.domain.ledger_accounts import HALT
from shared.domain.ledger_write import LedgerWrite, WrittenStep
from shared.ledger.ledger_marks import LedgerMarks, LedgerPlace
from shared.ledger.marks_folder import MarksFolder
from shared.ledger.redis_ledger import RedisLedger
from shared.redis.client import connect_redis
from shared.redis.password_file import take_password

KEYS = ("hs:live:accounts", "hs:live:writes", "hs:live:seq")


class OlderServer:
    """A server's ledger that can be put back to what it was when it was kept."""

    def __init__(self, url: str) -> None:
        self.redis, self.marks = connect_redis(url), LedgerMarks()
        self.ledger = RedisLedger(self.redis, "live", self.marks)
        self.other = RedisLedger(self.redis, "live")
        plain, password = take_password(url)
        self._raw = Redis.from_url(plain, password=password)
        self._kept: dict[str, bytes] = {}

    def write(self, name: str, ledger: RedisLedger | None = None) -> None:
        (ledger or self.ledger).commit(LedgerWrite(id=name, postings=(("cash", 1),)))

    def keep(self) -> None:
        self._kept = {key: cast("bytes", self._raw.dump(key)) for key in KEYS}

    def put_back(self) -> None:
        for key, dumped in self._kept.items():
            self._raw.restore(key, 0, dumped, replace=True)


@pytest.fixture
def server(valkey_url: str) -> OlderServer:
    found = OlderServer(valkey_url)
    found.write("first")
    found.keep()
    return found


@pytest.mark.server
@pytest.mark.pitfall(50)
def test_a_step_on_a_ledger_that_went_back_is_not_written_and_says_how_much_is_gone(server: OlderServer) -> None:
    for name in ("second", "third"):
        server.write(name)
    server.put_back()

    with pytest.raises(ServerWentBack, match="step 1, and step 3 was seen"):
        server.write("fourth")

    assert server.other.accounts().values == {"cash": 1}
    assert server.marks.loss is not None
    assert server.marks.loss.steps == 2


@pytest.mark.server
@pytest.mark.pitfall(50)
def test_others_who_wrote_on_do_not_hide_it(server: OlderServer) -> None:
    server.write("second")
    server.put_back()
    for number in range(9):
        server.write(f"other {number}", server.other)

    with pytest.raises(ServerWentBack):
        server.write("third")


@pytest.mark.server
@pytest.mark.pitfall(50)
def test_a_read_shows_it_as_well_and_nothing_is_written_before_it_is_accepted(server: OlderServer) -> None:
    server.write("second")
    server.put_back()

    with pytest.raises(ServerWentBack):
        server.ledger.read(("cash",))
    with pytest.raises(ServerWentBack):
        server.write("third")
    server.marks.accept(server.ledger.read(()).seq, now_ms=1)
    server.write("third")

    assert server.other.accounts().values == {"cash": 2}


@pytest.mark.server
@pytest.mark.pitfall(31)
def test_an_empty_ledger_is_an_emptied_server(server: OlderServer) -> None:
    server.redis.flushall()

    with pytest.raises(Emptied):
        server.write("second")


@pytest.mark.server
@pytest.mark.pitfall(50)
def test_controls_that_were_on_are_remembered_over_a_loss(server: OlderServer) -> None:
    server.other.commit(LedgerWrite(id="kill", postings=((HALT, 1),)))
    server.ledger.accounts()
    server.put_back()

    with pytest.raises(ServerWentBack):
        server.write("second")

    assert server.marks.loss is not None
    assert server.marks.loss.controls == (HALT,)


@pytest.mark.server
def test_who_writes_beside_us_is_no_loss(server: OlderServer) -> None:
    for number in range(5):
        server.write(f"ours {number}")
        server.write(f"theirs {number}", server.other)

    assert isinstance(server.ledger.commit(LedgerWrite(id="last")), WrittenStep)


@pytest.mark.pitfall(50)
def test_a_restart_knows_the_last_place_from_its_own_disk(tmp_path: Path) -> None:
    folder = MarksFolder(tmp_path, "server", clock=SystemClock(), stop=threading.Event())
    marks = folder.marks("buyer:live:0/2")
    marks.note(7, "decision:one")
    marks.note_controls({HALT: 1})
    folder.save()

    again = MarksFolder(tmp_path, "server", clock=SystemClock(), stop=threading.Event())

    assert again.marks("buyer:live:0/2").place == LedgerPlace(7, "decision:one", 7, (HALT,))
    assert again.marks("buyer:live:1/2").place == LedgerPlace()


@pytest.mark.pitfall(50)
def test_a_loss_stays_in_doubt_since_its_first_moment_over_restarts_until_all_of_it_is_found(tmp_path: Path) -> None:
    def started() -> tuple[MarksFolder, LedgerMarks]:
        folder = MarksFolder(tmp_path, "server", clock=SystemClock(), stop=threading.Event())
        return folder, folder.marks("buyer:live")

    folder, marks = started()
    marks.accept(7, now_ms=1_000)
    marks.accept(9, now_ms=2_000)
    marks.note(10, "write")
    folder.save()

    folder, marks = started()
    assert marks.place == LedgerPlace(10, "write", 10, doubt_since_ms=1_000)
    marks.end_doubt()
    folder.save()

    assert started()[1].place.doubt_since_ms == 0


def test_a_file_that_cannot_be_read_is_no_memory_and_no_reason_to_stop(tmp_path: Path) -> None:
    folder = MarksFolder(tmp_path, "server", clock=SystemClock(), stop=threading.Event())
    (tmp_path / "ledger-server-buyer-live.json").write_text("{", encoding="utf-8")

    assert folder.marks("buyer:live").place == LedgerPlace()


@given(st.lists(st.tuples(st.integers(1, 50), st.booleans()), max_size=20))
def test_the_highest_numbers_stay_in_whatever_order_threads_tell_them(told: list[tuple[int, bool]]) -> None:
    marks = LedgerMarks()

    for seq, ours in told:
        marks.note(seq, f"write {seq}" if ours else "")

    own = [seq for seq, ours in told if ours]
    assert marks.place.seen == max((seq for seq, _ in told), default=0)
    assert marks.place.write_seq == max(own, default=0)
