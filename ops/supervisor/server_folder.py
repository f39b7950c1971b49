"""The embedded server as one thing per folder: locked, findable, and cleaned up after a parent that was killed."""

import contextlib
import threading
from collections.abc import Generator
from pathlib import Path
from typing import cast

from redis.exceptions import RedisError

from ops.supervisor.embedded_redis import EmbeddedRedis
from ops.supervisor.env_file import read_env_file
from shared.clock import Clock
from shared.domain.errors import BadConfig, RefusedForSafety
from shared.process.instance_lock import instance_lock
from shared.redis.client import connect_redis, loading_client
from shared.redis.connection.key_prefix import with_prefix
from shared.redis.connection.own_options import with_durability

DATA_DIR = Path("var")
_URL_FILE = "redis.url"
_ORPHAN_ENDS_S = 10.0


@contextlib.contextmanager
def embedded_server(data_dir: Path, clock: Clock, port: int | None = None) -> Generator[EmbeddedRedis]:
    """Run the server of `data_dir` while the block runs, and leave its URL where `find_url` looks.

    Raises:
        RefusedForSafety: another process runs the server of this folder, or a frozen one of before is left there.
        DependencyMissing: it did not start.
        ToldToStop: a stop signal came before it had read its file; the server is ended, and nothing was begun.
    """
    folder = data_dir.resolve() / "valkey"
    with instance_lock("server", data_dir):
        _end_orphan(data_dir, folder, clock)
        server = EmbeddedRedis(folder, port=port, clock=clock).prepare()
        (data_dir / _URL_FILE).write_text(server.url + "\n", encoding="ascii")
        try:
            with server:
                yield server
        finally:
            (data_dir / _URL_FILE).unlink(missing_ok=True)


def known_url(data_dir: Path = DATA_DIR) -> str | None:
    """Return the URL of the server that runs in `data_dir`, or None."""
    file = data_dir / _URL_FILE
    return file.read_text(encoding="ascii").strip() if file.is_file() else None


def find_url(given: str | None = None, data_dir: Path = DATA_DIR) -> str:
    """Return the server to look at: the one given, REDIS_URL, the one running in `data_dir`, or the usual place.

    REDIS_URL, HS_PREFIX, DURABILITY, and DATA_DIR where no folder is named, come from the environment or from the file
    that `hybrid up` reads.
    """
    url = with_prefix(unprefixed_url(given, data_dir), read_env_file("HS_PREFIX") or "")
    return with_durability(url, (read_env_file("DURABILITY") or "").lower())


def unprefixed_url(given: str | None = None, data_dir: Path = DATA_DIR) -> str:
    """Return the same server, its keys as they are named without HS_PREFIX."""
    folder = data_dir if data_dir != DATA_DIR else Path(read_env_file("DATA_DIR") or DATA_DIR)
    return given or read_env_file("REDIS_URL") or known_url(folder) or "redis://127.0.0.1:6379/0"


def _end_orphan(data_dir: Path, folder: Path, clock: Clock) -> None:
    """End the server that a killed parent left behind: two on one folder would spoil its append-only file."""
    url = known_url(data_dir)
    if url is None or not _serves(url, folder):
        return
    with loading_client(connect_redis(url)) as client, contextlib.suppress(RedisError, OSError):
        client.shutdown()
    deadline = clock.monotonic() + _ORPHAN_ENDS_S
    while _serves(url, folder):
        if clock.monotonic() > deadline:
            raise RefusedForSafety(f"a server at {url} still uses {folder}: stop it first")
        clock.wait(threading.Event(), 0.05)


def _serves(url: str, folder: Path) -> bool:
    try:
        with loading_client(connect_redis(url)) as client:
            settings = cast("dict[str, str]", client.config_get("dir"))
    except (RedisError, OSError, BadConfig):
        return False
    return Path(settings.get("dir", "")) == folder
