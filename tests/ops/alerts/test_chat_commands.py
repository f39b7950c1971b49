"""What a chat may command: read, refused when old, confirmed by a code, done once; a stranger gets nothing."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.alerts.telegram.chat_operator import ChatOperator, random_code
from ops.alerts.telegram.domain.bot_answers import ChatMessage, read_updates
from ops.alerts.telegram.domain.chat_commands import COMMANDS, STALE_MS, read_command
from ops.alerts.telegram.domain.code_book import LASTS_MS
from shared.clock import ManualClock
from shared.domain.errors import BadConfig, HybridError, Malformed, Unavailable
from tests.ops.alerts.alert_builders import NOW_MS


class Desk:
    """Notes what it is asked to do."""

    def __init__(self) -> None:
        self.done: list[tuple[str, tuple[str, ...], str, str, str]] = []
        self.stopped: list[tuple[str, str]] = [("live", "kill: on since noon, by ann: odd fills")]
        self.fails: HybridError | None = None

    def look(self, name: str, rest: str) -> str:
        if self.fails:
            raise self.fails
        return f"{name} {rest}".strip()

    def lifted(self) -> Sequence[tuple[str, str]]:
        return self.stopped

    def turn(self, name: str, modes: Sequence[str], *, who: str, why: str, act: str) -> str:
        if self.fails:
            raise self.fails
        self.done.append((name, tuple(modes), who, why, act))
        return f"{name} done"


class Chat:
    """One person in one chat, on a clock that the test moves."""

    def __init__(self) -> None:
        self.desk, self.clock = Desk(), ManualClock(NOW_MS)
        self._codes: Iterator[str] = iter(f"{number:06d}" for number in range(111111, 999999))
        self.operator = ChatOperator(self.desk, self.clock, lambda: next(self._codes))
        self._number = 0

    def says(self, text: str, *, user: str = "ann", chat: str = "42", late_s: float = 0) -> str:
        self._number += 1
        at_ms = self.clock.now_ms() - round(late_s * 1000)
        return self.operator.answer(
            ChatMessage(update_id=self._number, chat=chat, user=user, user_id="7", sent_at_ms=at_ms, text=text)
        )


@pytest.mark.parametrize("text", ["/kill odd fills", "kill odd  fills", "/KILL@my_bot\nodd fills"])
def test_kill_and_pause_are_done_at_once_with_who_and_why(text: str) -> None:
    chat = Chat()

    assert chat.says(text) == "kill done"
    assert chat.desk.done == [("kill", (), "telegram:42/ann", "odd fills", "telegram:1")]


def test_without_a_reason_that_is_what_is_kept() -> None:
    chat = Chat()
    chat.says("/pause")

    assert chat.desk.done[0][3] == "by Telegram, no reason given"


def test_flatten_waits_for_its_code() -> None:
    chat = Chat()

    assert "Type 111111 within a minute" in chat.says("/flatten going away")
    assert chat.desk.done == []
    assert chat.says("111111") == "flatten done"
    assert chat.desk.done == [("flatten", (), "telegram:42/ann", "going away", "telegram:2")]


def test_resume_says_what_it_lifts_and_lifts_only_that() -> None:
    chat = Chat()

    answer = chat.says("/resume checked")
    chat.says("111111")

    assert "lifts live kill: on since noon, by ann: odd fills" in answer
    assert chat.desk.done == [("resume", ("live",), "telegram:42/ann", "checked", "telegram:2")]


def test_nothing_is_resumed_where_nothing_is_stopped() -> None:
    chat = Chat()
    chat.desk.stopped = []

    assert "nothing to resume" in chat.says("/resume")


def test_a_code_is_good_for_a_minute_and_once() -> None:
    chat = Chat()
    chat.says("/flatten")
    chat.clock.advance(LASTS_MS / 1000 + 0.1)
    assert "No action waits" in chat.says("111111")

    chat.says("/flatten")
    assert chat.says("111112") == "flatten done"
    assert "No action waits" in chat.says("111112")
    assert len(chat.desk.done) == 1


def test_one_wrong_code_ends_it() -> None:
    chat = Chat()
    chat.says("/flatten")

    assert "No action waits" in chat.says("000000")
    assert "No action waits" in chat.says("111111")
    assert chat.desk.done == []


@pytest.mark.parametrize(("user", "place"), [("bob", "42"), ("ann", "43")])
def test_a_code_is_only_good_for_who_asked_where_it_was_asked(user: str, place: str) -> None:
    chat = Chat()
    chat.says("/flatten")

    chat.says("111111", user=user, chat=place)
    assert chat.desk.done == []
    chat.says("111111")
    assert len(chat.desk.done) == 1


def test_the_last_thing_asked_for_is_what_a_code_confirms() -> None:
    chat = Chat()
    chat.says("/flatten")
    chat.says("/resume")

    assert "No action waits" in chat.says("111111")
    assert chat.desk.done == []


@pytest.mark.parametrize("command", ["pause", "kill", "flatten", "resume"])
def test_an_old_command_is_refused_as_stale(command: str) -> None:
    chat = Chat()

    assert "stale" in chat.says(f"/{command}", late_s=STALE_MS / 1000 + 1)
    assert chat.desk.done == []


def test_an_old_question_is_answered() -> None:
    assert Chat().says("/pnl", late_s=9999) == "pnl"


@pytest.mark.parametrize("command", ["status", "positions", "pnl", "why abcdef12"])
def test_questions_are_answered_and_do_nothing(command: str) -> None:
    chat = Chat()

    assert chat.says(f"/{command}") == command
    assert chat.desk.done == []


def test_help_names_every_command() -> None:
    assert all(f"/{name}" in Chat().says("/start") for name in COMMANDS)
    assert "No such command" in Chat().says("/selfdestruct")
    assert Chat().says("good morning") == ""


def test_a_server_that_is_away_leaves_it_unknown_whether_it_was_done() -> None:
    """Unknown is not no."""
    chat = Chat()
    chat.desk.fails = Unavailable("the server is away")

    assert chat.says("/kill").startswith("It is not known whether this was done")


def test_what_is_refused_says_so() -> None:
    chat = Chat()
    chat.desk.fails = BadConfig("nothing has this id")

    assert chat.says("/why abcdefgh") == "Not done: nothing has this id"


def test_codes_are_six_digits_drawn_by_lot() -> None:
    codes = {random_code() for _ in range(50)}

    assert all(len(code) == 6 and code.isdigit() for code in codes)
    assert len(codes) > 40


@given(st.text(max_size=80))
def test_nothing_but_a_command_is_carried_out(text: str) -> None:
    chat = Chat()
    chat.says(text)

    command = read_command(text)
    assert bool(chat.desk.done) <= bool(command and command.name in {"kill", "pause"})


def test_updates_that_cannot_be_read_keep_their_number_and_say_nothing() -> None:
    rows: list[dict[str, Any]] = [
        {"update_id": 3, "message": {"chat": {"id": 5}, "date": 1, "text": "/kill", "from": {"id": 9}}},
        {"update_id": 1, "message": {"chat": "odd"}},
        {"update_id": 2, "edited_message": {"chat": {"id": 5}}},
        {"update_id": 4, "message": {"chat": {"id": 5}, "date": 1, "photo": []}},
    ]

    found = read_updates(json.dumps(rows).encode())

    assert [(each.update_id, each.chat, each.text) for each in found] == [
        (1, "", ""),
        (2, "", ""),
        (3, "5", "/kill"),
        (4, "5", ""),
    ]
    assert found[2].who == "telegram:5/9"


@pytest.mark.parametrize("body", [b"{}", b"[1]", b"[", b'[{"message":{}}]'])
def test_what_is_no_list_of_updates_is_named(body: bytes) -> None:
    with pytest.raises(Malformed, match="telegram: no list of updates"):
        read_updates(body)
