"""The rights of deploy/redis.acl are enough for every program and command, and each that is missing says so."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from ops.alerts import farewell
from ops.demo.demo import DemoWorld
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.clock import SystemClock
from shared.domain.errors import BadConfig
from shared.messages.base import SERVICE, SIGNALS
from shared.redis.client import answering, connect_redis
from shared.redis.followed_leaders import followed_leaders
from shared.redis.lease import Lease
from shared.redis.streams import publish_event, publish_once
from tests.buyer.builders import a_signal
from tests.conftest import ROOT
from tests.ops.alerts.alert_builders import a_turn
from tests.ops.alerts.fake_upstreams import TOKEN, FakeTelegram, Webhook
from tests.ops.operator.announced_pipeline import announced
from tests.ops.web.web_rig import PAGES, WebRig, hold, let_run
from tests.process.test_alerts import alerts
from tests.process.test_shared_server import all_work, crowd
from tests.running.warm_process import run_warm
from tests.waiting import PATIENCE_S, wait_until

__all__ = ["crowd"]

pytestmark = [pytest.mark.process, pytest.mark.server, pytest.mark.simulator]
WORD = "of-the-pipeline"
RIGHTS = (ROOT / "deploy" / "redis.acl").read_text(encoding="ascii").replace("CHANGE-ME", WORD)
COMMANDS = (
    ("status", "--json"),
    ("leaders",),
    ("positions",),
    ("pnl",),
    ("trades",),
    ("why-not",),
    ("pause", "--mode", "paper"),
    ("flatten", "--why", "test", "--mode", "paper"),
    ("kill", "--mode", "paper"),
    ("resume", "--why", "test", "--mode", "paper", "--yes"),
    ("controls",),
    ("reconcile",),
    ("redeem",),
    ("redeem", "--now"),
    ("audit",),
)
ASKED: dict[str, Callable[[Redis], object]] = {
    "xadd": lambda redis: publish_once(redis, SIGNALS, a_signal(), fact="a:1"),
    "evalsha": lambda redis: publish_once(redis, SIGNALS, a_signal(), fact="a:1"),
    "hset": lambda redis: Lease(redis, "buyer:paper", "me", clock=SystemClock()).try_acquire(),
    "xreadgroup": lambda redis: redis.xreadgroup("g", "c", {SIGNALS: ">"}),
    "blmove": lambda redis: redis.blmove("rq:queue:a", "rq:b", 1),
    "hgetall": lambda redis: redis.hgetall("hs:pipeline"),
    "get": lambda redis: redis.get("other:key"),
}
"""What each right is for; the last is a key that is not ours."""


def refused(admin: Redis) -> list[str]:
    """Return what the server refused; `CONFIG GET` may be refused, and is not missed."""
    return [str(entry) for entry in admin.acl_log() if "config" not in str(entry)]


@pytest.fixture
def admin(redis_server: EmbeddedRedis) -> Iterator[Redis]:
    """Give a server where the pipeline's user has the rights of the file."""
    with connect_redis(redis_server.url) as redis:
        words = next(line for line in RIGHTS.splitlines() if line.startswith("user hybrid")).split()[2:]
        redis.execute_command("ACL", "SETUSER", "hybrid", *words)
        yield redis


@pytest.fixture
def url(redis_server: EmbeddedRedis) -> str:
    return f"redis://hybrid:{WORD}@127.0.0.1:{redis_server.port}/0"


@pytest.mark.takes(40)
def test_every_program_and_command_runs_with_exactly_these_rights(
    crowd: DemoWorld, admin: Redis, url: str, tmp_path: Path
) -> None:
    all_work(crowd, url, tmp_path)
    told = {**os.environ, **crowd.environment, "REDIS_URL": url}
    said = {
        words: run_warm("ops.cli", *words, env=told)
        for words in (*COMMANDS, ("follow", crowd.leaders[0]), ("unfollow", crowd.leaders[0]))
    }

    assert refused(admin) == []
    assert [f"{words[0]}: {one.stderr}" for words, one in said.items() if one.returncode] == []


@pytest.mark.takes(20)
def test_every_page_and_form_of_the_dashboard_works_with_exactly_these_rights(
    admin: Redis, url: str, tmp_path: Path
) -> None:
    desk = WebRig(url, tmp_path)
    desk.log_in()
    let_run(desk.redis)
    lot = hold(desk.redis)
    publish_event(desk.redis, SIGNALS, a_signal())

    pages = [desk.get(page).status_code for page in (*PAGES, "/equity.json", f"/positions/sell?lot={lot.key}")]
    forms = [
        desk.act("/", "/controls/kill"),
        desk.act("/", "/controls/pause", what="all"),
        desk.act("/", "/controls/flatten", typed="flatten", why="test"),
        desk.act("/", "/controls/resume", typed="resume", why="test"),
        desk.act(f"/positions/sell?lot={lot.key}", "/positions/sell", floor="0.05", why="test"),
        desk.act("/leaders", "/leaders/follow", wallets="0x" + "7" * 40, offline="on"),
    ]
    wait_until(lambda: followed_leaders(admin), "the job follows")
    desk.parts.jobs.end()

    assert set(pages) == {200}
    assert [answer.text for answer in forms if answer.status_code != 303] == []
    assert refused(admin) == []


@pytest.mark.takes(20)
def test_alerts_and_the_chat_work_with_exactly_these_rights(admin: Redis, url: str, tmp_path: Path) -> None:
    announced(url, "paper")
    with Webhook() as webhook, FakeTelegram() as telegram:
        told = {
            "ALERT_URLS": f"json://127.0.0.1:{webhook.server_port}/hook",
            "TELEGRAM_TOKEN": TOKEN,
            "TELEGRAM_CHATS": "42",
            "TELEGRAM_URL": telegram.url,
        }
        with alerts(url, tmp_path, **told) as process, connect_redis(url) as redis:
            publish_event(redis, SERVICE, a_turn())
            for number, text in enumerate(("/status", "/positions", "/pnl", "/pause", "/kill"), 1):
                telegram.write(text, at_ms=SystemClock().now_ms())
                wait_until(lambda number=number: len(telegram.texts) > number, "it answers")
            wait_until(lambda: webhook.told, "it tells")
            process.terminate()
            assert process.wait(PATIENCE_S) == 0
        farewell.main(url)

    assert refused(admin) == []


@pytest.mark.parametrize("right", ASKED)
def test_a_right_that_is_missing_is_one_line_with_the_fix(admin: Redis, url: str, right: str) -> None:
    if right != "get":
        admin.execute_command("ACL", "SETUSER", "hybrid", f"-{right}")

    with pytest.raises(BadConfig) as caught, connect_redis(url) as redis, answering(redis):
        ASKED[right](redis)

    said = str(caught.value)
    assert len(said.splitlines()) == 1
    assert "deploy/redis.acl" in said
    assert right in said or "key" in said
    assert WORD not in said
