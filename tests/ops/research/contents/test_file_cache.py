"""The cache of fetched files: what is in it is what its name says, within the cap, and nowhere else."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from backtest.sweep.contents import FileContent, HistoryContent
from ops.research.contents.file_cache import FileCache
from shared.domain.errors import BadConfig

CAP = 100


def a_file(name: str, data: bytes) -> FileContent:
    return FileContent(name=name, sha256=hashlib.sha256(data).hexdigest(), size=len(data))


def a_history(**files: bytes) -> HistoryContent:
    return HistoryContent(files=tuple((a_file(name, data),) for name, data in files.items()))


def giving(*contents: bytes) -> Callable[[FileContent, BinaryIO], None]:
    """Give what has the wanted hash; a machine without any fails."""
    known = {hashlib.sha256(data).hexdigest(): data for data in contents}
    return lambda file, out: void(out.write(known[file.sha256]))


def void(_: object) -> None:
    """Return nothing."""


nowhere = giving()


def held(cache: FileCache, content: HistoryContent, fetch: Callable[[FileContent, BinaryIO], None]) -> list[bytes]:
    with cache.opened(content, fetch) as paths:
        return [path.read_bytes() for path in (*paths.files, *paths.resolved)]


def objects(folder: Path) -> set[str]:
    return {path.name for path in (folder / "objects").iterdir()}


def test_a_file_is_fetched_once_and_stands_under_its_name_while_it_is_read(tmp_path: Path) -> None:
    cache, history = FileCache(tmp_path, CAP), a_history(rows=b"one")

    with cache.opened(history, giving(b"one")) as paths:
        assert [path.name for path in paths.files] == ["rows"]
    assert held(cache, history, nowhere) == [b"one"]
    assert list((tmp_path / "open").iterdir()) == []


def test_a_folder_stands_as_it_was_given_and_files_of_equal_names_beside_each_other(tmp_path: Path) -> None:
    day = (a_file("day/1.zst", b"one"), a_file("day/deep/2.zst", b"two"))
    history = HistoryContent(files=(day, (a_file("x", b"three"),)), resolved=((a_file("x", b"four"),),))

    with FileCache(tmp_path, CAP).opened(history, giving(b"one", b"two", b"three", b"four")) as paths:
        folder, file = paths.files
        assert folder.name == "day"
        assert (folder / "deep" / "2.zst").read_bytes() == b"two"
        assert (file.read_bytes(), paths.resolved[0].read_bytes()) == (b"three", b"four")


def test_what_was_fetched_and_is_another_file_is_refused_by_name(tmp_path: Path) -> None:
    cache, history = FileCache(tmp_path, CAP), a_history(rows=b"one")

    with pytest.raises(BadConfig, match="rows: what was fetched is not the sweep's file"):
        held(cache, history, lambda _, out: void(out.write(b"two")))

    assert objects(tmp_path) == set()
    assert held(cache, history, giving(b"one")) == [b"one"]


def test_what_was_changed_in_the_cache_is_fetched_again(tmp_path: Path) -> None:
    cache, history = FileCache(tmp_path, CAP), a_history(rows=b"one")
    held(cache, history, giving(b"one"))
    [place] = (tmp_path / "objects").iterdir()
    place.write_bytes(b"two")

    assert held(cache, history, giving(b"one")) == [b"one"]


def test_a_file_that_this_machine_has_is_read_where_it_lies_until_it_changes(tmp_path: Path) -> None:
    mine, history = tmp_path / "mine", a_history(rows=b"one")
    mine.write_bytes(b"one")
    cache = FileCache(tmp_path / "cache", 0)
    cache.note(history.distinct[0].sha256, mine)

    assert held(cache, history, nowhere) == [b"one"]
    mine.write_bytes(b"two")
    with pytest.raises(BadConfig, match="SWEEP_CACHE_MB"):
        held(cache, history, giving(b"one"))
    assert mine.read_bytes() == b"two"


def test_what_was_not_used_for_longest_goes_when_the_cap_is_reached(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, CAP)
    old, used, new = (a_history(rows=letter * 40) for letter in (b"a", b"b", b"c"))
    for age, (history, data) in enumerate(((used, b"b" * 40), (old, b"a" * 40))):
        held(cache, history, giving(data))
        os.utime(tmp_path / "objects" / history.distinct[0].sha256, (age, age))
    held(cache, used, nowhere)

    held(cache, new, giving(b"c" * 40))

    assert objects(tmp_path) == {used.distinct[0].sha256, new.distinct[0].sha256}


def test_a_history_larger_than_the_cap_is_refused_before_it_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="SWEEP_CACHE_MB allows 100"):
        held(FileCache(tmp_path, CAP), a_history(a=b"a" * 60, b=b"b" * 60), nowhere)


def test_what_is_thrown_out_while_it_is_read_stays_readable(tmp_path: Path) -> None:
    cache, history = FileCache(tmp_path, CAP), a_history(rows=b"a" * 80)

    with cache.opened(history, giving(b"a" * 80)) as paths:
        held(cache, a_history(rows=b"b" * 80), giving(b"b" * 80))
        assert paths.files[0].read_bytes() == b"a" * 80


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache, history = FileCache(tmp_path / "file", CAP), a_history(rows=b"one")

    with pytest.raises(BadConfig, match="cannot be kept there"):
        held(cache, history, giving(b"one"))
    with pytest.raises(BadConfig, match="cannot be kept there"):
        cache.note(history.distinct[0].sha256, tmp_path)


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    left = tmp_path / "open" / "of-a-dead-one"
    (left / "0").mkdir(parents=True)
    (tmp_path / "objects").mkdir()
    (tmp_path / "objects" / ".torn.part").write_bytes(b"half")

    held(FileCache(tmp_path, CAP), a_history(rows=b"one"), giving(b"one"))

    assert not left.exists()
    assert objects(tmp_path) == {hashlib.sha256(b"one").hexdigest()}


@given(st.lists(st.sampled_from(["..", ".", "", "a", "/etc"]), min_size=1, max_size=4))
def test_no_name_leads_out_of_the_folder(parts: list[str]) -> None:
    name = "/".join(parts)
    try:
        told = a_file(name, b"one").name
    except ValidationError:
        return

    assert Path("/cache", told).resolve().is_relative_to("/cache/" + told.partition("/")[0])
    assert not Path(told).is_absolute()
