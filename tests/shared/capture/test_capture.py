"""A capture in a folder: whole up to the last record that was written whole, gone on with, in segments."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from shared.capture.capture import Capture, FolderWriter, Header, captured_to
from shared.capture.segments import MARK, list_segments
from shared.domain.errors import BadConfig, Malformed
from shared.redis.streams import StreamEntry

TEXTS = (
    '{"event":"X","a":1}',
    '{"b":"\u2028\\n"}',
    "[1]",
    "",
    '"hello"',
    "not json",
    '{"event":"X","a":{"event":"Y"}}',
)


def entries(first: int, count: int, stream: str = "hs:signals") -> list[StreamEntry]:
    return [
        StreamEntry(stream, f"{number}-0", {"event": "X", "json": f'{{"event":"X","n":{number}}}'})
        for number in range(first, first + count)
    ]


def captured(folder: Path, records: Sequence[list[StreamEntry]], rotate_bytes: int = 1 << 20) -> Path:
    with contextlib.closing(FolderWriter(folder, Header(7, 3, {"cash": 5}), rotate_bytes)) as out:
        for record in records:
            out.write(record)
    return folder


def test_a_folder_gives_back_what_was_written_and_its_header(tmp_path: Path) -> None:
    folder = captured(tmp_path / "c", [entries(1, 3), entries(4, 1), []])

    opened = Capture.open(folder)

    assert list(opened) == entries(1, 4)
    assert opened.header == Header(7, 3, {"cash": 5})


def test_a_capture_cut_at_every_byte_of_its_last_record_loses_that_record_only(tmp_path: Path) -> None:
    folder = captured(tmp_path / "c", [entries(1, 5), entries(6, 2)])
    (segment,) = list_segments(folder)
    whole = segment.read_bytes()
    before = captured(tmp_path / "d", [entries(1, 5)])
    last = len(whole) - list_segments(before)[0].stat().st_size

    for cut in range(1, last + 1):
        segment.write_bytes(whole[:-cut])
        assert list(Capture.open(folder)) == entries(1, 5), cut
        assert captured_to(folder) == {"hs:signals": "5-0"}


@pytest.mark.slow
def test_a_capture_cut_at_any_byte_of_its_only_segment_is_gone_on_with(tmp_path: Path) -> None:
    (segment,) = list_segments(captured(tmp_path / "whole", [entries(1, 2), entries(3, 1)]))
    whole = segment.read_bytes()
    seen = set[int]()

    for cut in range(len(whole)):
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / "000001.hsc").write_bytes(whole[:cut])
        begun = captured_to(folder)
        last = int(begun.get("hs:signals", "0-0").partition("-")[0])
        with contextlib.closing(FolderWriter(folder, Header(7), positions={"hs:signals": "0-0"})) as out:
            out.write(entries(last + 1, 3 - last))
        assert list(Capture.open(folder)) == entries(1, 3), cut
        seen.add(last)

    assert seen == {0, 2}


def test_a_capture_killed_before_its_first_entry_knows_where_it_began(tmp_path: Path) -> None:
    began = {"hs:signals": "5-0", "hs:service": "9-0"}
    settings = entries(2, 1, "hs:service")

    FolderWriter(tmp_path / "c", Header(7, 3), positions=began, settings=settings).close()

    assert captured_to(tmp_path / "c") == began
    assert list(Capture.open(tmp_path / "c")) == settings
    FolderWriter(tmp_path / "c", Header(8), positions={"hs:signals": "8-0"}, settings=settings).close()
    assert captured_to(tmp_path / "c") == began
    assert list(Capture.open(tmp_path / "c")) == settings


def test_zeros_that_a_power_cut_left_at_the_end_are_a_torn_record(tmp_path: Path) -> None:
    folder = captured(tmp_path / "c", [entries(1, 5)])
    (segment,) = list_segments(folder)
    segment.write_bytes(segment.read_bytes() + bytes(100))

    assert list(Capture.open(folder)) == entries(1, 5)


def test_damage_before_the_end_is_named_and_what_stands_before_it_is_read(tmp_path: Path) -> None:
    folder = captured(tmp_path / "c", [entries(1, 5), entries(6, 5), entries(11, 5)])
    (segment,) = list_segments(folder)
    whole = bytearray(segment.read_bytes())
    whole[-30] ^= 1
    segment.write_bytes(whole + whole[len(MARK) :])
    read = list[StreamEntry]()

    with pytest.raises(Malformed, match=r"damaged at byte \d+"):
        read.extend(Capture.open(folder))

    assert read[:5] == entries(1, 5)


def test_a_capture_goes_on_where_it_ended_after_a_torn_end(tmp_path: Path) -> None:
    folder = captured(tmp_path / "c", [entries(1, 5), entries(1, 1, "hs:service"), entries(6, 2)])
    (segment,) = list_segments(folder)
    segment.write_bytes(segment.read_bytes()[:-1])
    assert captured_to(folder) == {"hs:signals": "5-0", "hs:service": "1-0"}

    captured(folder, [entries(6, 2)])

    assert [entry.id for entry in Capture.open(folder) if entry.stream == "hs:signals"] == [
        f"{number}-0" for number in range(1, 8)
    ]
    assert captured_to(folder) == {"hs:signals": "7-0", "hs:service": "1-0"}


def test_full_segments_give_way_to_new_ones(tmp_path: Path) -> None:
    folder = captured(tmp_path / "c", [entries(number, 1) for number in range(20)], rotate_bytes=300)

    assert len(list_segments(folder)) > 2
    assert list(Capture.open(folder)) == entries(0, 20)
    assert captured_to(folder) == {"hs:signals": "19-0"}


def test_a_segment_that_a_crash_left_empty_is_passed_over(tmp_path: Path) -> None:
    folder = captured(tmp_path / "c", [entries(1, 5)])
    (folder / "000002.hsc").write_bytes(MARK)

    assert captured_to(folder) == {"hs:signals": "5-0"}
    assert list(Capture.open(folder)) == entries(1, 5)


@pytest.mark.parametrize("text", TEXTS)
def test_whatever_stands_in_an_entry_comes_back_letter_for_letter(text: str, tmp_path: Path) -> None:
    event = "X" if text.startswith('{"event"') else ""
    given = [StreamEntry("hs:signals", "1-0", {"event": event, "json": text})]

    assert list(Capture.open(captured(tmp_path / "c", [given]))) == given


def test_an_empty_folder_is_no_capture(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="not a capture"):
        Capture.open(tmp_path)
