"""A server's password that stands in a file which the URL names."""

from pathlib import Path

import pytest

from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.config import Settings, parse
from shared.domain.errors import BadConfig
from shared.redis.client import answering, connect_redis, redacted_url, server_address
from shared.redis.password_file import take_password, with_password_file

BARE = "redis://127.0.0.1:6379/0"


def test_a_url_names_the_file_and_other_options_stay(tmp_path: Path) -> None:
    file = tmp_path / "a file"
    file.write_text("s3cret\n")
    url = with_password_file(BARE, file)

    assert take_password(url) == (BARE, "s3cret")
    assert take_password(f"{url}&socket_timeout=2") == (f"{BARE}?socket_timeout=2", "s3cret")
    assert take_password(f"{BARE}?db=1") == (f"{BARE}?db=1", None)


@pytest.mark.parametrize(("text", "said"), [(None, "cannot be read"), ("\n", "is empty")])
def test_a_file_without_a_password_is_bad_config_with_the_fix(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "password").write_text(text)

    with pytest.raises(BadConfig, match=f"{said}.*first start"):
        connect_redis(with_password_file(BARE, tmp_path / "password"))


def test_neither_file_nor_password_is_shown(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret")
    url = with_password_file(BARE, tmp_path / "password")

    assert redacted_url(url) == server_address(connect_redis(url)) == BARE
    assert parse(Settings, ["--redis-url", url]).published()["redis_url"] == BARE


@pytest.mark.server
@pytest.mark.pitfall(49)
def test_the_embedded_server_lets_nobody_in_who_cannot_read_its_file(redis_server: EmbeddedRedis) -> None:
    stranger = connect_redis(f"redis://127.0.0.1:{redis_server.port}/0")

    with pytest.raises(BadConfig, match=r"wants a password.*password_file=FILE"), answering(stranger):
        stranger.ping()
    assert connect_redis(redis_server.url).ping()
    for name in ("password", "valkey.conf"):
        assert (redis_server.folder / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.server
def test_the_password_stays_over_restarts_and_is_no_word_of_a_command_line(redis_server: EmbeddedRedis) -> None:
    password = (redis_server.folder / "password").read_text().strip()
    words = Path(f"/proc/{redis_server.pid}/cmdline").read_text()

    redis_server.stop()
    redis_server.restart()

    assert password not in words
    assert (redis_server.folder / "password").read_text().strip() == password
    assert connect_redis(redis_server.url).ping()
