"""A redirect is followed on the same host only, and not for ever."""

import pytest

from shared.domain.errors import Rejected
from shared.http.client import Upstream
from tests.shared.http.local_server import Reply, Server

pytestmark = pytest.mark.server


def test_a_redirect_on_the_same_host_is_followed(server: Server, upstream: Upstream) -> None:
    moved = Reply(301, b"", {"Location": "/v3/activity"})
    server.reply = lambda path: moved if path.startswith("/v2") else Reply(body=b'"here"')

    assert upstream.get("/v2/activity") == "here"


def test_a_redirect_to_another_host_is_not_followed(server: Server, upstream: Upstream) -> None:
    server.says(Reply(302, b"", {"Location": "http://elsewhere.example/?key=s3cret"}))

    with pytest.raises(Rejected, match=r"redirected to elsewhere\.example, not followed"):
        upstream.get("/v2/activity")

    assert len(server.asked) == 1


def test_redirects_that_go_round_end(server: Server, upstream: Upstream) -> None:
    server.says(Reply(302, b"", {"Location": "/again"}))

    with pytest.raises(Rejected, match="more than 3 redirects"):
        upstream.get("/v2/activity")
