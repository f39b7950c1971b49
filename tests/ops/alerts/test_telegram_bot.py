"""The bot over real sockets and a real server: strangers, 429, crashes, old numbers, and what it does to the ledger."""

import threading
from collections.abc import Iterator

import pytest
from redis import Redis

from ops.alerts.config import AlertSettings
from ops.alerts.telegram import composition
from ops.alerts.telegram.command_poll import OFFSETS, WAIT_S, CommandPoll
from ops.alerts.telegram.domain.bot_answers import ChatMessage
from ops.operator import controls
from shared.clock import ManualClock
from shared.config import parse
from shared.domain.errors import HybridError, RateLimited, Rejected, Unavailable
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.service import ControlTurned
from tests.ops.alerts.fake_upstreams import TOKEN, FakeTelegram, Said, too_many
from tests.ops.operator.announced_pipeline import SINCE_MS, announced
from tests.waiting import wait_until

pytestmark = pytest.mark.server
NEVER = threading.Event()
NOW_MS = SINCE_MS + 60_000


@pytest.fixture
def redis(valkey_url: str) -> Iterator[Redis]:
    with announced(valkey_url, "paper") as client:
        yield client


@pytest.fixture
def telegram() -> Iterator[FakeTelegram]:
    with FakeTelegram() as server:
        yield server


def a_poll(redis: Redis, telegram: FakeTelegram, clock: ManualClock | None = None) -> CommandPoll:
    given = {"telegram_token": TOKEN, "telegram_chats": "42", "telegram_url": telegram.url, "http_timeout_s": 2.0}
    settings = parse(AlertSettings, [], **given)
    (poll,) = composition.pollers(settings, redis, clock or ManualClock(NOW_MS), NEVER)
    return poll


def turns(redis: Redis, mode: str = "paper") -> list[ControlTurned]:
    return controls.history(redis, mode)


def test_kill_stops_both_ledgers_as_an_event_with_who(redis: Redis, telegram: FakeTelegram) -> None:
    telegram.write("/kill odd fills", at_ms=NOW_MS)

    a_poll(redis, telegram).turn(NEVER, 0)

    for mode in ("paper", "live"):
        names = {each.name: (each.who, each.why) for each in controls.active(redis, mode)}
        assert names == dict.fromkeys(("kill", "kill redemptions"), ("telegram:42/ann", "odd fills"))
        assert {event.where for event in turns(redis, mode)} == {"Telegram"}
        assert {event.mode for event in turns(redis, mode)} == {mode}
    ids = [event.id for mode in ("paper", "live") for event in turns(redis, mode)]
    assert len(set(ids)) == 4, "a message of each"
    assert "paper orders and redemptions are off" in telegram.texts[0]


def test_flatten_and_resume_go_by_a_code_that_is_sent_back(redis: Redis, telegram: FakeTelegram) -> None:
    poll = a_poll(redis, telegram)
    for command, active in (("/flatten going away", ["flatten"]), ("/resume back", [])):
        telegram.write(command, at_ms=NOW_MS)
        poll.turn(NEVER, 0)
        code = next(word for word in telegram.texts[-1].split() if word.isdigit() and len(word) == 6)
        telegram.write(code, at_ms=NOW_MS)
        poll.turn(NEVER, 0)
        assert [each.name for each in controls.active(redis, "paper")] == active


def test_a_strangers_chat_gets_no_answer_does_nothing_and_is_counted(
    redis: Redis, telegram: FakeTelegram, capsys: pytest.CaptureFixture[str]
) -> None:
    poll = a_poll(redis, telegram)
    for text in ("/kill", "/status", "/start", "hello"):
        telegram.write(text, chat=666, user="mallory", at_ms=NOW_MS)

    poll.turn(NEVER, 0)

    assert (telegram.sent, turns(redis), poll.strangers) == ([], [], 4)
    assert "telegram_stranger" in capsys.readouterr().err


def test_what_was_done_is_confirmed_and_not_told_again(redis: Redis, telegram: FakeTelegram) -> None:
    poll = a_poll(redis, telegram)
    number = telegram.write("/pause", at_ms=NOW_MS)

    poll.turn(NEVER, 0)
    poll.turn(NEVER, 0)

    assert len(telegram.texts) == 1
    assert telegram.offsets == [0, number + 1]
    assert redis.hget(OFFSETS, "123456789") == str(number + 1)


def test_a_new_process_goes_on_where_the_last_one_was(redis: Redis, telegram: FakeTelegram) -> None:
    number = telegram.write("/pause", at_ms=NOW_MS)
    a_poll(redis, telegram).turn(NEVER, 0)

    a_poll(redis, telegram).turn(NEVER, 0)

    assert telegram.offsets == [0, number + 1]
    assert len(turns(redis)) == 1


def test_a_crash_between_doing_and_noting_does_nothing_a_second_time(redis: Redis, telegram: FakeTelegram) -> None:
    """The deed has the update's number in the ledger; somebody resumed in between, and that stands."""
    telegram.write("/pause", at_ms=NOW_MS)
    a_poll(redis, telegram).turn(NEVER, 0)
    redis.delete(OFFSETS)
    controls.resume(redis, "paper", "checked", ManualClock(NOW_MS + 1))

    a_poll(redis, telegram).turn(NEVER, 0)

    assert controls.active(redis, "paper") == []
    assert [event.after for event in turns(redis)] == ["on", "off"]


def test_after_a_long_outage_old_commands_are_refused_and_new_ones_done(redis: Redis, telegram: FakeTelegram) -> None:
    telegram.write("/kill", at_ms=NOW_MS - 3_600_000)
    telegram.write("/pause", at_ms=NOW_MS)

    a_poll(redis, telegram).turn(NEVER, 0)

    assert [each.name for each in controls.active(redis, "paper")] == ["pause buys"]
    assert "stale" in telegram.texts[0]


def test_429_of_the_poll_says_how_long_to_wait(redis: Redis, telegram: FakeTelegram) -> None:
    telegram.next["getUpdates"] = [too_many(31)]

    with pytest.raises(RateLimited) as limited:
        a_poll(redis, telegram).turn(NEVER, 0)

    assert limited.value.retry_after_s == 31


def test_the_poll_waits_exactly_so_long(redis: Redis, telegram: FakeTelegram) -> None:
    clock, stop = ManualClock(NOW_MS), threading.Event()
    telegram.next["getUpdates"] = [too_many(31)]
    telegram.write("/status", at_ms=NOW_MS)
    poll = a_poll(redis, telegram, clock)

    def answer(message: ChatMessage) -> str:
        stop.set()
        return message.text

    poll._answer = answer

    poll.run(stop)

    assert clock.now_ms() == NOW_MS + 31_000


def test_an_answer_that_is_held_back_by_429_is_sent_after_its_time(redis: Redis, telegram: FakeTelegram) -> None:
    clock = ManualClock(NOW_MS)
    telegram.write("/pause", at_ms=NOW_MS)
    telegram.next["sendMessage"] = [too_many(5)]

    a_poll(redis, telegram, clock).turn(NEVER, 0)

    assert len(telegram.texts) == 1
    assert clock.now_ms() == NOW_MS + 5000
    assert len(turns(redis)) == 1


def test_an_answer_that_is_lost_leaves_the_deed_done_once(redis: Redis, telegram: FakeTelegram) -> None:
    telegram.write("/kill", at_ms=NOW_MS)
    telegram.next["sendMessage"] = [Said(500, {}, lost=True)]
    poll = a_poll(redis, telegram)

    poll.turn(NEVER, 0)
    poll.turn(NEVER, 0)

    assert len(turns(redis)) == 2, "orders and redemptions, once each"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (Said(409, {"ok": False, "description": "Conflict: terminated by other getUpdates request"}), Rejected),
        (Said(502, b"bad gateway"), Unavailable),
    ],
)
def test_a_poll_that_fails_is_named_without_the_token(
    redis: Redis, telegram: FakeTelegram, said: Said, error: type[HybridError]
) -> None:
    telegram.next["getUpdates"] = [said]

    with pytest.raises(error) as failed:
        a_poll(redis, telegram).turn(NEVER, 0)

    assert TOKEN not in str(failed.value)


def test_status_positions_and_pnl_are_answered_with_the_figures_of_the_ledger(
    redis: Redis, telegram: FakeTelegram
) -> None:
    controls.pause_buys(redis, "paper", "fees went up", ManualClock(NOW_MS))
    for text in ("/status", "/positions", "/pnl", "/why abcdef1234"):
        telegram.write(text, at_ms=NOW_MS)

    a_poll(redis, telegram).turn(NEVER, 0)

    status, positions, pnl, why = telegram.texts
    assert status.startswith("paper: sells only by ")
    assert "fees went up" in status
    assert "0 open" in positions
    assert "today: realized +0.00" in pnl
    assert "nothing in the streams begins with it" in why
    assert RedisLedger(redis, "paper").accounts().values


def test_told_to_stop_it_does_not_wait_for_the_end_of_its_long_poll(
    redis: Redis, telegram: FakeTelegram, capsys: pytest.CaptureFixture[str]
) -> None:
    stop, poll = threading.Event(), a_poll(redis, telegram)
    thread = threading.Thread(target=poll.run, args=(stop,))
    thread.start()
    wait_until(lambda: telegram.offsets, "it waits")

    stop.set()
    poll.interrupt()
    thread.join(WAIT_S / 2)

    assert not thread.is_alive()
    assert "telegram_poll_failed" not in capsys.readouterr().err
