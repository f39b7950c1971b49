"""`hybrid web` and `hybrid up --web`: refused with the fix, or served; never a reason for the pipeline to end."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli import app
from ops.config import UpSettings
from ops.supervisor import up
from ops.web import web_command
from ops.web.settings import WebSettings
from ops.web.web_command import WebFlags
from ops.web.web_process import build_keeper, open_socket
from shared.clock import SystemClock
from shared.config import parse
from shared.domain.errors import BadConfig, DependencyMissing, RefusedForSafety
from tests.started import started
from tests.waiting import wait_until

CLOCK = SystemClock()
LEADER = "0x" + "1a" * 20


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_command, "_NEEDED", ("fastapi", "no_such_package"))

    with pytest.raises(DependencyMissing, match=r"no_such_package is not installed.*hybrid-signals\[web\]"):
        web_command.demand_extra()


def test_what_it_could_not_start_with_is_refused_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WEB_HOST", "0.0.0.0")  # noqa: S104 - what is refused

    with pytest.raises(RefusedForSafety, match="other machines could reach it"):
        web_command.check_web(None, tmp_path)


def nowhere(_name: str, _line: str) -> None:
    """Take a program's line."""


@pytest.mark.sockets
def test_a_port_that_is_taken_is_one_plain_line() -> None:
    with open_socket(parse(WebSettings, [], web_port=0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadConfig, match=f"WEB_PORT={port}: cannot listen there"):
            open_socket(parse(WebSettings, [], web_port=port))


def test_up_serves_it_only_where_it_is_wanted_without_a_key_and_last() -> None:
    given = {"tracked_wallets": LEADER, "redis_url": "redis://h:1/0", "live": True, "dry_run": False}
    plain = parse(UpSettings, [], **given)
    served = parse(UpSettings, [], **given, web_dashboard=True, data_dir=Path("elsewhere"))

    assert up.programs(plain) == up.PROGRAMS
    assert up.programs(served)[-1] == ("web", "ops.web")
    program = up.children(served, nowhere, CLOCK)[-1].program
    assert (program.optional, program.signs) == (True, False)
    assert program.env["DATA_DIR"] == "elsewhere"


def test_a_new_link_is_printed_for_the_one_that_runs(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "url").write_text("http://127.0.0.1:8765\n")

    answer = CliRunner().invoke(app, ["web", "--link", "--viewer", "--data-dir", str(tmp_path)])

    [link] = re.findall(r"^http://127\.0\.0\.1:8765/login\?link=(\S+)\n$", answer.output)
    given = build_keeper(WebFlags(None, tmp_path).settings(), CLOCK).read_link(link)
    assert given is not None
    assert given.role == "viewer"


@pytest.mark.process
@pytest.mark.server
def test_it_serves_until_told_to_stop_and_leaves_no_address_behind(valkey_url: str, tmp_path: Path) -> None:
    address = tmp_path / "web" / "url"
    with started("ops.web", REDIS_URL=valkey_url, DATA_DIR=str(tmp_path), WEB_PORT="0", RUN_DIR=str(tmp_path)) as web:
        wait_until(address.exists, "its address")
        web.terminate()
        _, said = web.communicate()

    assert web.returncode == 0
    assert re.search(r"dashboard: http://127\.0\.0\.1:\d+/login\?link=\S+ +\(once, within 10 minutes\)", said)
    assert not address.exists()
