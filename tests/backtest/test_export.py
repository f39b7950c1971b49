"""A capture for other programs."""

import contextlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backtest.export import app, export
from shared.capture.capture import Capture, FolderWriter, Header
from shared.messages.base import SIGNALS
from shared.messages.events import write_event
from shared.redis.streams import StreamEntry
from tests.buyer.builders import LEADER, a_signal


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    texts = (write_event(a_signal()), "not json", "[1]")
    entries = [StreamEntry(SIGNALS, f"{number}-0", {"json": text}) for number, text in enumerate(texts, start=5)]
    with contextlib.closing(FolderWriter(tmp_path / "c", Header(1))) as out:
        out.write(entries)
    return Capture.open(tmp_path / "c")


def test_parquet_has_a_row_an_entry_with_the_event_letter_for_letter(capture: Capture, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")

    assert export(capture, tmp_path / "out.parquet") == 3

    rows = parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["at_ms"] for row in rows] == [5, 6, 7]
    assert (rows[0]["event"], rows[0]["leader"], rows[0]["verdict"]) == ("ACTIONABLE_SIGNAL", LEADER, "")
    assert [row["json"] for row in rows] == [entry.json for entry in capture]


def test_json_lines_are_a_capture_again(capture: Capture, tmp_path: Path) -> None:
    export(capture, tmp_path / "out.jsonl")

    assert list(Capture.open(tmp_path / "out.jsonl"))[1:] == list(capture)[1:]
    assert json.loads((tmp_path / "out.jsonl").read_text().splitlines()[1])["event"]["leader"] == LEADER


@pytest.mark.parametrize("name", ["out.csv", "there.jsonl"])
def test_a_name_that_cannot_be_written_is_said(name: str, capture: Capture, tmp_path: Path) -> None:
    (tmp_path / "there.jsonl").touch()

    result = CliRunner().invoke(app, [str(capture.path), str(tmp_path / name)])

    assert result.exit_code == 2
    assert name in result.stderr
