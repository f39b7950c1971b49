"""TLS by an authority that nobody else knows, with our own certificate too, to a server and behind sentinels."""

import shutil
from collections.abc import Generator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from benchmarks.rigs.failovers.nodes import debian_server
from benchmarks.rigs.failovers.sentinels import SentinelServers
from shared.domain.errors import BadConfig, HybridError
from shared.redis.client import answering, connect_redis
from tests.shared.redis.connection.certificates import PrivateAuthority
from tests.shared.redis.connection.conftest import Connect

pytestmark = [pytest.mark.server, pytest.mark.takes(8)]


@pytest.fixture
def query(tmp_path: Path) -> str:
    """Give what our side says of its certificates."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates: apt-get install openssl")
    authority = PrivateAuthority(tmp_path / "tls")
    authority.sign("server")
    certificate, key = authority.sign("ours")
    return urlencode({"ssl_ca_certs": authority.ca, "ssl_certfile": certificate, "ssl_keyfile": key})


@pytest.fixture
def servers(tmp_path: Path, query: str) -> Generator[SentinelServers]:
    binary = debian_server()
    if binary is None:
        pytest.skip("no redis-server with TLS on this machine: apt-get install redis-server")
    tls = tmp_path / "tls"
    lines = [
        "port 0",
        "tls-port PORT",
        "tls-replication yes",
        "tls-auth-clients yes",
        f"tls-ca-cert-file {tls / 'ca.pem'}",
        f"tls-cert-file {tls / 'server.pem'}",
        f"tls-key-file {tls / 'server.key'}",
    ]
    with SentinelServers(tmp_path / "servers", binary, extra=lines, query=query, scheme="rediss") as found:
        yield found


def test_both_sides_show_a_certificate_of_the_authority(servers: SentinelServers) -> None:
    with connect_redis(servers.url) as behind, servers.direct(servers.servers[0]) as straight:
        behind.set("a", "1")

        assert straight.get("a") == "1"


def test_each_certificate_that_is_missing_is_one_line_with_the_fix(
    servers: SentinelServers, connected: Connect
) -> None:
    (port, password), ca = (servers.servers[0].port, servers.password), servers.query.partition("&")[0]
    nobody, anonymous = "", f"?{ca}"

    for query, fix in ((nobody, "ssl_ca_certs=FILE"), (anonymous, "ssl_certfile, ssl_keyfile")):
        url = f"rediss://:{password}@127.0.0.1:{port}/0{query}"
        with pytest.raises(HybridError, match=fix), connected(url) as redis, answering(redis):
            redis.ping()
    behind = connected(servers.url.partition("&")[0])
    with pytest.raises(BadConfig, match=r"no sentinel answers.*ssl_ca_certs=FILE") as caught, answering(behind):
        behind.ping()
    assert len(str(caught.value).splitlines()) == 1
