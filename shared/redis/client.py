"""The Redis connection: one way to open it, one way to name its failures, one way to run a script."""

import hashlib
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection, SSLConnection
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from shared.domain.errors import BadConfig, HybridError, Unconfirmed
from shared.domain.server_check import SETTINGS, ServerFindings, judge_settings
from shared.redis.connection.cluster_primary import cluster_primary
from shared.redis.connection.key_prefix import PrefixPacker, take_prefix
from shared.redis.connection.moving_primary import MovingPrimary, PrimaryConnection, PrimaryTlsConnection
from shared.redis.connection.own_options import Durability, take_durability
from shared.redis.connection.sentinel_primary import sentinel_primary
from shared.redis.connection.server_url import check_url, cluster_place, redacted_url, sentinel_place
from shared.redis.own_line import own_line
from shared.redis.password_file import take_password
from shared.redis.pipelined_line import LateAnswers, SentCommands, pipelined_line
from shared.redis.server_errors import name_server_error

SOCKET_TIMEOUT_S = 5.0
BLOCKING_SLACK_S = 3.0
HEALTH_CHECK_S = 30
REPLICA_MS = 1000
"""How long a replica may take to confirm (`DURABILITY=replicated`)."""
CONFIRMED = "hs:confirmed"
"""A key that is written for a replica to confirm: whoever finds a step that somebody else wrote waits for that, too.

WAIT asks for what its own connection wrote; a script that only found something wrote nothing (Valkey 9.1.2 answers
once then, with every replica; Redis 7.0.15 waits).
"""


class ReplicatedRedis(Redis):
    """A client whose durable scripts are done only when a replica has what they wrote."""


def connect_redis(
    url: str,
    *,
    blocking_s: float = 0,
    greet: Callable[[AbstractConnection], None] | None = None,
    durability: Durability = "local",
) -> Redis:
    """Build a client for `url` (its forms: `connection/server_url`); nothing is sent before its first command.

    Answers are text, not bytes: all we store is JSON, ids and numbers; foreign bytes become U+FFFD, so that a poison
    entry can be read and buried. Nothing is ever sent twice: redis-py 8
    re-sends up to 10 times by default, and one lost reply to an XADD then makes two entries. A reader that blocks
    for `blocking_s` seconds needs its own client with that value, so that its socket outlives the wait. The password
    may stand in a file: `?password_file=PATH`. `greet` is called with each new connection in place of its own
    `on_connect`, which it has to call (`ServerMemory.greet`). Behind sentinels it is made again at every failover.
    `durability` holds where the URL does not say it (`own_options.with_durability`).

    Raises:
        BadConfig: the URL, or the file of its password, cannot be read.
    """
    timeout_s = blocking_s + BLOCKING_SLACK_S if blocking_s > 0 else SOCKET_TIMEOUT_S
    check_url(url)
    shown = redacted_url(url)
    given: dict[str, Any] = {} if url.startswith("unix:") else {"socket_keepalive": True}
    url, prefix = take_prefix(url)
    url, said = take_durability(url)
    if prefix:
        given["command_packer"] = PrefixPacker(prefix)
    try:
        url, password = take_password(url)
        url, primary = _moving_primary(url, prefix, password)
        if primary is not None:
            given["connection_class"] = PrimaryTlsConnection if url.startswith("rediss:") else PrimaryConnection
            given["primary"] = primary
        if password is not None:
            given["password"] = password
        kind = ReplicatedRedis if "replicated" in {durability, said} else Redis
        redis = kind.from_url(  # pyright: ignore[reportUnknownMemberType] - redis-py leaves **kwargs untyped
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
        raise BadConfig(f"The Redis URL {shown} cannot be read: {error}") from error
    return redis


def _moving_primary(url: str, prefix: str, password: str | None) -> tuple[str, MovingPrimary | None]:
    """Return the URL of a primary that others name, and how to find it; None where `url` names the server itself.

    Raises:
        BadConfig: a cluster, and no prefix.
    """
    if sentinels := sentinel_place(url):
        return sentinels.primary_url, sentinel_primary(sentinels)
    if nodes := cluster_place(url, password):
        if not prefix:
            raise BadConfig(f"The cluster {nodes} needs HS_PREFIX: one word for all keys, as HS_PREFIX=alpha")
        return nodes.primary_url, cluster_primary(nodes, prefix)
    return url, None


def loading_client(redis: Redis) -> Redis:
    """Return a client of the same server that sends no PING of its own: one that loads answers INFO, but no PING."""
    pool = redis.connection_pool
    kept: dict[str, Any] = {**pool.connection_kwargs, "health_check_interval": 0}
    return Redis.from_pool(ConnectionPool(connection_class=pool.connection_class, **kept))


def server_address(redis: Redis) -> str:
    """Return where `redis` points to, and under which prefix its keys are, without secrets."""
    packer: PrefixPacker | None = redis.connection_pool.connection_kwargs.get("command_packer")
    return f"{_place(redis)} (HS_PREFIX={packer.prefix.strip('{}:')})" if packer else _place(redis)


def _place(redis: Redis) -> str:
    pool = redis.connection_pool
    known: dict[str, Any] = pool.connection_kwargs
    if "primary" in known:
        return str(known["primary"])
    if "path" in known:
        return f"unix://{known['path']}"
    scheme = "rediss" if issubclass(pool.connection_class, SSLConnection) else "redis"
    return f"{scheme}://{known.get('host', 'localhost')}:{known.get('port', 6379)}/{known.get('db', 0)}"


def bare_key(redis: Redis, key: str) -> str:
    """Return a key as the server told it without the prefix of our keys."""
    packer: PrefixPacker | None = redis.connection_pool.connection_kwargs.get("command_packer")
    return packer.bare(key) if packer else key


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
    answer means nothing ran, so the one repeat made here (with the whole text) is always safe. What a `durable` one
    wrote is on a replica before it returns, where the client asks for that (`ReplicatedRedis`).
    """

    def __init__(self, redis: Redis, source: Path | str, *, durable: bool = False) -> None:
        self._redis, self._line = redis, own_line(redis)
        self._replicated = durable and isinstance(redis, ReplicatedRedis)
        self._text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
        self.sha = hashlib.sha1(self._text.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, keys: Sequence[str], args: Sequence[Any], meanwhile: Callable[[], object] | None = None) -> Any:  # noqa: ANN401 - a script's own answer
        """Run the script; do `meanwhile` while the server is at work.

        Raises:
            Unavailable: the server is away or cannot serve; the script may or may not have run.
            Unconfirmed: it ran, and no replica has it.
            BadConfig: the server refuses our user.
        """
        (answer,) = self.each([(self, keys, args)], meanwhile)
        return answer

    def many(self, calls: Sequence[tuple[Sequence[str], Sequence[Any]]]) -> list[Any]:
        """Run the script for each of `calls` in one round trip.

        Raises:
            As a call does; each may or may not have run.
        """
        return self.each([(self, keys, args) for keys, args in calls])

    def each(
        self,
        calls: "Sequence[tuple[LuaScript, Sequence[str], Sequence[Any]]]",
        meanwhile: Callable[[], object] | None = None,
    ) -> list[Any]:
        """Run scripts of this client, in their order, in one round trip; raises as `many` does."""
        if not calls:
            return []
        with answering(self._redis):
            asked = self._with_word([_evalsha(*call) for call in calls])
            answers = self._found(calls, self._line.ask_all(asked, meanwhile))
            for answer in answers:
                if isinstance(answer, ResponseError):
                    raise answer
        return answers

    def send_each(self, calls: "Sequence[tuple[LuaScript, Sequence[str], Sequence[Any]]]") -> LateAnswers:
        """Send scripts of this client behind those that were sent before, and go on: their answers are asked later.

        Raises:
            As `many` does; what was sent may have run.
        """
        with answering(self._redis):
            if not calls:
                return LateAnswers(list)
            sent = pipelined_line(self._redis).send(self._with_word([_evalsha(*call) for call in calls]))
        return LateAnswers(lambda: self._heard(calls, sent))

    def _heard(
        self, calls: "Sequence[tuple[LuaScript, Sequence[str], Sequence[Any]]]", sent: SentCommands
    ) -> list[Any]:
        with answering(self._redis):
            found = self._found(calls, list(sent.wait()))
        return [self._named(answer) if isinstance(answer, ResponseError) else answer for answer in found]

    def _named(self, error: ResponseError) -> Exception:
        return translated_errors(self._redis, error) or error

    def _found(
        self, calls: "Sequence[tuple[LuaScript, Sequence[str], Sequence[Any]]]", replies: list[Any]
    ) -> list[Any]:
        """Return the answer of each call, or its error; one that the server did not know is run with its text."""
        answers = self._confirmed(replies)
        for place, (answer, (script, keys, args)) in enumerate(zip(answers, calls, strict=True)):
            if isinstance(answer, NoScriptError):
                answers[place] = script._run_text(keys, args)  # noqa: SLF001 - of its own kind
        return answers

    def _run_text(self, keys: Sequence[str], args: Sequence[Any]) -> Any:  # noqa: ANN401 - a script's own answer, or error
        (answer,) = self._confirmed(
            self._line.ask_all(self._with_word([("EVAL", self._text, len(keys), *keys, *args)]))
        )
        return answer

    def _with_word(self, asked: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Return the commands; where a replica's word is wanted, the server is asked for it in the same round trip."""
        return [*asked, ("SET", CONFIRMED, 1), ("WAIT", 1, REPLICA_MS)] if self._replicated else asked

    def _confirmed(self, replies: list[Any]) -> list[Any]:
        """Return what was answered to the commands themselves, once a replica has them."""
        if not self._replicated:
            return replies
        *answers, written, replicas = replies
        for refused in (written, replicas):
            if isinstance(refused, ResponseError):
                raise refused
        if not replicas and not all(isinstance(answer, ResponseError) for answer in answers):
            raise _unconfirmed(self._redis)
        return answers


def confirm_writes(redis: Redis) -> None:
    """Wait until a replica has all that was written until now, where the client asks for that (`ReplicatedRedis`).

    Raises:
        Unavailable: the server is away. Unconfirmed: no replica has it.
    """
    if not isinstance(redis, ReplicatedRedis):
        return
    with answering(redis):
        written, replicas = own_line(redis).ask_all([("SET", CONFIRMED, 1), ("WAIT", 1, REPLICA_MS)])
        for refused in (written, replicas):
            if isinstance(refused, ResponseError):
                raise refused
    if not replicas:
        raise _unconfirmed(redis)


def _unconfirmed(redis: Redis) -> Unconfirmed:
    return Unconfirmed(
        f"no replica of Redis at {server_address(redis)} confirmed within {REPLICA_MS / 1000:g} s: what was written "
        "stands there, and is gone if that server fails now; bring a replica back and say it again, or say "
        "DURABILITY=local"
    )


def _evalsha(script: LuaScript, keys: Sequence[str], args: Sequence[Any]) -> tuple[Any, ...]:
    return ("EVALSHA", script.sha, len(keys), *keys, *args)


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
