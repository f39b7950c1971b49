"""A channel's sender over real sockets: what is taken is forgotten, the rest waits, and no channel for another."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from ops.alerts.apprise_channel import AppriseChannel, secrets_in
from ops.alerts.channel_sender import ChannelSender
from ops.alerts.composition import build_channels
from ops.alerts.config import AlertSettings
from ops.alerts.domain.alert_message import AlertMessage
from ops.alerts.domain.watch_state import WatchState
from ops.alerts.outbox import Outbox
from ops.alerts.trial import send_trial
from shared.clock import ManualClock
from shared.config import parse
from shared.domain.backoff import Backoff
from shared.domain.errors import BadConfig, HybridError, Malformed, Rejected, Unavailable
from shared.redis.client import connect_redis
from tests.ops.alerts.alert_builders import a_message
from tests.ops.alerts.fake_upstreams import TOKEN, FakeTelegram, Said, Webhook, too_many

pytestmark = pytest.mark.server
NEVER = threading.Event()


@pytest.fixture
def redis(valkey_url: str) -> Iterator[Redis]:
    with connect_redis(valkey_url) as client:
        yield client


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as server:
        yield server


@pytest.fixture
def telegram() -> Iterator[FakeTelegram]:
    with FakeTelegram() as server:
        yield server


def settings(**given: Any) -> AlertSettings:
    return parse(AlertSettings, [], allow_plain_http=True, http_timeout_s=1.0, **given)


class Line:
    """A sender of one channel, with its outbox and a clock that the test moves."""

    def __init__(self, redis: Redis, **given: Any) -> None:
        self.clock = ManualClock()
        (channel,) = build_channels(settings(**given), self.clock, NEVER)
        self.outbox = Outbox(redis, {channel.key: channel.name})
        self.sender = ChannelSender(channel, self.outbox, self.clock, Backoff(first_s=2, longest_s=60))

    def keep(self, *messages: AlertMessage) -> None:
        self.outbox.commit(WatchState(), messages)

    def waiting(self) -> list[AlertMessage]:
        return self.outbox.waiting(self.sender.channel.key)

    def turn(self, later_s: float = 0) -> float:
        self.clock.advance(later_s)
        return self.sender.turn(NEVER)


def to_telegram(server: FakeTelegram) -> dict[str, Any]:
    return {"telegram_token": TOKEN, "telegram_chats": "42", "telegram_url": server.url}


def to_webhook(server: Webhook) -> dict[str, Any]:
    return {"alert_urls": f"{server.url.replace('http', 'json', 1)}/hook-secret-1234"}


def test_a_message_arrives_with_its_heading_body_and_id_and_is_forgotten(redis: Redis, webhook: Webhook) -> None:
    line = Line(redis, **to_webhook(webhook))
    line.keep(a_message(lines=("cash 5",)))

    line.turn()

    (told,) = webhook.told
    assert told["title"] == "message 1"
    assert f"id {a_message().id[:12]}" in told["message"]
    assert line.waiting() == []


def test_messages_arrive_in_their_order(redis: Redis, webhook: Webhook) -> None:
    line = Line(redis, **to_webhook(webhook))
    line.keep(*(a_message(number) for number in (3, 1, 2)))

    line.turn()

    assert webhook.titles == ["message 1", "message 2", "message 3"]


def test_telegrams_429_is_waited_for_exactly_as_long_as_it_says(redis: Redis, telegram: FakeTelegram) -> None:
    line = Line(redis, **to_telegram(telegram))
    line.keep(a_message(1), a_message(2))
    telegram.next["sendMessage"] = [too_many(17)]

    assert line.turn() == pytest.approx(17)
    assert line.turn(16.9) == pytest.approx(0.1)
    assert telegram.sent == []
    line.turn(0.2)

    assert [text.splitlines()[0] for text in telegram.texts] == ["message 1", "message 2"]


def test_a_time_out_may_have_delivered_so_it_comes_again_under_the_same_id(
    redis: Redis, telegram: FakeTelegram
) -> None:
    """Unknown is not no; the id tells the doubled one."""
    line = Line(redis, **to_telegram(telegram))
    line.keep(a_message())
    telegram.next["sendMessage"] = [Said(200, {}, lost=True)]

    line.turn()
    assert len(line.waiting()) == 1
    line.turn(2.1)

    first, second = telegram.texts
    assert first == second
    assert line.waiting() == []


def test_a_crash_between_sending_and_forgetting_sends_it_again_under_the_same_id(
    redis: Redis, webhook: Webhook
) -> None:
    line = Line(redis, **to_webhook(webhook))
    line.keep(a_message())
    line.sender.channel.deliver(a_message())  # and here the process dies

    Line(redis, **to_webhook(webhook)).turn()

    assert len({told["message"] for told in webhook.told}) == 1
    assert len(webhook.told) == 2
    assert line.waiting() == []


@pytest.mark.parametrize("status", [429, 500, 502, 403])
def test_a_webhook_that_fails_is_tried_again_later_and_later_and_loses_nothing(
    redis: Redis, webhook: Webhook, status: int
) -> None:
    line = Line(redis, **to_webhook(webhook))
    line.keep(a_message(1), a_message(2))
    webhook.next = [Said(status, {})] * 4

    waits = [line.turn()]
    for _ in range(3):
        waits.append(line.turn(waits[-1]))
    line.turn(waits[-1])

    assert waits == pytest.approx([2, 4, 8, 16])
    assert webhook.titles[-2:] == ["message 1", "message 2"]
    assert line.waiting() == []


def test_a_chat_that_refuses_one_message_gets_the_others(redis: Redis, telegram: FakeTelegram) -> None:
    line = Line(redis, **to_telegram(telegram))
    line.keep(a_message(1), a_message(2))
    telegram.next["sendMessage"] = [Said(400, {"ok": False, "error_code": 400, "description": "Bad Request"})]

    line.turn()

    assert [text.splitlines()[0] for text in telegram.texts] == ["message 2"]
    assert [message.title for message in line.waiting()] == ["message 1"]
    line.turn(61)
    assert line.waiting() == []


def test_a_channel_that_is_down_holds_up_no_other(redis: Redis, webhook: Webhook, telegram: FakeTelegram) -> None:
    channels = build_channels(settings(**to_webhook(webhook), **to_telegram(telegram)), ManualClock(), NEVER)
    outbox = Outbox(redis, {channel.key: channel.name for channel in channels})
    outbox.commit(WatchState(), [a_message()])
    webhook.next = [Said(500, {})] * 9

    for channel in channels:
        ChannelSender(channel, outbox, ManualClock()).turn(NEVER)

    assert len(telegram.sent) == 1
    assert [len(outbox.waiting(channel.key)) for channel in channels] == [1, 0]


def test_a_plugin_that_crashes_is_logged_and_tried_again(redis: Redis, webhook: Webhook) -> None:
    line = Line(redis, **to_webhook(webhook))

    class Broken:
        key, name = line.sender.channel.key, "broken"

        def deliver(self, message: AlertMessage) -> None:
            raise ZeroDivisionError(message.id)

    line.keep(a_message())
    sender = ChannelSender(Broken(), line.outbox, line.clock)

    assert sender.turn(NEVER) > 0
    assert len(line.waiting()) == 1


def test_what_is_urgent_is_said_although_the_server_is_away(webhook: Webhook) -> None:
    away = connect_redis("redis://127.0.0.1:9/0")
    line = Line(away, **to_webhook(webhook))
    line.sender.say_now(a_message())

    line.turn()
    line.turn()

    assert webhook.titles == ["message 1"]


def test_why_a_delivery_failed_is_told_without_the_address(webhook: Webhook) -> None:
    channel = AppriseChannel(f"json://user:pass-word@127.0.0.1:{webhook.server_port}/hook-secret-1234?x=5678", 1)
    webhook.next = [Said(500, {"error": "hook-secret-1234"})] * 3

    with pytest.raises(Unavailable) as failed:
        channel.deliver(a_message())

    assert "error=500" in str(failed.value)
    assert not any(word in str(failed.value) for word in ("hook-secret", "pass-word", "5678"))
    assert "hook-secret-1234" in secrets_in("json://a/hook-secret-1234")


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # of apprise, as it looks through all its plugins
@pytest.mark.parametrize("url", ["blah://x", "json://?x", "tgram://short"])
def test_an_address_that_apprise_cannot_read_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(BadConfig, match=r"ALERT_URLS, address 3 \(\w+://\.\.\.\): apprise cannot read it") as refused:
        AppriseChannel(url, 3)
    assert url not in str(refused.value)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (Said(401, {"ok": False, "description": "Unauthorized"}), Rejected),
        (Said(502, b"<html>bad gateway"), Unavailable),
        (Said(200, b"<html>a proxy"), Malformed),
    ],
)
def test_what_telegram_refuses_is_named_without_the_token(
    telegram: FakeTelegram, said: Said, error: type[HybridError]
) -> None:
    (channel,) = build_channels(settings(**to_telegram(telegram)), ManualClock(), NEVER)
    telegram.next["sendMessage"] = [said]

    with pytest.raises(error) as failed:
        channel.deliver(a_message())

    assert TOKEN not in str(failed.value)


def test_a_text_that_is_too_long_for_telegram_is_cut_to_what_it_takes(telegram: FakeTelegram) -> None:
    (channel,) = build_channels(settings(**to_telegram(telegram)), ManualClock(), NEVER)

    channel.deliver(a_message(title="🐳" * 5000))

    assert len(telegram.texts[0].encode("utf-16-le")) <= 2 * 4096


def test_the_trial_sends_one_message_everywhere_and_says_what_arrived(webhook: Webhook, telegram: FakeTelegram) -> None:
    webhook.next = [Said(500, {})]

    found = send_trial(settings(**to_webhook(webhook), **to_telegram(telegram)), ManualClock())

    assert [(name, bool(problem)) for name, problem in found] == [("JSON (1)", True), ("telegram 42", False)]
    assert "can reach you" in telegram.texts[0]


def test_what_waits_for_an_address_that_is_named_no_more_is_dropped_loudly(
    redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    old = Outbox(redis, {"old": "JSON (1)"})
    old.forget_channels()
    old.commit(WatchState(), [a_message()])

    Outbox(redis, {"new": "telegram 42"}).forget_channels()

    assert old.waiting("old") == []
    assert "alert_channel_gone" in capsys.readouterr().err
