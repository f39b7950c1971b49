"""Questions of a guided set-up: asked on a terminal, or answered by flags; each answer is checked the same way."""

from collections.abc import Callable, Mapping
from typing import Any

import questionary

from shared.domain.errors import BadConfig

Problem = Callable[[str], str]
"""Returns what is wrong with an answer and what to give instead, '' when nothing is."""
_YES, _NO = frozenset({"yes", "y", "true"}), frozenset({"no", "n", "false"})


def no_problem(_answer: str) -> str:
    """Take every answer."""
    return ""


class Questions:
    """Asks each question once: a flag answers it, else `--yes` takes the default, else the person is asked.

    Ctrl-C at any question is a `KeyboardInterrupt`.
    """

    def __init__(self, flags: Mapping[str, str | None], *, yes: bool, tell: Callable[[str], None]) -> None:
        self._flags, self._yes, self.tell = dict(flags), yes, tell

    @property
    def asks(self) -> bool:
        """Say whether there is somebody to ask."""
        return not self._yes

    def text(self, flag: str, question: str, *, default: str = "", problem: Problem = no_problem) -> str:
        """Return an answer in words.

        Raises:
            BadConfig: the flag's answer does not fit, or nobody can be asked and there is no default.
        """
        said = self._said(flag, default, problem)
        if said is not None:
            return said
        return str(_asked(questionary.text(question, default=default, validate=_validator(problem), qmark="?"))).strip()

    def secret(self, question: str, *, problem: Problem = no_problem) -> str:
        """Return an answer that is not shown while it is typed; no flag holds one, as others can see flags.

        Raises:
            BadConfig: nobody can be asked.
        """
        if self._yes:
            raise BadConfig(f"{question}: cannot be asked with --yes")
        return str(_asked(questionary.password(question, validate=_validator(problem), qmark="?"))).strip()

    def choose(self, flag: str, question: str, choices: Mapping[str, str], *, default: str) -> str:
        """Return the name of what was chosen; `choices` says what each name stands for.

        Raises:
            BadConfig: the flag names none of them.
        """
        said = self._said(flag, default, lambda answer: "" if answer in choices else f"one of {', '.join(choices)}")
        if said is not None:
            return said
        shown = [questionary.Choice(words, value=name) for name, words in choices.items()]
        standing = next(choice for choice in shown if choice.value == default)
        return str(_asked(questionary.select(question, shown, default=standing, qmark="?")))

    def confirm(self, flag: str, question: str, *, default: bool) -> bool:
        """Return yes or no.

        Raises:
            BadConfig: the flag says neither.
        """
        said = self._said(flag, "yes" if default else "no", lambda answer: "" if _is_word(answer) else "yes or no")
        if said is not None:
            return said.lower() in _YES
        # Not at the first key: who types `y` and Enter would answer the next question with the Enter.
        return bool(_asked(questionary.confirm(question, default=default, qmark="?", auto_enter=False)))

    def forget(self, flag: str) -> None:
        """Ask the next time, whatever the flag said: its answer was not taken."""
        if self._yes:
            raise BadConfig(f"--{flag}: not taken, as said above")
        self._flags[flag] = None

    def _said(self, flag: str, default: str, problem: Problem) -> str | None:
        """Return what the flag says, or the default where nobody is asked; None when a person must say it."""
        said = self._flags.get(flag)
        if said is None and not self._yes:
            return None
        answer = (default if said is None else said).strip()
        if wrong := problem(answer):
            raise BadConfig(f"--{flag}: {wrong}")
        return answer


def _is_word(answer: str) -> bool:
    return answer.lower() in _YES | _NO


def _validator(problem: Problem) -> Callable[[str], bool | str]:
    def judged(answer: str) -> bool | str:
        return problem(answer.strip()) or True

    return judged


def _asked(question: Any) -> Any:  # noqa: ANN401 - questionary's own
    """Ask; questionary's `ask` would swallow Ctrl-C."""
    return question.unsafe_ask()
