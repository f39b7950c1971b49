"""Hide secrets by the name they stand under and by their shape; never the ids a reader needs.

`token_id` and `tx_hash` are public facts of the venue and stay; `metrics_token` and `private_key` never show.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

HIDDEN = "***"

_SECRET_WORDS = frozenset(
    {
        "apikey",
        "authorization",
        "credential",
        "credentials",
        "key",
        "keys",
        "mnemonic",
        "passphrase",
        "passwd",
    }
    | {"password", "private", "secret", "secrets", "token"}
)
_PUBLIC_NAMES = frozenset({"public_key", "token_count", "token_id", "token_ids", "token_side"})
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")

_MOST_COUNTED = 2**63
_PLAIN_KINDS = frozenset({str, int, float, bool, type(None)})

# Every repetition is bounded: text from outside must cost no more than its length.
_SHAPES = (
    (re.compile(r"\b(\w{1,20}://)[^/\s@]{1,400}@"), rf"\1{HIDDEN}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(?i)((?:key|secret|private|mnemonic)\W[^\n]{0,24}?)(?:0x)?[0-9a-f]{64}\b"), rf"\1{HIDDEN}"),
)

_find_hint = re.compile("://|url: |key|secret|token|passphrase|password|private|mnemonic|bearer|basic").search
"""Each of these shapes and names holds one of these, whatever its case: nearly no text does."""
_ADDRESS = re.compile(r"\b(?:https?|wss?)://[^\s'\"<>]{1,2000}|(?<=\burl: )/[^\s'\"<>]{1,2000}")
"""A URL, or the path of one as urllib3 tells of it."""
_PART = re.compile(r"[^/?&=#.:,;()]{16,}")
_RUN = re.compile(r"[A-Za-z0-9]{16,}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PUBLIC = re.compile(r"0[xX](?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64})|\d+")
_LEAST_TOKEN = 20
_ALL_KINDS = frozenset("aAd")

_NAMED = re.compile(
    r"(?i)\b(?P<name>(?:\w{0,40}[_-])?(?P<kind>api_?key|key|secret|token|passphrase|password|private_?key))"
    r"(?P<sign>['\"]?\s*[=:]\s*['\"]?)(?!\*)(?P<value>[^\s'\",;&)}\]]+)"
)
_KEY_SHAPE = re.compile(r"(?<![0-9a-fA-F])(0[xX])?[0-9a-fA-F]{64}(?![0-9a-fA-F])")
_KINDS_OF_KEYS = frozenset({"key", "token", "apikey", "api_key", "privatekey", "private_key"})
_PROSE_SIGN = re.compile(r"\s*:\s+")
_PROSE_WORD = re.compile(r"[A-Za-z]{1,15}[:.!?]?")


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Say whether what stands under `name` is hidden whatever it looks like."""
    return name.lower() not in _PUBLIC_NAMES and any(word.lower() in _SECRET_WORDS for word in _WORD.findall(name))


def redact_secrets(value: Any, name: str = "") -> Any:  # noqa: ANN401 - any value of a log line or a snapshot
    """Return `value` with everything secret replaced, at any depth.

    What must be asked for its secret (pydantic's `SecretStr` and its like) is one; pydantic itself is not needed here,
    where every command line passes.
    """
    hidden = is_secret_name(name) and not _is_harmless(value)
    if isinstance(value, str):
        return HIDDEN if hidden else redact_text(value)
    if hidden or hasattr(value, "get_secret_value"):
        return HIDDEN
    if isinstance(value, Mapping):
        fields = cast("Mapping[Any, Any]", value)
        if _is_plain(fields):
            return fields
        return {key: redact_secrets(item, str(key)) for key, item in fields.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact_secrets(item) for item in cast("list[Any]", value)]
    return value


def _is_plain(fields: Mapping[Any, Any]) -> bool:
    """Say whether nothing in there is secret, seen at once: as in most lines, which hold words and numbers alone."""
    if not _PLAIN_KINDS.issuperset(map(type, fields.values())) or not _are_public(tuple(fields)):
        return False
    text = "\n".join([value for value in fields.values() if type(value) is str])
    return text.isascii() and not _find_hint(text.lower())


@lru_cache(maxsize=1024)
def _are_public(names: tuple[Any, ...]) -> bool:
    return not any(is_secret_name(str(name)) for name in names)


def _is_harmless(value: object) -> bool:
    """Say whether a value is no secret under any name: nothing, a switch, a count (a fencing token is one)."""
    return value is None or value == "" or (isinstance(value, int) and abs(value) < _MOST_COUNTED)


def redact_text(text: str) -> str:
    """Return `text` without passwords in URLs, bearer tokens, provider keys and private keys."""
    if text.isascii() and not _find_hint(text.lower()):
        return text
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    text = _ADDRESS.sub(lambda found: _PART.sub(_without_token, found[0]), text)
    return _NAMED.sub(_without_value, text)


def _without_token(found: re.Match[str]) -> str:
    return HIDDEN if _is_token(found[0]) else found[0]


def _is_token(part: str) -> bool:
    """Say whether a part of a URL looks like a node provider's key: hex or base64url, drawn by lot.

    Addresses, hashes and token ids are public. A slug is words and numbers between hyphens; a key mixes letters with
    digits, or upper with lower case, in one run.
    """
    if _PUBLIC.fullmatch(part):
        return False
    if _UUID.fullmatch(part):
        return True
    runs = _RUN.findall(part)
    return any(_is_mixed(run) for run in runs) or (len(part) >= _LEAST_TOKEN and _kinds(part) == _ALL_KINDS)


def _is_mixed(run: str) -> bool:
    return _kinds(run) in {frozenset("ad"), frozenset("Ad"), frozenset("aA"), _ALL_KINDS}


def _kinds(text: str) -> frozenset[str]:
    """Return which of lower case, upper case and digits occur."""
    tests = (("a", str.islower), ("A", str.isupper), ("d", str.isdigit))
    return frozenset(kind for kind, test in tests if any(test(sign) for sign in text))


def without_keys(text: str) -> str:
    """Return what a person typed without the words that have a private key's shape; a hash has it too."""
    return _KEY_SHAPE.sub("(hidden)", text)


def _without_value(found: re.Match[str]) -> str:
    """Return what was found without its value; the next word of a sentence about a setting or a key is none.

    `METRICS_TOKEN: python -m buyer has no such flag` is such a sentence; what a setting holds we write behind a `=`.
    """
    told_of = found["name"].isupper() or found.string[max(0, found.start() - 2) : found.start()] == "--"
    about = told_of or found["kind"].lower() in _KINDS_OF_KEYS
    if about and _PROSE_SIGN.fullmatch(found["sign"]) and _PROSE_WORD.fullmatch(found["value"]):
        return found[0]
    return f"{found['name']}{found['sign']}{HIDDEN}"
