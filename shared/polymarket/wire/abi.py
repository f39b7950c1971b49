"""The contract ABI, as little of it as our calls and logs need: pure, and judged by `eth-abi` in the tests.

| Python | Solidity |
|---|---|
| `int` | any unsigned number |
| `str` of 20 or 32 bytes in hex | `address`, `bytes32` |
| `bytes` | `bytes` |
| `list` | an array of any length |
| `tuple` | a struct |
"""

from collections.abc import Sequence
from typing import Any

from shared.domain.errors import Malformed

WORD = 32
_ADDRESS = 20

Value = int | str | bytes | Sequence[Any]


def encoded_call(selector: str, *values: Value) -> str:
    """Return call data in hex: a selector (`0x` and 8 digits) and its arguments."""
    return selector + encode_words(*values).hex()


def encode_words(*values: Value) -> bytes:
    """Encode arguments, or the fields of a struct, or the items of an array."""
    heads = [b"" if _is_dynamic(value) else _one(value) for value in values]
    at = sum(len(head) or WORD for head in heads)
    tails: list[bytes] = []
    for place, value in enumerate(values):
        if _is_dynamic(value):
            heads[place] = _number(at)
            tails.append(_one(value))
            at += len(tails[-1])
    return b"".join(heads) + b"".join(tails)


def split_words(data: object) -> list[int]:
    """Return the 32-byte words of an answer or of a log's data.

    Raises:
        Malformed: it is no hex, or not whole words.
    """
    digits = data.removeprefix("0x") if isinstance(data, str) else "?"
    if len(digits) % (2 * WORD):
        raise Malformed(f"{len(digits)} hex digits are no whole words: {str(data)[:80]!r}")
    try:
        return [int(digits[at : at + 2 * WORD], 16) for at in range(0, len(digits), 2 * WORD)]
    except ValueError as error:
        raise Malformed(f"expected hex, got {str(data)[:80]!r}") from error


def array_word(read: Sequence[int], place: int) -> list[int]:
    """Return the array of numbers that argument `place` of these words points to.

    Raises:
        Malformed: it points outside.
    """
    try:
        start = read[place] // WORD
        items = list(read[start + 1 : start + 1 + read[start]])
    except (IndexError, OverflowError) as error:
        raise Malformed(f"argument {place} points outside of {len(read)} words") from error
    if len(items) != read[start]:
        raise Malformed(f"argument {place} holds {len(items)} of {read[start]} items")
    return items


def address_of(number: int) -> str:
    """Return a word as an address, lower case."""
    return f"0x{number % (1 << 160):040x}"


def hash_word(number: int) -> str:
    """Return a word as 32 bytes in hex."""
    return f"0x{number:064x}"


def _one(value: Value) -> bytes:
    match value:
        case int():
            return _number(value)
        case str():
            return _fixed(value)
        case bytes():
            return _number(len(value)) + value + bytes(-len(value) % WORD)
        case tuple():
            return encode_words(*value)
        case _:
            return _number(len(value)) + encode_words(*value)


def _is_dynamic(value: Value) -> bool:
    if isinstance(value, tuple):
        return any(_is_dynamic(each) for each in value)
    return not isinstance(value, int | str)


def _number(value: int) -> bytes:
    if not 0 <= value < 1 << 256:
        raise Malformed(f"{value} is no unsigned 256-bit number")
    return value.to_bytes(WORD, "big")


def _fixed(value: str) -> bytes:
    try:
        raw = bytes.fromhex(value.removeprefix("0x"))
    except ValueError as error:
        raise Malformed(f"expected hex, got {value[:80]!r}") from error
    if len(raw) not in {_ADDRESS, WORD}:
        raise Malformed(f"{value} is neither an address nor 32 bytes")
    return raw.rjust(WORD, b"\x00")
