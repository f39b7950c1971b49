"""The forms of a Redis URL, and what a wrong one is told."""

from pathlib import Path

import pytest

from shared.domain.errors import BadConfig
from shared.redis.client import connect_redis, server_address
from shared.redis.connection.server_url import sentinel_place


def test_sentinels_have_the_primarys_name_and_a_database_behind_them() -> None:
    place = sentinel_place("redis+sentinel://me:s%2Fcret@a:1,b,[::1]:3/mymaster/2?socket_timeout=2")

    assert place is not None
    assert place.sentinels == (("a", 1), ("b", 26379), ("::1", 3))
    assert (place.name, place.options) == ("mymaster", ())
    assert place.primary_url == "redis://me:s%2Fcret@primary/2?socket_timeout=2"


def test_the_login_of_the_sentinels_is_their_own(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("from a file\n")
    url = "redis+sentinel://:of-the-primary@a:1/m?sentinel_username=me&sentinel_password"

    given, kept = sentinel_place(f"{url}=given"), sentinel_place(f"{url}_file={tmp_path / 'word'}")

    assert given is not None
    assert kept is not None
    assert dict(given.options) == {"username": "me", "password": "given"}
    assert dict(kept.options) == {"username": "me", "password": "from a file"}
    assert "given" not in given.primary_url


def test_tls_is_for_the_sentinels_too_unless_they_differ() -> None:
    url = "rediss+sentinel://a:1/m/0?ssl_ca_certs=ca.pem&ssl_check_hostname=no"
    both, alone = sentinel_place(url), sentinel_place(f"{url}&sentinel_tls=no")

    assert both is not None
    assert alone is not None
    assert dict(both.options) == {"ssl": True, "ssl_ca_certs": "ca.pem", "ssl_check_hostname": False}
    assert alone.options == ()
    assert both.primary_url.startswith("rediss://primary/0?")


@pytest.mark.pitfall(30)
def test_an_address_holds_no_password() -> None:
    url = "redis+sentinel://me:s3cret@a:1,b:2/mymaster/1?sentinel_password=s3cret"

    assert server_address(connect_redis(url)) == "redis+sentinel://a:1,b:2/mymaster/1"


@pytest.mark.parametrize(
    ("url", "fix"),
    [
        ("redis+sentinel://a:1,b:2", "followed by the primary's name"),
        ("redis+sentinel://a:1/", "followed by the primary's name"),
        ("redis+sentinel://a:1/name/db", "followed by the primary's name"),
        ("redis+sentinel://a:one/name/0", "HOST:PORT"),
        ("redis+sentinel://a:1,,b:2/name/0", "HOST:PORT"),
        ("redis+sentinel://a:1/name/0?sentinel_tls=perhaps", "yes or no"),
        ("redis+sentinel://a:1/name/0?no_such_option=1", "no_such_option"),
        ("redis+sentinel://a:1/name/0?sentinel_password_file=/none/there", "sentinel_password_file=/none/there"),
        ("redis+clusters://a:1/0", "redis+cluster://"),
        ("sentinel://:s3cret@a:1/name", "redis+sentinel://"),
    ],
)
def test_a_form_that_nobody_knows_is_refused_with_the_fix(url: str, fix: str) -> None:
    with pytest.raises(BadConfig) as caught:
        connect_redis(url)

    assert fix in str(caught.value)
    assert "s3cret" not in str(caught.value)
