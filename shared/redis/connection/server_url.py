"""The forms of a Redis URL: a server, a socket, the sentinels that know the primary, or nodes of a cluster.

    redis://[user:password@]host:port/0              rediss:// with TLS
    unix:///run/redis.sock?db=0
    redis+sentinel://[user:password@]host:port,host:port/NAME/0    rediss+sentinel:// with TLS to all of them
    redis+cluster://[user:password@]host:port,host:port            rediss+cluster:// with TLS; HS_PREFIX is needed

The user and password before `@` are the data server's; the sentinels' own are `?sentinel_username=` and
`sentinel_password=` (or `sentinel_password_file=`). `sentinel_tls=no` (or `yes`) is for sentinels that differ.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from redis.connection import parse_url  # pyright: ignore[reportUnknownVariableType] - redis-py leaves it untyped

from shared.domain.errors import BadConfig
from shared.redis.password_file import take_password

SENTINEL_PORT = 26379
SERVER_PORT = 6379
_DATABASE = re.compile(r"/?\d*")
_SERVICE = re.compile(r"/[^/]+(/\d*)?")
_SENTINEL_SCHEMES = ("redis+sentinel", "rediss+sentinel")
_CLUSTER_SCHEMES = ("redis+cluster", "rediss+cluster")
_SCHEMES = ("redis", "rediss", "unix", *_SENTINEL_SCHEMES, *_CLUSTER_SCHEMES)
_YES_NO = {"yes": True, "no": False}


@dataclass(frozen=True)
class SentinelPlace:
    """Sentinels (host, port), the name by which they know the primary, and how to log in to them."""

    sentinels: tuple[tuple[str, int], ...]
    name: str
    options: tuple[tuple[str, Any], ...]
    """Of the connection to a sentinel, as redis-py takes them."""
    primary_url: str
    """A URL with all that is to be known of the primary but its host and port."""

    def __str__(self) -> str:
        scheme, _, rest = self.primary_url.partition("://")
        hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.sentinels)
        return f"{scheme}+sentinel://{hosts}/{self.name}{urlsplit('//' + rest).path}"


@dataclass(frozen=True)
class ClusterPlace:
    """Some nodes (host, port) of a cluster."""

    nodes: tuple[tuple[str, int], ...]
    primary_url: str
    """A URL with all that is to be known of each node but its host and port."""

    def __str__(self) -> str:
        scheme = self.primary_url.partition("://")[0]
        return f"{scheme}+cluster://{','.join(f'{host}:{port}' for host, port in self.nodes)}"


def check_url(url: str) -> None:
    """Refuse what redis-py would read as something else than was meant.

    Raises:
        BadConfig: with the part that cannot be meant so.
    """
    scheme, _, rest = url.partition("://")
    parts = urlsplit(url)
    problem = ""
    if scheme not in _SCHEMES or not rest:
        problem = (
            "it must begin with redis://, rediss:// (TLS), unix://, redis+sentinel:// or redis+cluster:// (with TLS "
            "rediss+sentinel:// or rediss+cluster://) and name a server"
        )
    elif "@" in rest and "@" not in parts.netloc and scheme != "unix":
        problem = "its password holds a sign that ends a URL's part: write / ? # as %2F %3F %23"
    elif scheme == "unix" and not parts.path.strip("/"):
        problem = "unix:// needs the socket's path: unix:///run/redis.sock?db=0"
    elif scheme in _SENTINEL_SCHEMES:
        problem = _sentinel_problem(parts.netloc, parts.path)
    elif scheme in _CLUSTER_SCHEMES:
        problem = _cluster_problem(parts.netloc, parts.path)
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


def sentinel_place(url: str) -> SentinelPlace | None:
    """Return whom to ask for the primary; None where `url`, which was checked, names the server itself.

    Raises:
        BadConfig: an option cannot be read, or the file of a password.
    """
    scheme, _, _ = url.partition("://")
    if scheme not in _SENTINEL_SCHEMES:
        return None
    url, secret = take_password(url, "sentinel_password_file")
    parts = urlsplit(url)
    login, at, hosts = parts.netloc.rpartition("@")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    own = {name: query.pop(f"sentinel_{name}", None) for name in ("username", "password", "tls")}
    _, name, *rest = parts.path.split("/")
    tls = scheme.startswith("rediss")
    primary = f"{'rediss' if tls else 'redis'}://{login}{at}primary/{(rest or ['0'])[0] or '0'}"
    primary += f"?{urlencode(query)}" if query else ""
    read = cast("dict[str, Any]", parse_url(primary))
    kept = {key: value for key, value in read.items() if key.startswith("ssl_")}
    options = {**_login(own, secret), **_tls(own["tls"], kept, default=tls, url=url)}
    return SentinelPlace(_hosts(hosts), name, tuple(sorted(options.items())), primary)


def cluster_place(url: str, password: str | None = None) -> ClusterPlace | None:
    """Return the nodes of a cluster, with the password that stood in a file; None where `url`, checked, names none."""
    scheme, _, _ = url.partition("://")
    if scheme not in _CLUSTER_SCHEMES:
        return None
    parts = urlsplit(url)
    login, at, hosts = parts.netloc.rpartition("@")
    if password is not None:
        login, at = f"{login.partition(':')[0]}:{quote(password, safe='')}", "@"
    primary = f"{scheme.partition('+')[0]}://{login}{at}primary/0" + (f"?{parts.query}" if parts.query else "")
    return ClusterPlace(_hosts(hosts, SERVER_PORT), primary)


def _login(own: Mapping[str, str | None], secret: str | None) -> dict[str, Any]:
    given = {"username": own["username"], "password": secret or own["password"]}
    return {name: value for name, value in given.items() if value}


def _tls(said: str | None, options: Mapping[str, Any], *, default: bool, url: str) -> dict[str, Any]:
    if said is not None and said not in _YES_NO:
        raise BadConfig(f"The Redis URL {redacted_url(url)} cannot be read: sentinel_tls is yes or no")
    return {"ssl": True, **options} if (default if said is None else _YES_NO[said]) else {}


def _cluster_problem(netloc: str, path: str) -> str:
    return _host_problem(netloc) if path in {"", "/", "/0"} else f"a cluster has no database {path!r}: leave it out"


def _sentinel_problem(netloc: str, path: str) -> str:
    if not _SERVICE.fullmatch(path):
        return "the sentinels' hosts are followed by the primary's name and a database: .../mymaster/0"
    return _host_problem(netloc)


def _host_problem(netloc: str) -> str:
    try:
        _hosts(netloc.rpartition("@")[2])
    except ValueError:
        return "its hosts are HOST:PORT, with commas between them"
    return ""


def _hosts(text: str, port: int = SENTINEL_PORT) -> tuple[tuple[str, int], ...]:
    """Return hosts and ports; raises ValueError."""
    found: list[tuple[str, int]] = []
    for word in text.split(","):
        parts = urlsplit(f"//{word}")
        if not parts.hostname:
            raise ValueError(word)
        found.append((parts.hostname, parts.port or port))
    return tuple(found)
