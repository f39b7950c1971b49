"""The capture of a session: every event letter for letter, and whatever cannot be read is named."""

from pathlib import Path

import pytest

from backtest.history.capture_tape import read_tape
from shared.capture.capture import Capture, Header
from shared.domain.errors import BadConfig, Malformed
from shared.messages.base import SIGNALS
from shared.redis.streams import StreamEntry
from tests.backtest.replay.sessions import Session, written


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


def test_a_capture_without_a_buyers_settings_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    written(path, Header(1))

    with pytest.raises(BadConfig, match="from-start"):
        read_tape(Capture.open(path))


@pytest.mark.parametrize("text", ['"hello"', "[1]", "5", "null", '{"a":1}\r', '{"a":\n1}', "[" * 5000, "\u2028", ""])
def test_whatever_stands_in_an_entry_is_captured_letter_for_letter(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    entries = [
        StreamEntry(SIGNALS, "1-0", {"event": "", "json": text}),
        StreamEntry(SIGNALS, "2-0", {"event": "", "json": "{}"}),
    ]
    written(path, Header(1), entries)

    assert list(Capture.open(path)) == entries


def test_settings_that_we_do_not_know_are_named(session: Session, tmp_path: Path) -> None:
    path = session.capture(tmp_path)
    path.write_text(path.read_text().replace('"max_slippage_pct"', '"max_slip"'))

    with pytest.raises(BadConfig, match="max_slippage_pct"):
        read_tape(Capture.open(path))
