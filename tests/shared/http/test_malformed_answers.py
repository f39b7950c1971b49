"""An answer that is cut off, wrong or endless is malformed; the name it is sent with does not matter."""

import gzip
import threading

import pytest

from shared.clock import SystemClock
from shared.domain.errors import Malformed
from shared.http.client import Upstream
from shared.rate_limit.gate import RateGate
from tests.shared.http.local_server import Reply, Server

pytestmark = pytest.mark.server


@pytest.mark.pitfall(13)
@pytest.mark.parametrize(
    "body", [b'{"rows": [{"price": 0.5}, {"pri', b"", b"null null", b'{"a": NaN}', b'"\xff\xfe"', b"[" * 100_000]
)
def test_json_that_is_cut_off_or_wrong_is_malformed(server: Server, upstream: Upstream, body: bytes) -> None:
    server.says(Reply(body=body))

    with pytest.raises(Malformed, match="JSON cannot be read") as caught:
        upstream.get("/v2/activity")

    assert len(str(caught.value)) < 250


def test_a_page_instead_of_json_is_malformed_and_shows_how_it_begins(server: Server, upstream: Upstream) -> None:
    server.says(Reply(body=b"<html>maintenance</html>", kind="text/html"))

    with pytest.raises(Malformed, match="text/html instead of JSON: '<html>maintenance"):
        upstream.get("/v2/activity")


@pytest.mark.parametrize("kind", ["", "text/plain", "application/graphql-response+json; charset=utf-8"])
def test_json_is_read_under_any_name_it_is_sent_with(server: Server, upstream: Upstream, kind: str) -> None:
    server.says(Reply(body=b"1790000000", kind=kind))

    assert upstream.get("/time") == 1_790_000_000


def test_an_endless_answer_is_malformed(server: Server, gate: RateGate) -> None:
    stop = threading.Event()
    upstream = Upstream("data", server.url, [gate], clock=SystemClock(), stop=stop, max_body_bytes=10_000)
    server.says(Reply(body=gzip.compress(b" " * 1_000_000), headers={"Content-Encoding": "gzip"}))

    with pytest.raises(Malformed, match="larger than 10000 bytes"):
        upstream.get("/v2/activity")
    upstream.close()


def test_broken_compression_is_malformed(server: Server, upstream: Upstream) -> None:
    server.says(Reply(body=b"no gzip at all", headers={"Content-Encoding": "gzip"}))

    with pytest.raises(Malformed, match="compression"):
        upstream.get("/v2/activity")
