"""A reader of stdout or stderr that stops reading, or leaves, costs lines and nothing else."""

import errno
import os
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared import metrics
from shared.process import outlet
from shared.process.outlet import LineOutlet
from shared.process.output_descriptor import OutputDescriptor

pytestmark = pytest.mark.pitfall(55)

PIPE_HOLDS = 1 << 16
LINE = "x" * 99 + "\n"


@dataclass
class Piped:
    """An outlet into a pipe, and the pipe's other end."""

    out: LineOutlet
    reader: int

    def read(self, size: int) -> str:
        """Read until so many bytes came."""
        found = b""
        while len(found) < size:
            found += os.read(self.reader, size - len(found))
        return found.decode()

    def leave(self) -> None:
        os.close(self.reader)
        self.reader = -1


@contextmanager
def piped(most_waiting: int = outlet.MOST_WAITING_BYTES, stream: str = "stdout") -> Generator[Piped]:
    reader, writer = os.pipe()
    pipe = Piped(LineOutlet(writer, stream, most_waiting=most_waiting), reader)
    try:
        yield pipe
    finally:
        pipe.out.finish(0)
        os.close(writer)
        if pipe.reader >= 0:
            pipe.leave()


def lines(first: int, count: int) -> list[str]:
    return [f"{number:09d} {'x' * 89}\n" for number in range(first, first + count)]


def dropped(stream: str) -> float:
    """Return the metric as it is shown."""
    name = f'hybrid_lines_dropped_total{{stream="{stream}"}} '
    return sum(
        float(line[len(name) :]) for line in metrics.render_metrics().decode().splitlines() if line.startswith(name)
    )


def writing_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.endswith("-lines")]


def test_what_is_read_is_written_at_once_and_needs_no_thread() -> None:
    with piped() as pipe:
        print("first", "line", file=pipe.out)
        pipe.out.write("second line\nhalf a")
        assert pipe.read(23) == "first line\nsecond line\n"
        assert writing_threads() == []

        pipe.out.flush()
        assert pipe.read(6) == "half a"


def test_a_reader_that_stops_keeps_nobody_waiting_and_gets_every_line_when_it_reads_again() -> None:
    wanted = lines(0, 5_000)
    with piped() as pipe:
        for line in wanted:
            pipe.out.write(line)

        assert pipe.read(sum(map(len, wanted))) == "".join(wanted)
        pipe.out.finish(5)
    assert pipe.out.dropped == 0
    assert writing_threads() == []


def test_what_does_not_fit_is_dropped_whole_counted_and_said_once_when_it_can_be(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before, wanted = dropped("stdout"), lines(0, 3_000)
    with piped(most_waiting=100_000) as pipe:
        for line in wanted:
            pipe.out.write(line)
        lost = pipe.out.dropped
        kept = len(wanted) - lost
        assert 0 < lost < len(wanted)
        assert dropped("stdout") - before == lost

        assert pipe.read(100 * kept) == "".join(wanted[:kept])
        pipe.out.finish(5)
        said = capsys.readouterr().err

    assert said.count("lines_dropped") == 1
    assert str(lost) in said


def test_a_reader_that_leaves_is_said_once_and_every_later_line_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    with piped() as pipe:
        pipe.leave()
        for line in lines(0, 3):
            pipe.out.write(line)

    assert pipe.out.dropped == 3
    assert capsys.readouterr().err.count("stdout_closed") == 1


def test_a_reader_that_leaves_while_lines_wait_ends_the_thread() -> None:
    with piped() as pipe:
        for line in lines(0, 2_000):
            pipe.out.write(line)
        assert writing_threads() == ["stdout-lines"]

        pipe.leave()
        pipe.out.finish(5)

        assert writing_threads() == []
    assert pipe.out.dropped > 0


def test_the_end_does_not_wait_for_a_reader_that_does_not_read() -> None:
    with piped() as pipe:
        for line in lines(0, 2_000):
            pipe.out.write(line)

        pipe.out.finish(0)

        assert writing_threads() == []
    assert pipe.out.dropped >= 2_000 - PIPE_HOLDS // 100 - 1


def test_somebody_who_shares_the_pipe_never_makes_a_writer_wait() -> None:
    """Two processes write to one pipe: what one was told is free the other may have filled."""
    with piped() as pipe:
        shared = os.dup(pipe.out.fileno())
        assert os.get_blocking(shared), "the outlet's own way of writing must not change everybody's"
        os.write(shared, b"y" * PIPE_HOLDS)

        pipe.out.write(LINE)

        os.close(shared)
        assert pipe.read(PIPE_HOLDS + len(LINE)).endswith(LINE)


def test_a_file_gets_every_line(tmp_path: Path) -> None:
    wanted = lines(0, 20_000)
    with (tmp_path / "log").open("wb") as file:
        out = LineOutlet(file.fileno(), "stderr", most_waiting=1)
        for line in wanted:
            out.write(line)

    assert (tmp_path / "log").read_text() == "".join(wanted)
    assert out.dropped == 0


@pytest.mark.parametrize("text", ["\ud800 half a pair\n", "ünïcode ✓\n", "\x00\n"])
def test_whatever_is_written_is_no_error(text: str) -> None:
    with piped() as pipe:
        assert pipe.out.write(text) == len(text)


def test_a_stream_that_a_test_or_an_embedder_replaced_is_left_alone() -> None:
    before = (sys.stdout, sys.stderr)

    outlet.install_outlet()

    assert (sys.stdout, sys.stderr) == before


@pytest.mark.parametrize("error", [BrokenPipeError, ValueError])
def test_a_line_for_a_plain_stdout_whose_reader_left_is_counted(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dropped("stdout")

    def broken(_text: str) -> int:
        raise error

    monkeypatch.setattr(sys, "stdout", Fake(broken))

    outlet.print_line("{}")

    assert dropped("stdout") == before + 1


@dataclass
class Fake:
    """A stream whose reader left."""

    write: Callable[[str], int]


def test_a_terminal_in_its_usual_mode_that_nobody_shows_keeps_nobody_waiting() -> None:
    shown, terminal = os.openpty()
    out = LineOutlet(terminal, "stderr")
    writer = threading.Thread(target=lambda: [out.write(line) for line in lines(0, 1_000)], daemon=True)
    writer.start()
    writer.join(20)
    assert not writer.is_alive()

    out.finish(0)

    assert 0 < out.dropped < 1_000
    os.close(shown)
    os.close(terminal)


def test_a_disk_that_was_full_for_a_moment_costs_the_lines_of_that_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_self: OutputDescriptor, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "no space")

    with (tmp_path / "log").open("wb") as file:
        out = LineOutlet(file.fileno(), "stdout")
        with monkeypatch.context() as moment:
            moment.setattr(OutputDescriptor, "take", full)
            out.write("lost\n")
        out.write("kept\n")

    assert (tmp_path / "log").read_text() == "kept\n"
    assert out.dropped == 1
    assert capsys.readouterr().err.count("lines_dropped") == 1
