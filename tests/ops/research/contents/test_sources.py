"""Where a worker's files come from: Redis under a cap, a place that all machines see, or the machine itself."""

import threading
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest
from redis import Redis

from backtest.settings import decided_settings
from backtest.sweep.contents import HistoryContent, content_places, read_content
from backtest.sweep.trial import TrialSpec
from ops.research.contents import redis_files, worker_histories
from ops.research.contents.redis_files import RedisFiles
from ops.research.contents.settings import SweepSettings
from ops.research.contents.shared_store import SharedStore
from ops.research.sweep_files import published_files
from ops.research.sweep_files import worker_histories as built
from redeemer.jobs.queue import bytes_connection
from shared.clock import SystemClock
from shared.domain.errors import BadConfig
from shared.redis.client import connect_redis

LARGE = b"0123456789" * 250_000


@pytest.fixture
def given(tmp_path: Path) -> list[Path]:
    """A folder and a file of more than one chunk, on the machine that starts the sweep."""
    home = tmp_path / "home"
    (home / "day").mkdir(parents=True)
    (home / "day" / "1.zst").write_bytes(b"one")
    (home / "rows.csv").write_bytes(LARGE)
    return [home / "day", home / "rows.csv"]


@pytest.fixture
def redis(valkey_url: str) -> Iterator[Redis]:
    with connect_redis(valkey_url) as client:
        yield client


def keys(redis: Redis, pattern: str) -> list[str]:
    return cast("list[str]", redis.keys(pattern))


def a_spec(content: HistoryContent) -> TrialSpec:
    limits = decided_settings([], {}).limits
    return TrialSpec(files=("/nowhere",), history=content.id, fixed={}, limits=limits, bankroll=Decimal(1), code="x")


def opened(
    content: HistoryContent, redis: Redis, at: Path, cfg: SweepSettings, have: Sequence[Path] = ()
) -> list[bytes]:
    """Return what a worker with a folder of its own reads."""
    worker = built(cfg, redis, at, have, clock=SystemClock(), stop=threading.Event())
    with worker(a_spec(content)) as paths:
        return [(paths.files[0] / "1.zst").read_bytes(), paths.files[1].read_bytes()]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_histories, "RETRY_S", 0.0)


@pytest.mark.server
def test_a_worker_fetches_from_redis_what_it_lacks_and_the_end_of_the_sweep_removes_it(
    given: list[Path], redis: Redis, tmp_path: Path
) -> None:
    cfg, content = SweepSettings.model_validate({}), read_content(given)
    files = published_files(cfg, content, given, [], redis, tmp_path / "here")
    files.keep()
    assert all(0 < redis.ttl(key) <= redis_files.KEPT_S for key in keys(redis, "hs:sweep:file*"))

    assert opened(content, redis, tmp_path / "there", cfg) == [b"one", LARGE]
    files.remove()
    assert keys(redis, "hs:sweep:file*") == []


@pytest.mark.server
def test_what_another_sweep_took_away_is_offered_again(given: list[Path], redis: Redis, tmp_path: Path) -> None:
    cfg, content = SweepSettings.model_validate({}), read_content(given)
    one, two = (published_files(cfg, content, given, [], redis, tmp_path / "here") for _ in range(2))
    one.keep()
    two.keep()
    one.remove()
    two.keep()

    assert opened(content, redis, tmp_path / "there", cfg) == [b"one", LARGE]


@pytest.mark.server
def test_files_above_the_cap_are_kept_out_of_redis_and_a_worker_says_what_to_do(
    given: list[Path], redis: Redis, tmp_path: Path
) -> None:
    cfg, content = SweepSettings.model_validate({"sweep_redis_mb": 2}), read_content(given)
    files = published_files(cfg, content, given, [], redis, tmp_path / "here")
    files.keep()

    assert "SWEEP_STORE" in files.words
    assert keys(redis, "hs:sweep:file:*") == []
    with pytest.raises(BadConfig, match=r"1\.zst: this worker cannot have it.*--have"):
        opened(content, redis, tmp_path / "there", cfg)
    assert opened(content, redis, tmp_path / "here", cfg) == [b"one", LARGE]
    assert opened(content, redis, tmp_path / "other", cfg, given) == [b"one", LARGE]


@pytest.mark.server
@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_a_shared_folder_holds_each_file_by_its_content(
    given: list[Path], redis: Redis, tmp_path: Path, form: str
) -> None:
    cfg, content = (
        SweepSettings.model_validate({"sweep_store": form.format(tmp_path / "share" / "sweeps")}),
        read_content(given),
    )
    published_files(cfg, content, given, [], redis, tmp_path / "here").keep()

    assert {path.name for path in (tmp_path / "share" / "sweeps").iterdir()} == {f.sha256 for f in content.distinct}
    assert keys(redis, "hs:sweep:file:*") == []
    assert opened(content, redis, tmp_path / "there", cfg) == [b"one", LARGE]


@pytest.mark.server
def test_a_file_that_was_changed_in_the_store_is_refused_by_name(
    given: list[Path], redis: Redis, tmp_path: Path
) -> None:
    cfg, content = SweepSettings.model_validate({"sweep_store": str(tmp_path / "share")}), read_content(given)
    published_files(cfg, content, given, [], redis, tmp_path / "here").keep()
    (tmp_path / "share" / content.files[1][0].sha256).write_bytes(LARGE[:-1] + b"x")

    with pytest.raises(BadConfig, match=r"rows\.csv: what was fetched is not the sweep's file"):
        opened(content, redis, tmp_path / "there", cfg)


@pytest.mark.server
def test_a_torn_fetch_is_begun_again(given: list[Path], redis: Redis, tmp_path: Path) -> None:
    """The first source breaks off in the middle; the second has it whole."""
    content = read_content(given)
    published_files(SweepSettings.model_validate({}), content, given, [], redis, tmp_path / "here").keep()
    redis.hdel(f"hs:sweep:file:{content.files[1][0].sha256}", "2")
    store = SharedStore(str(tmp_path / "share"))
    for file, place in content_places(content, given, []):
        store.put(file, place)

    cfg = SweepSettings.model_validate({"sweep_store": str(tmp_path / "share")})
    assert opened(content, redis, tmp_path / "there", cfg) == [b"one", LARGE]


@pytest.mark.server
def test_a_list_of_another_history_is_refused(given: list[Path], redis: Redis) -> None:
    listed, content, other = RedisFiles(bytes_connection(redis)), read_content(given), read_content(given[:1])
    redis.set(f"hs:sweep:files:{content.id}", other.model_dump_json())

    with pytest.raises(BadConfig, match="of another history"):
        listed.listed(content.id)


@pytest.mark.parametrize(
    ("url", "said"), [("nosuch://place", "nosuch"), ("s3://key:secret@bucket/x", "s3fs"), ("http://u:secret@h/x", "")]
)
def test_a_place_that_cannot_be_spoken_to_is_said_without_its_secrets(url: str, said: str) -> None:
    with pytest.raises(Exception, match=f"SWEEP_STORE=.*{said}") as raised:
        SharedStore(url)

    assert type(raised.value).__module__ == "shared.domain.errors"
    assert "secret" not in str(raised.value)
