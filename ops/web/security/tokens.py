"""What we hand out and believe when it comes back: a signed value with its end, for one purpose."""

import base64
import binascii
import json
import secrets
from typing import Literal

import msgspec

from ops.web.security.signing_key import is_signed, sign
from shared.domain.value import Value

Role = Literal["operator", "viewer"]
"""`viewer` reads; `operator` acts, too."""


class Pass(Value, frozen=True, kw_only=True):
    """Who somebody is, as what, and until when (UTC milliseconds); `id` names this one pass."""

    id: str
    name: str
    role: Role
    ends_ms: int


def new_pass(name: str, role: Role, ends_ms: int) -> Pass:
    """Return a pass with an id that nobody can guess."""
    return Pass(id=secrets.token_hex(16), name=name, role=role, ends_ms=ends_ms)


def write_token(key: bytes, purpose: str, given: Pass) -> str:
    """Return a pass as a text for a cookie or a link."""
    body = base64.urlsafe_b64encode(json.dumps(msgspec.structs.asdict(given)).encode()).decode().rstrip("=")
    return f"{body}.{sign(key, purpose, body)}"


def read_token(key: bytes, purpose: str, text: str, now_ms: int) -> Pass | None:
    """Return the pass of a token; None where it is not ours, not for this, or over."""
    body, _, signature = text.partition(".")
    if not signature or not is_signed(key, purpose, body, signature):
        return None
    try:
        plain = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        found = msgspec.json.decode(plain, type=Pass)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        return None
    return found if now_ms < found.ends_ms else None
