"""Every turn of a control is told, listed, and lifted only by who was asked."""

import json
import re

import pytest
from redis import Redis
from typer.testing import CliRunner

from ops.cli import app
from ops.operator import controls
from shared.clock import ManualClock
from shared.domain.ledger_accounts import HALT, HALT_REDEMPTIONS
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SERVICE
from shared.messages.events import read_event
from shared.messages.service import ControlTurned
from shared.redis.client import connect_redis
from shared.redis.streams import stream_tail
from tests.ops.operator.announced_pipeline import SINCE_MS, announced, hybrid

pytestmark = pytest.mark.server


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    return connect_redis(valkey_url)


@pytest.mark.pitfall(24)
def test_every_turn_is_an_event_and_is_listed_with_who_where_why_before_and_after(
    redis: Redis, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22")
    controls.kill(redis, "paper", "odd fills", ManualClock(SINCE_MS))
    controls.resume(redis, "paper", "checked", ManualClock(SINCE_MS + 60_000))

    told = [read_event(entry.json) for entry in stream_tail(redis, SERVICE, 10)]
    assert told == controls.history(redis, "paper")
    first, second = (event for event in told if isinstance(event, ControlTurned))
    assert (first.control, first.why, first.before, first.after) == (HALT, "odd fills", "off", "on")
    assert (second.control, second.why, second.before, second.after) == (HALT, "checked", "on", "off")
    assert first.who
    assert first.where.endswith(" (ssh from 192.0.2.7)")
    lines = hybrid(valkey_url, "controls").output.splitlines()
    assert [line.partition("  ")[0] for line in lines] == ["2026-11-28 10:02 UTC", "2026-11-28 10:03 UTC"]
    assert "paper kill: off -> on, by " in lines[0]
    shown = [json.loads(line) for line in hybrid(valkey_url, "controls", "--json").output.splitlines()]
    assert [(each["mode"], each["control"], each["after"]) for each in shown] == [
        ("paper", "kill", "on"),
        ("paper", "kill", "off"),
    ]


def test_where_nothing_was_turned_the_list_says_so(valkey_url: str) -> None:
    assert hybrid(valkey_url, "controls").output == "no control was turned here\n"


def test_a_turn_that_changes_nothing_is_no_event(redis: Redis) -> None:
    controls.kill(redis, "paper", "odd fills", ManualClock(1))
    controls.kill(redis, "paper", "again", ManualClock(2))

    assert [event.why for event in controls.history(redis, "paper")] == ["odd fills"]


def test_resume_lists_what_it_lifts_and_asks_first(valkey_url: str) -> None:
    redis = announced(valkey_url, "paper")
    hybrid(valkey_url, "kill", "--why", "odd fills")
    words = ["resume", "--mode", "paper", "--why", "checked", "--redis-url", valkey_url]

    no = CliRunner().invoke(app, words, input="n\n")
    stood = controls.active(redis, "paper")
    yes = CliRunner().invoke(app, words, input="y\n")

    assert no.exit_code == 1
    assert [control.name for control in stood] == ["kill", "kill redemptions"]
    assert re.search(r"lifts paper kill: on since .* UTC, by \S+: odd fills\nlifts paper kill redemptions: ", no.output)
    assert "Lift all of these?" in no.output
    assert yes.exit_code == 0
    assert controls.active(redis, "paper") == []


@pytest.mark.parametrize(
    ("what", "on"), [("orders", {HALT}), ("redemptions", {HALT_REDEMPTIONS}), ("all", {HALT, HALT_REDEMPTIONS})]
)
def test_kill_reaches_orders_redemptions_or_both(valkey_url: str, what: str, on: set[str]) -> None:
    redis = announced(valkey_url, "paper")

    hybrid(valkey_url, "kill", "--what", what)

    assert RedisLedger(redis, "paper").accounts().values.keys() == on
