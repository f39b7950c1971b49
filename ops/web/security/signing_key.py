"""The key of sessions and links: a file that only its owner reads, so that a restart logs nobody out."""

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from shared.domain.errors import RefusedForSafety

_NAME = "session.key"
_BYTES = 32
_OTHERS = 0o077


def open_key(folder: Path) -> bytes:
    """Return the key of `folder`, made at the first call; deleting the file logs everybody out.

    Raises:
        RefusedForSafety: others can read it, or it is no key.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / _NAME
    with contextlib.suppress(FileExistsError):
        made = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(made, "w", encoding="ascii") as out:
            out.write(secrets.token_hex(_BYTES))
    if file.stat().st_mode & _OTHERS:
        raise RefusedForSafety(f"{file}: others can read it, so they could log in: delete it, a new one is made")
    text = file.read_text(encoding="ascii", errors="replace").strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _BYTES:
        raise RefusedForSafety(f"{file}: holds no key: delete it, a new one is made")
    return key


def sign(key: bytes, purpose: str, text: str) -> str:
    """Return the signature of `text` for one purpose: what was signed for another is worth nothing."""
    return hmac.new(key, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()


def is_signed(key: bytes, purpose: str, text: str, signature: str) -> bool:
    """Say whether a signature is ours, in a time that tells nothing."""
    return hmac.compare_digest(sign(key, purpose, text).encode(), signature.encode())
