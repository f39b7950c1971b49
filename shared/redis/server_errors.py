"""Name what a Redis server answers, or why it does not, as one of our errors: one line, with the fix.

The first word of an answer says what it is: https://valkey.io/topics/protocol/#simple-errors. redis-py turns some of
them into classes and cuts the word off, so a class is looked up first.
"""

from types import MappingProxyType

from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterCrossSlotError,
    ClusterDownError,
    InvalidResponse,
    MasterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as NoAnswer

from shared.domain.errors import BadConfig, HybridError, StillLoading, Unavailable

_CLASSES: tuple[tuple[type[RedisError], str], ...] = (
    (BusyLoadingError, "LOADING"),
    (ReadOnlyError, "READONLY"),
    (OutOfMemoryError, "OOM"),
    (MasterDownError, "MASTERDOWN"),
    (ClusterDownError, "CLUSTERDOWN"),
    (TryAgainError, "TRYAGAIN"),
    (MovedError, "MOVED"),  # an AskError as well
    (AskError, "ASK"),
    (ClusterCrossSlotError, "CROSSSLOT"),
    (NoPermissionError, "NOPERM"),
    (AuthenticationError, "WRONGPASS"),
    (AuthorizationError, "NOPERM"),
)
_TEXTS = (
    ("Authentication required", "NOAUTH"),
    ("in protected mode", "DENIED"),
    ("DB index is out of range", "DBINDEX"),
    ("SELECT is not allowed in cluster mode", "DBINDEX"),
    ("ACL failure in script", "NOPERM"),
    ("unknown command", "UNKNOWN"),
    ("max number of clients reached", "MAXCLIENTS"),
)
"""What has no word of its own, or lost it on its way."""

_ONE_PRIMARY = "our scripts need all keys on one primary: name a server in REDIS_URL that is no cluster"
_OTHER_PRIMARY = "it is a replica: name its primary in REDIS_URL"

PASSING = MappingProxyType(
    {
        "BUSY": "a script holds it: wait, or end that script with SCRIPT KILL",
        "CLUSTERDOWN": _ONE_PRIMARY,
        "FAILOVER": "it hands over to its replica: wait, or name the new primary in REDIS_URL",
        "LOADING": "wait: it reads its file",
        "MASTERDOWN": _OTHER_PRIMARY,
        "MAXCLIENTS": "raise its maxclients, or end clients that are idle",
        "MISCONF": "it cannot write to its disk: free space there and read its log",
        "NOREPLICAS": "bring its replicas back, or lower min-replicas-to-write",
        "OOM": "it is full: raise its maxmemory, or keep fewer entries (KEEP_ENTRIES)",
        "READONLY": _OTHER_PRIMARY,
        "TRYAGAIN": "it passes by itself",
        "UNBLOCKED": "it passes by itself",
    }
)
"""Answers that time or an operator cures while we wait, each with what cures it."""

WRONG = MappingProxyType(
    {
        "ASK": _ONE_PRIMARY,
        "CROSSSLOT": _ONE_PRIMARY,
        "DBINDEX": "REDIS_URL names a database that it does not have: end the URL with /0",
        "DENIED": "protected mode lets nobody in from another machine: give it a password (requirepass) and write that "
        "into REDIS_URL",
        "MOVED": _ONE_PRIMARY,
        "NOAUTH": "it wants a password: REDIS_URL=redis://:PASSWORD@HOST:PORT/0, or "
        "REDIS_URL=redis://HOST:PORT/0?password_file=FILE (of `hybrid up` and `hybrid redis`: var/valkey/password)",
        "NOPERM": "give the user of REDIS_URL the rights of deploy/redis.acl (ACL SETUSER), or name another user",
        "UNKNOWN": "Redis 7.0 or newer, or Valkey, is needed, with none of its commands renamed or switched off",
        "WRONGPASS": "fix the user or password in REDIS_URL",
    }
)
"""Answers that only another setting cures."""

_MOVES = frozenset({"MOVED", "ASK", "CLUSTERDOWN", "TRYAGAIN"})
"""Answers of a cluster while a slot moves, or its node fails: a pipeline of one slot waits until that is over."""

_TLS_TO_PLAIN = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "record layer failure")
_TLS_REFUSED = ("CERTIFICATE_VERIFY_FAILED", "CERTIFICATE_REQUIRED", "certificate required", "HANDSHAKE_FAILURE")
_CUT_OFF = ("reset by peer", "closed by server", "EOF occurred", "Broken pipe")


def name_server_error(error: RedisError, where: str) -> HybridError | None:
    """Return `error` of the server at `where` as one of ours; None when it is a mistake in the command itself."""
    if word := _word(error):
        return _answered(word, error, where)
    if isinstance(error, InvalidResponse):
        return BadConfig(f"{where} does not speak the Redis protocol; {_other_scheme(where)}, or fix host and port")
    if isinstance(error, NoAnswer):
        hint = f" ({_other_scheme(where)})" if where.startswith("rediss:") else ""
        return Unavailable(f"Redis at {where} did not answer in time: {error}{hint}")
    return _unreached(error, where) if isinstance(error, ConnectionLost) else None


def _answered(word: str, error: RedisError, where: str) -> HybridError:
    said = " ".join(str(error).split())[:200].rstrip(".: ")
    said = said if said.startswith(word) or word in {"DBINDEX", "UNKNOWN", "MAXCLIENTS"} else f"{word} {said}"
    if "+cluster:" in where and word in _MOVES:
        return Unavailable(f"Redis at {where} cannot serve now: {said}; the slot of HS_PREFIX moves, wait")
    if word == "LOADING":
        return StillLoading(f"Redis at {where} is still loading its file")
    if word in PASSING:
        return Unavailable(f"Redis at {where} cannot serve now: {said}; {PASSING[word]}")
    return BadConfig(f"Redis at {where} refuses us: {said}; {WRONG[word]}")


def _unreached(error: RedisError, where: str) -> HybridError:
    said = str(error)
    if any(words in said for words in _TLS_TO_PLAIN):
        return BadConfig(f"Redis at {where} does not speak TLS; {_other_scheme(where)}")
    if any(words in said for words in _TLS_REFUSED):
        fix = "add ?ssl_ca_certs=FILE (and ssl_certfile, ssl_keyfile where it wants ours) to REDIS_URL"
        return BadConfig(f"Redis at {where} and we do not trust each other's TLS certificate: {said}; {fix}")
    cut = any(words in said for words in _CUT_OFF)
    hint = f" ({_other_scheme(where)})" if cut and where.startswith("redis:") else ""
    if cut and where.startswith("rediss"):
        hint = " (where it wants our certificate: ssl_certfile, ssl_keyfile in REDIS_URL)"
    return Unavailable(f"Redis at {where} cannot be reached: {said}{hint}")


def _word(error: RedisError) -> str:
    """Return the word of an answer that we know, '' for any other error."""
    said = str(error)
    for text, word in _TEXTS:
        if text in said:
            return word
    for kind, word in _CLASSES:
        if isinstance(error, kind):
            return word
    first = said.split(" ", 1)[0]
    return first if isinstance(error, ResponseError) and (first in PASSING or first in WRONG) else ""


def _other_scheme(where: str) -> str:
    if where.startswith("rediss:"):
        return "without TLS REDIS_URL begins with redis://"
    return "with TLS REDIS_URL begins with rediss://"
