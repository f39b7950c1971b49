"""The Redis connection: one way to open it, one way to name its failures, one way to run a script."""

import hashlib
import re
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection, SSLConnection
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from shared.domain.errors import BadConfig, HybridError
from shared.domain.server_check import SETTINGS, ServerFindings, judge_settings
from shared.redis.own_line import own_line
from shared.redis.password_file import take_password
from shared.redis.server_errors import name_server_error

SOCKET_TIMEOUT_S = 5.0
BLOCKING_SLACK_S = 3.0
HEALTH_CHECK_S = 30

_DATABASE = re.compile(r"/?\d*")
_SCHEMES = ("redis", "rediss", "unix")


def connect_redis(
    url: str, *, blocking_s: float = 0, greet: Callable[[AbstractConnection], None] | None = None
) -> Redis:
    """Build a client for `url` (redis://, rediss://, unix://); nothing is sent before its first command.

    Answers are text, not bytes: all we store is JSON, ids and numbers; foreign bytes become U+FFFD, so that a poison
    entry can be read and buried. Nothing is ever sent twice: redis-py 8
    re-sends up to 10 times by default, and one lost reply to an XADD then makes two entries. A reader that blocks
    for `blocking_s` seconds needs its own client with that value, so that its socket outlives the wait. The password
    may stand in a file: `?password_file=PATH`. `greet` is called with each new connection in place of its own
    `on_connect`, which it has to call (`ServerMemory.greet`).

    Raises:
        BadConfig: the URL, or the file of its password, cannot be read.
    """
    timeout_s = blocking_s + BLOCKING_SLACK_S if blocking_s > 0 else SOCKET_TIMEOUT_S
    _check_url(url)
    url, password = take_password(url)
    given: dict[str, Any] = {} if url.startswith("unix:") else {"socket_keepalive": True}
    if password is not None:
        given["password"] = password
    try:
        redis = Redis.from_url(  # pyright: ignore[reportUnknownMemberType] - redis-py leaves **kwargs untyped
            url,
            decode_responses=True,
            encoding_errors="replace",
            retry=Retry(NoBackoff(), 0),
            retry_on_error=[],
            retry_on_timeout=False,
            socket_timeout=timeout_s,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            health_check_interval=HEALTH_CHECK_S,
            client_name="hybrid-signals",
            redis_connect_func=greet,
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
            **given,
        )
        pool = redis.connection_pool
        pool.connection_class(**pool.connection_kwargs)  # an option that it does not know would show up only later
    except (ValueError, TypeError, RedisError) as error:
        raise BadConfig(f"The Redis URL {redacted_url(url)} cannot be read: {error}") from error
    return redis


def loading_client(redis: Redis) -> Redis:
    """Return a client of the same server that sends no PING of its own: one that loads answers INFO, but no PING."""
    pool = redis.connection_pool
    kept: dict[str, Any] = {**pool.connection_kwargs, "health_check_interval": 0}
    return Redis.from_pool(ConnectionPool(connection_class=pool.connection_class, **kept))


def _check_url(url: str) -> None:
    """Refuse what redis-py would read as something else than was meant.

    Raises:
        BadConfig: with the part that cannot be meant so.
    """
    scheme, _, rest = url.partition("://")
    parts = urlsplit(url)
    problem = ""
    if scheme not in _SCHEMES or not rest:
        problem = "it must begin with redis://, rediss:// (TLS) or unix:// and name a server"
    elif "@" in rest and "@" not in parts.netloc and scheme != "unix":
        problem = "its password holds a sign that ends a URL's part: write / ? # as %2F %3F %23"
    elif scheme == "unix" and not parts.path.strip("/"):
        problem = "unix:// needs the socket's path: unix:///run/redis.sock?db=0"
    elif scheme != "unix" and not _DATABASE.fullmatch(parts.path.removesuffix("/")):
        problem = f"{parts.path!r} is no database: it ends with a number, as /0"
    if problem:
        raise BadConfig(f"The Redis URL {redacted_url(url)} cannot be read: {problem}")


def redacted_url(url: str) -> str:
    """Return `url` without its user, password and query string, wherever a sign in a password splits it."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url.rpartition("@")[2]
    parts = urlsplit(f"{scheme}://{rest.rpartition('@')[2]}")
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def server_address(redis: Redis) -> str:
    """Return where `redis` points to, without secrets."""
    pool = redis.connection_pool
    known: dict[str, Any] = pool.connection_kwargs
    if "path" in known:
        return f"unix://{known['path']}"
    scheme = "rediss" if issubclass(pool.connection_class, SSLConnection) else "redis"
    return f"{scheme}://{known.get('host', 'localhost')}:{known.get('port', 6379)}/{known.get('db', 0)}"


def translated_errors(redis: Redis, error: RedisError) -> HybridError | None:
    """Name `error` as one of ours, or return None when it is a mistake in the command itself."""
    return name_server_error(error, server_address(redis))


@contextmanager
def answering(redis: Redis) -> Generator[None]:
    """Turn the server's outages in this block into `Unavailable`, a refused login into `BadConfig`."""
    try:
        yield
    except RedisError as error:
        named = translated_errors(redis, error)
        if named is None:
            raise
        raise named from error


class LuaScript:
    """A Lua script kept in a `.lua` file beside the Python file that uses it, or its text.

    Built to be safe to send again by its author: the server may have run a call whose reply was lost. A NOSCRIPT
    answer means nothing ran, so the one repeat made here (with the whole text) is always safe.
    """

    def __init__(self, redis: Redis, source: Path | str) -> None:
        self._redis, self._line = redis, own_line(redis)
        self._text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
        self._sha = hashlib.sha1(self._text.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, keys: Sequence[str], args: Sequence[Any], meanwhile: Callable[[], object] | None = None) -> Any:  # noqa: ANN401 - a script's own answer
        """Run the script; do `meanwhile` while the server is at work.

        Raises:
            Unavailable: the server is away or cannot serve; the script may or may not have run.
            BadConfig: the server refuses our user.
        """
        try:
            return self._line.ask("EVALSHA", self._sha, len(keys), *keys, *args, meanwhile=meanwhile)
        except NoScriptError:
            return self._run_text(keys, args)
        except RedisError as error:
            named = translated_errors(self._redis, error)
            if named is None:
                raise
            raise named from error

    def many(self, calls: Sequence[tuple[Sequence[str], Sequence[Any]]]) -> list[Any]:
        """Run the script for each of `calls` in one round trip.

        Raises:
            Unavailable: the server is away or cannot serve; each may or may not have run.
            BadConfig: the server refuses our user.
        """
        return self.each([(self, keys, args) for keys, args in calls])

    def each(self, calls: "Sequence[tuple[LuaScript, Sequence[str], Sequence[Any]]]") -> list[Any]:
        """Run scripts of this connection, in their order, in one round trip; raises as `many` does."""
        with answering(self._redis):
            asked = [("EVALSHA", script._sha, len(keys), *keys, *args) for script, keys, args in calls]  # noqa: SLF001 - of its own kind
            answers = self._line.ask_all(asked)
            for place, (answer, (script, keys, args)) in enumerate(zip(answers, calls, strict=True)):
                if isinstance(answer, NoScriptError):
                    answers[place] = script._run_text(keys, args)  # noqa: SLF001 - of its own kind
                elif isinstance(answer, RedisError):
                    raise answer
        return answers

    def _run_text(self, keys: Sequence[str], args: Sequence[Any]) -> Any:  # noqa: ANN401 - a script's own answer
        with answering(self._redis):
            return self._redis.eval(self._text, len(keys), *keys, *args)


def check_server(redis: Redis) -> ServerFindings:
    """Return whether this server could lose what it is given or stop us.

    A managed server may forbid INFO or CONFIG, and fakeredis knows neither: what cannot be read is not judged.

    Raises:
        Unavailable: the server does not answer.
        BadConfig: the server refuses our user.
    """
    with answering(redis):
        redis.ping()
    config = _asked(redis, lambda: redis.config_get(*SETTINGS))
    return judge_settings(config, _asked(redis, lambda: redis.info()))  # noqa: PLW0108 - redis-py leaves its arguments untyped


def _asked(redis: Redis, ask: Callable[[], Any]) -> dict[str, Any]:
    """Ask what a managed server may forbid; a refusal is an empty answer."""
    try:
        with answering(redis):
            return dict(ask())
    except (ResponseError, BadConfig, NotImplementedError):
        return {}
