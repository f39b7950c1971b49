"""Logins and sessions: a link that works once, a token where one is set, and the cookie that follows."""

import hmac
import re
from pathlib import Path

from ops.web.security.signing_key import is_signed, open_key, sign
from ops.web.security.spent_marks import SpentMarks
from ops.web.security.tokens import Pass, Role, new_pass, read_token, write_token
from shared.clock import Clock
from shared.domain.plain_text import make_plain

_LINK, _SESSION, _FORM = "link", "session", "form"
_LONGEST_NAME = 32
_ID = re.compile(r"[0-9a-f]{32}")


class Gatekeeper:
    """Lets in who has a link or the token, and knows them again.

    Args:
        folder: Where the key and the marks of used links and ended sessions stand.
        clock: The time.
        link_s: Seconds for which a link can be used.
        session_s: Seconds until a session ends.
        token: The word that logs in without a link; '' where there is none.
    """

    def __init__(self, folder: Path, clock: Clock, *, link_s: float, session_s: float, token: str = "") -> None:
        self._key, self._clock = open_key(folder), clock
        self._spent = SpentMarks(folder / "spent", clock.now_ms())
        self._link_ms, self._session_ms, self._token = round(link_s * 1000), round(session_s * 1000), token

    @property
    def asks_token(self) -> bool:
        """Say whether there is a word that logs in."""
        return bool(self._token)

    def new_link(self, name: str, role: Role) -> str:
        """Return the word of a new login link."""
        return write_token(self._key, _LINK, new_pass(plain_name(name), role, self._clock.now_ms() + self._link_ms))

    def read_link(self, word: str) -> Pass | None:
        """Return what a link gives, without using it; None when it is over, used, or not ours."""
        found = read_token(self._key, _LINK, word, self._clock.now_ms())
        return None if found is None or self._spent.is_spent(found.id) else found

    def use_link(self, word: str, name: str = "") -> Pass | None:
        """Use a link: return the session that it gives, to whoever is first; None when it gives none."""
        found = self.read_link(word)
        if found is None or not self._spent.spend(found.id):
            return None
        return self._session(plain_name(name) or found.name, found.role)

    def use_token(self, word: str, name: str = "") -> Pass | None:
        """Return the session of who knows the token."""
        if not self._token or not hmac.compare_digest(word.encode(), self._token.encode()):
            return None
        return self._session(plain_name(name) or "operator", "operator")

    def cookie_of(self, session: Pass) -> str:
        """Return a session as its cookie's value."""
        return write_token(self._key, _SESSION, session)

    def session_of(self, cookie: str) -> Pass | None:
        """Return the session of a cookie; None when there is none, or none any more."""
        found = read_token(self._key, _SESSION, cookie, self._clock.now_ms())
        known = found is not None and _ID.fullmatch(found.id) is not None
        return found if found is not None and known and not self._spent.is_spent(found.id) else None

    def end_session(self, session: Pass) -> None:
        """End a session for good, in every copy of its cookie."""
        self._spent.spend(session.id)

    def form_word(self, session: Pass) -> str:
        """Return the word that each form of a session carries: another site cannot know it."""
        return sign(self._key, _FORM, session.id)

    def is_form_word(self, session: Pass, word: str) -> bool:
        """Say whether a form came from a page of this session."""
        return is_signed(self._key, _FORM, session.id, word)

    def _session(self, name: str, role: Role) -> Pass:
        return new_pass(name, role, self._clock.now_ms() + self._session_ms)


def plain_name(text: str) -> str:
    """Return a name as it may stand in the record: one short line."""
    return make_plain(text).strip()[:_LONGEST_NAME]
