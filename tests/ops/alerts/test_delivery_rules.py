"""Level, quiet hours and the rate limit: what is critical passes, what is held back is counted and told as one."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.alerts.config import AlertSettings, read_digest, read_hours
from ops.alerts.domain.delivery_rules import DeliveryRules, QuietHours, admit_message, release_held
from ops.alerts.domain.watch_state import WatchState
from shared.config import parse
from shared.domain.errors import BadConfig, RefusedForSafety
from tests.ops.alerts.alert_builders import HOUR_MS, NOW_MS, a_message

DAY_MS = 24 * HOUR_MS
MIDNIGHT_MS = NOW_MS - NOW_MS % DAY_MS
NIGHT = DeliveryRules(quiet=QuietHours(22 * 60, 7 * 60))


class Gate:
    def __init__(self, rules: DeliveryRules) -> None:
        self.rules, self.state = rules, WatchState()

    def sends(self, number: int, now_ms: int, **changes: object) -> bool:
        self.state, sent = admit_message(self.state, a_message(number, **changes), now_ms, self.rules)
        return bool(sent)

    def releases(self, now_ms: int) -> list[str]:
        self.state, told = release_held(self.state, now_ms, self.rules)
        return [message.title for message in told]


def test_more_than_the_limit_is_held_back_and_told_as_one_when_there_is_room() -> None:
    gate = Gate(DeliveryRules(per_hour=3))

    sent = [gate.sends(number, NOW_MS) for number in range(15)]

    assert sent == [True] * 3 + [False] * 12
    assert gate.releases(NOW_MS + HOUR_MS - 1) == []
    assert gate.releases(NOW_MS + HOUR_MS) == ["12 more were held back: 12 filled"]
    assert gate.releases(NOW_MS + HOUR_MS + 1) == []


def test_what_is_critical_passes_the_limit_and_the_night() -> None:
    gate = Gate(DeliveryRules(per_hour=1, quiet=NIGHT.quiet))

    assert all(gate.sends(number, MIDNIGHT_MS, level="critical") for number in range(50))


def test_at_night_the_rest_is_held_back_until_the_morning() -> None:
    gate = Gate(NIGHT)

    assert not gate.sends(1, MIDNIGHT_MS)
    assert not gate.sends(2, MIDNIGHT_MS + 1, kind="missed", level="warning")
    assert gate.releases(MIDNIGHT_MS + 7 * HOUR_MS - 1) == []
    assert gate.releases(MIDNIGHT_MS + 7 * HOUR_MS) == ["2 more were held back: 1 filled, 1 missed"]


@pytest.mark.parametrize(("hour", "quiet"), [(21, False), (22, True), (0, True), (6, True), (7, False), (12, False)])
def test_quiet_hours_go_over_midnight(hour: int, quiet: bool) -> None:  # noqa: FBT001 - a table
    assert QuietHours(22 * 60, 7 * 60).holds(MIDNIGHT_MS + hour * HOUR_MS) is quiet


def test_quiet_hours_are_those_of_their_zone() -> None:
    berlin = QuietHours(22 * 60, 7 * 60, ZoneInfo("Europe/Berlin"))

    assert [berlin.holds(MIDNIGHT_MS + hour * HOUR_MS) for hour in (4, 5, 19, 20)] == [True, False, False, True]


def test_below_the_level_nothing_is_told_or_counted() -> None:
    gate = Gate(DeliveryRules(level="critical", per_hour=1))

    assert not gate.sends(1, NOW_MS, level="warning")
    assert gate.state == WatchState()


def test_the_digest_passes_level_and_limit() -> None:
    gate = Gate(DeliveryRules(level="critical", per_hour=1))

    assert all(gate.sends(number, NOW_MS, kind="digest") for number in range(5))


@given(st.lists(st.tuples(st.integers(0, 3 * HOUR_MS), st.sampled_from(["info", "critical"])), max_size=80))
def test_no_message_is_lost_each_is_sent_or_counted(steps: list[tuple[int, str]]) -> None:
    gate, sent, told, now_ms = Gate(DeliveryRules(per_hour=2)), 0, 0, NOW_MS
    for number, (later_ms, level) in enumerate(steps):
        now_ms += later_ms
        told += sum(int(title.split()[0]) for title in gate.releases(now_ms))
        sent += gate.sends(number, now_ms, level=level)

    assert sent + told + gate.state.held.total == len(steps)


@pytest.mark.parametrize("text", ["22:00-07:00", "22:00 - 7:00 UTC", "9:30-17:00 America/New_York"])
def test_quiet_hours_are_read(text: str) -> None:
    assert read_hours(text) is not None


@pytest.mark.parametrize("text", ["22-7", "25:00-07:00", "22:00-22:00", "22:00-07:00 Mars/Olympus", "22:00-07:00 ../x"])
def test_quiet_hours_that_mean_nothing_are_refused_with_an_example_or_the_reason(text: str) -> None:
    with pytest.raises(BadConfig, match=r"QUIET_HOURS[=:] ?\S"):
        parse(AlertSettings, [], quiet_hours=text)


@pytest.mark.parametrize(("text", "minute"), [("08:00", 480), ("8:05 Europe/Berlin", 485)])
def test_the_digests_time_is_read(text: str, minute: int) -> None:
    at = read_digest(text)

    assert at is not None
    assert at.minute == minute


@pytest.mark.parametrize("text", ["", "off", " OFF "])
def test_no_digest_is_said_so(text: str) -> None:
    assert read_digest(text) is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"digest_at": "noon"}, "DIGEST_AT=noon: expected a time"),
        ({"telegram_token": "1:x"}, "TELEGRAM_CHATS is not"),
        ({"telegram_chats": "12"}, "TELEGRAM_TOKEN is not"),
        ({"telegram_token": "1:x", "telegram_chats": "@me"}, "no chat's id"),
        ({"alert_level": "loud"}, "ALERT_LEVEL"),
    ],
)
def test_a_setting_that_cannot_be_used_says_which_and_why(given: dict[str, str], words: str) -> None:
    with pytest.raises(BadConfig, match=words):
        parse(AlertSettings, [], **given)


def test_nowhere_to_tell_is_refused_with_what_to_set() -> None:
    with pytest.raises(BadConfig, match="set ALERT_URLS"):
        parse(AlertSettings, []).check_targets()


def test_a_heartbeat_without_tls_on_another_machine_is_refused_without_its_key() -> None:
    with pytest.raises(RefusedForSafety, match=r"HEARTBEAT_URL \(hc.example\)") as refused:
        parse(AlertSettings, [], heartbeat_url="http://hc.example/4f1c9b7e-secret")
    assert "4f1c9b7e" not in str(refused.value)


def test_urls_are_told_apart_by_spaces_and_commas_between_them() -> None:
    settings = parse(AlertSettings, [], alert_urls="json://a/b?x=1,2, ntfy://topic\nmailto://u:p@h?to=a@b,c@d")

    assert settings.targets() == ("json://a/b?x=1,2", "ntfy://topic", "mailto://u:p@h?to=a@b,c@d")


def test_no_secret_stands_in_what_the_settings_publish() -> None:
    settings = parse(
        AlertSettings, [], alert_urls="json://a/SECRET1", telegram_token="1:SECRET2", telegram_chats="5",
        heartbeat_url="https://hc.example/SECRET3",
    )  # fmt: skip

    assert "SECRET" not in f"{settings!r} {settings.published()} {settings.upstream_urls()}"
