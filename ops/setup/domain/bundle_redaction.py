"""Secrets taken out of what leaves this machine: those that are known, wherever they stand; all others by their shape.

A run of 64 hex digits is a key, or a public fact of the venue. It stays only under a name that our events give to
facts; elsewhere its place shows the start of its SHA-256, so that two of them can be compared and none can be found.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from shared.domain.redaction import HIDDEN, is_secret_name, redact_text

LEAST_CHARS = 6
"""Shorter secrets are words that stand everywhere."""
LEAST_RUN = 16
_HEX = re.compile(r"(?:0[xX])?([0-9a-fA-F]{2,})")
_PEM = re.compile(r"-----BEGIN [A-Z ]{3,40}-----.*?(?:-----END [A-Z ]{3,40}-----|\Z)", re.DOTALL)
_SPACED = re.compile(r"(?i)\b(?:(?:0x)?[0-9a-f]{2}[\s:,;-]{1,2}){15,}(?:0x)?[0-9a-f]{2}\b")
_WORDS = re.compile(r"\b(?:[a-z]{3,8}[ ,\t]{1,2}){11,}[a-z]{3,8}\b")
_URL = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]{1,19})://[^\s'\"<>|]{1,4000}")
_TELEGRAM = re.compile(r"\b(?:bot)?\d{5,14}:[\w-]{20,}")
_RUN = re.compile(r"[A-Za-z0-9+/_=-]{20,}")
_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")
_LONG_HEX = re.compile(r"(?:0[xX])?[0-9a-fA-F]{20,}")
_FACT = re.compile(r"(?:0[xX])?[0-9a-fA-F]{64}|\d{1,78}")
_KINDS = tuple(map(re.compile, ("[a-z]", "[A-Z]", "[0-9]")))
_OF_THE_WEB = frozenset({"http", "https", "ws", "wss", "redis", "rediss"})
_FACT_NAMES = frozenset(
    {"block_hash", "condition", "condition_id", "entry", "fact", "id", "intent_id", "limits_id", "order", "order_hash"}
    | {"order_id", "signal", "signal_id", "token", "token_id", "transaction", "transaction_hash", "tx_hash"}
)
_MOST_NUMBER = 2**63


class BundleRedactor:
    """Knows this installation's secrets; what it returns holds none of them, nor anything that looks like one."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {form for secret in secrets if len(secret) >= LEAST_CHARS for form in secret_forms(secret)}
        self._forms = sorted((form for form in known if len(form) >= LEAST_CHARS), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, self._forms)), re.IGNORECASE) if self._forms else None

    def text(self, text: str) -> str:
        """Return text for a bundle."""
        text = _PEM.sub(HIDDEN, self._known.sub(HIDDEN, text) if self._known else text)
        text = _SPACED.sub(HIDDEN, text)
        text = _URL.sub(_where, text)
        text = _TELEGRAM.sub(HIDDEN, _WORDS.sub(HIDDEN, text))
        return _RUN.sub(_told, redact_text(text))

    def value(self, value: Any, name: str = "") -> Any:  # noqa: ANN401 - any JSON value
        """Return a JSON value for a bundle, at any depth."""
        if isinstance(value, str):
            return self._under(value, name)
        if isinstance(value, Mapping):
            fields = cast("Mapping[Any, Any]", value)
            return {self.text(str(key)): self.value(item, str(key)) for key, item in fields.items()}
        if isinstance(value, list | tuple):
            return [self.value(item, name) for item in cast("list[Any]", value)]
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _MOST_NUMBER:
            return HIDDEN
        return value

    def holds_secret(self, text: str) -> bool:
        """Say whether something known is left; a bundle that holds it must not be written."""
        return bool(self._known and self._known.search(text))

    def _under(self, text: str, name: str) -> str:
        if name in _FACT_NAMES and _FACT.fullmatch(text) and not self.holds_secret(text):
            return text
        if is_secret_name(name) and text:
            return HIDDEN
        return self.text(text)


def secret_forms(secret: str) -> set[str]:
    """Return the forms of a secret: as it is, in base 64; a key as hex, bytes and number too."""
    raw = secret.strip()
    forms = {raw} | _encoded(raw.encode())
    hexed = _HEX.fullmatch(raw)
    if hexed and len(hexed[1]) % 2 == 0:
        digits = bytes.fromhex(hexed[1])
        forms |= {hexed[1], str(int(hexed[1], 16)), str(list(digits)), repr(digits)} | _encoded(digits)
    return forms


def _encoded(raw: bytes) -> set[str]:
    made = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(), raw.hex()}
    return made | {each.rstrip("=") for each in made}


def _where(found: re.Match[str]) -> str:
    """Return of a URL where it leads; of one that is no address of the web (apprise's) only its kind."""
    scheme, rest = found[1], found[0].partition("://")[2]
    if scheme.lower() not in _OF_THE_WEB:
        return f"{scheme}://{HIDDEN}"
    host, slash, path = rest.rpartition("@")[2].partition("/")
    host = host.partition("?")[0].partition("#")[0]
    return f"{scheme}://{host}" + (f"/{HIDDEN}" if slash and path else "")


def _told(found: re.Match[str]) -> str:
    """Return a long run of letters and digits as what it must be: an address, a word, or nothing to be shown."""
    run = found[0]
    if _ADDRESS.fullmatch(run):
        return run
    if _LONG_HEX.fullmatch(run):
        return _stand_in(run)
    parts = re.split(r"[-_/+=]", run)
    drawn = all(kind.search(run) for kind in _KINDS) or any(_mixed(part) for part in parts)
    return _stand_in(run) if drawn else run


def _mixed(part: str) -> bool:
    """Say whether letters and digits are drawn by lot: words and numbers stand apart."""
    return len(part) >= LEAST_RUN and len([kind for kind in _KINDS if kind.search(part)]) > 1


def _stand_in(run: str) -> str:
    digest = hashlib.sha256(run.lower().removeprefix("0x").encode()).hexdigest()
    return f"(hidden {digest[:8]})"
