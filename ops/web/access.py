"""What a page asks of whoever asks for it: a session to read, an operator's form to act."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Form, Request

from ops.web.security.tokens import Pass
from ops.web.web_parts import parts_of, session_of


class LoginNeeded(Exception):
    """Nobody we know asked for a page."""


class NotAllowed(Exception):
    """Somebody we know asked for what he may not do; the text says why."""


def need_viewer(request: Request) -> Pass:
    """Return who asks.

    Raises:
        LoginNeeded: nobody we know, or a session that is over.
    """
    session = session_of(request)
    if session is None:
        raise LoginNeeded
    return session


Viewer = Annotated[Pass, Depends(need_viewer)]


@dataclass(frozen=True)
class ActingPerson:
    """An operator who sent a form; `once` is the form's own word, so that it counts once."""

    session: Pass
    once: str

    @property
    def who(self) -> str:
        """Return him as the record names him."""
        return f"web:{self.session.name}"


def need_operator(
    request: Request, session: Viewer, csrf: Annotated[str, Form()] = "", once: Annotated[str, Form()] = ""
) -> ActingPerson:
    """Return who acts.

    Raises:
        LoginNeeded: nobody we know.
        NotAllowed: a viewer, or a form that no page of this session made.
    """
    if session.role != "operator":
        raise NotAllowed("This login may only look. `hybrid web --link` makes one that may act.")
    if not parts_of(request).keeper.is_form_word(session, csrf):
        raise NotAllowed("This form is not of your session: load the page anew and send it again.")
    return ActingPerson(session, once)


Operator = Annotated[ActingPerson, Depends(need_operator)]
