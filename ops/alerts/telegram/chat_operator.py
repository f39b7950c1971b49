"""Carry out what a chat that may command wrote: look, stop, and with a code sell all or go on."""

import secrets
from collections.abc import Callable, Sequence
from typing import Protocol

from ops.alerts.telegram.domain.bot_answers import ChatMessage
from ops.alerts.telegram.domain.chat_commands import ACTS, CODED, ChatCommand, help_text, is_stale, read_command
from ops.alerts.telegram.domain.code_book import LASTS_MS, AskedAction, CodeBook, ask_code, take_code
from shared import logs
from shared.clock import Clock
from shared.domain.errors import HybridError, TryAgain, Unconfirmed
from shared.domain.plain_text import plain_lines


class OperatorDesk(Protocol):
    """What can be looked at and done; `act` names the deed, so the same one is done once."""

    def look(self, name: str, rest: str) -> str:
        """Return what `status`, `positions`, `pnl` or `why` shows."""
        ...

    def lifted(self) -> Sequence[tuple[str, str]]:
        """Return each control that `resume` would lift: its ledger and its words."""
        ...

    def turn(self, name: str, modes: Sequence[str], *, who: str, why: str, act: str) -> str:
        """Carry out `pause`, `kill`, `flatten` or `resume`; return what was done."""
        ...


def random_code() -> str:
    """Return six digits that nobody can guess."""
    return f"{secrets.randbelow(1_000_000):06d}"


class ChatOperator:
    """Answers messages of chats that are on the list."""

    def __init__(self, desk: OperatorDesk, clock: Clock, new_code: Callable[[], str] = random_code) -> None:
        self._desk, self._clock, self._new_code = desk, clock, new_code
        self._codes = CodeBook()
        self._log = logs.get_logger("telegram")

    def answer(self, message: ChatMessage) -> str:
        """Carry out what was written; return the answer."""
        command = read_command(message.text)
        if command is None:
            return f"No such command.\n{help_text()}" if message.text.strip().startswith("/") else ""
        try:
            return plain_lines(self._answer(message, command))
        except Unconfirmed as error:
            self._log.warning("telegram_command_unconfirmed", who=message.who, command=command.name, error=str(error))
            return f"Done, and not safe yet: {error}."
        except TryAgain as error:
            self._log.warning("telegram_command_failed", who=message.who, command=command.name, error=str(error))
            return f"It is not known whether this was done: {error}. Look at /status, then say it again."
        except HybridError as error:
            return f"Not done: {error}"

    def _answer(self, message: ChatMessage, command: ChatCommand) -> str:
        if command.code:
            return self._confirmed(message, command.code)
        if command.name in ACTS and is_stale(message.sent_at_ms, self._clock.now_ms()):
            self._log.warning("telegram_command_stale", who=message.who, command=command.name)
            return f"/{command.name} was sent too long ago and is refused as stale. Say it again if you still want it."
        if command.name in CODED:
            return self._asked(message, command)
        if command.name in ACTS:
            return self._done(message, command.name, command.why, ())
        return help_text() if command.name == "help" else self._desk.look(command.name, command.rest)

    def _asked(self, message: ChatMessage, command: ChatCommand) -> str:
        """Ask for a code; say what it will do."""
        lifted = self._desk.lifted() if command.name == "resume" else ()
        if command.name == "resume" and not lifted:
            return "Nothing is stopped: there is nothing to resume."
        modes = tuple(dict.fromkeys(mode for mode, _ in lifted))
        code, until_ms = self._new_code(), self._clock.now_ms() + LASTS_MS
        action = AskedAction(name=command.name, why=command.why, code=code, until_ms=until_ms, modes=modes)
        self._codes = ask_code(self._codes, message.who, action)
        what = "\n".join(f"lifts {mode} {words}" for mode, words in lifted) or "stops buying and sells every lot"
        return f"/{command.name} {what}\nType {code} within a minute to do it."

    def _confirmed(self, message: ChatMessage, code: str) -> str:
        self._codes, action = take_code(self._codes, message.who, code, self._clock.now_ms())
        if action is None or is_stale(message.sent_at_ms, self._clock.now_ms()):
            return "No action waits for this code (wrong, used, or older than a minute). Say the command again."
        return self._done(message, action.name, action.why, action.modes)

    def _done(self, message: ChatMessage, name: str, why: str, modes: Sequence[str]) -> str:
        self._log.warning("telegram_command", who=message.who, command=name, why=why)
        return self._desk.turn(name, modes, who=message.who, why=why, act=f"telegram:{message.update_id}")
