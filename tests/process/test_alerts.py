"""The alerts as a process: what is killed in the middle of a delivery tells it again under its id, in little memory."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from benchmarks.rigs.processes import pss_mb
from ops.alerts.event_reader import READ
from ops.alerts.outbox import GROUP, WAITING
from shared.clock import SystemClock
from shared.messages.base import DECISIONS, SERVICE
from shared.redis.client import connect_redis
from shared.redis.streams import publish_event
from tests.ops.alerts.alert_builders import a_turn
from tests.ops.alerts.fake_upstreams import TOKEN, FakeTelegram, Said, Webhook
from tests.ops.explain.life_builders import a_decision
from tests.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.server]
ROOT = Path(__file__).resolve().parents[2]
MOST_MB = 60


@pytest.fixture
def redis(valkey_url: str) -> Iterator[Redis]:
    with connect_redis(valkey_url) as client:
        yield client


@contextmanager
def alerts(url: str, folder: Path, **told: str) -> Generator[subprocess.Popen[str]]:
    """Run `python -m ops.alerts` while the block runs; its group reads when it begins."""
    log = folder / "alerts.log"
    with log.open("a") as lines:
        process = subprocess.Popen(
            [sys.executable, "-m", "ops.alerts"],
            cwd=ROOT,
            env={**os.environ, "REDIS_URL": url, "RUN_DIR": str(folder), "DATA_DIR": str(folder), **told},
            stdout=subprocess.DEVNULL,
            stderr=lines,
            text=True,
        )
    try:
        wait_until(lambda: process.poll() is not None or reads(url), "it reads")
        yield process
    finally:
        process.kill()
        process.wait()


def reads(url: str) -> bool:
    with connect_redis(url) as redis:
        return all(
            redis.exists(stream) and any(group["name"] == GROUP for group in redis.xinfo_groups(stream))
            for stream in READ
        )


class DeadlyWebhook(Webhook):
    """Kills whoever tells it the first time, before it answers."""

    victim: subprocess.Popen[str] | None = None

    def answer(self, path: str, body: bytes) -> Said:
        said = super().answer(path, body)
        if self.victim is not None:
            self.victim.send_signal(signal.SIGKILL)
            self.victim.wait()
            self.victim = None
        return said


def test_one_that_is_killed_between_sending_and_forgetting_tells_it_again_under_its_id(
    redis: Redis, valkey_url: str, tmp_path: Path
) -> None:
    with DeadlyWebhook() as webhook:
        told = {"ALERT_URLS": f"json://127.0.0.1:{webhook.server_port}/hook"}
        with alerts(valkey_url, tmp_path, **told) as first:
            webhook.victim = first
            publish_event(redis, SERVICE, a_turn())
            wait_until(lambda: webhook.told and first.poll() is not None, "it is told and dies")
        with alerts(valkey_url, tmp_path, **told):
            wait_until(lambda: len(webhook.told) == 2, "it is told again")
            wait_until(lambda: redis.keys(f"{WAITING}*") == [], "it is forgotten")

    one, two = (each["message"] for each in webhook.told)
    assert one == two
    assert re.search(r"id [0-9a-f]{12}", one)


def test_it_takes_little_memory_and_ends_soon_without_a_secret_in_its_log(
    redis: Redis, valkey_url: str, tmp_path: Path
) -> None:
    """At most 60 MB of its own, alone and with a plugin and a bot at work."""
    clock = SystemClock()
    with Webhook() as webhook, FakeTelegram() as telegram:
        told: dict[str, Any] = {
            "ALERT_URLS": f"json://127.0.0.1:{webhook.server_port}/very-secret-hook",
            "TELEGRAM_TOKEN": TOKEN,
            "TELEGRAM_CHATS": "42",
            "TELEGRAM_URL": telegram.url,
        }
        with alerts(valkey_url, tmp_path, **told) as process:
            telegram.write("/status", at_ms=clock.now_ms())
            for number in range(300):
                publish_event(redis, DECISIONS, a_decision(id=f"d{number}"))
            publish_event(redis, SERVICE, a_turn())
            wait_until(lambda: len(telegram.texts) >= 22, "20 fills, the kill, the answer")
            wait_until(lambda: len(webhook.told) >= 21, "the webhook too")
            assert pss_mb(process.pid) < MOST_MB
            webhook.next = [Said(500, {})]
            publish_event(redis, SERVICE, a_turn(id="c2"))
            wait_until(lambda: "alert_not_delivered" in (tmp_path / "alerts.log").read_text(), "it says so")
            process.terminate()
            assert process.wait(15) == 0

    log = (tmp_path / "alerts.log").read_text()
    assert not any(secret in log for secret in (TOKEN, "very-secret-hook"))
    assert "threads_left" not in log
