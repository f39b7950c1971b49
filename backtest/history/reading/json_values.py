"""Values of a text of JSON in any wrapping, one after the other, in memory that does not grow with their number.

Arrays, pages one a line, pages appended, lines with blank ones between: commas, brackets and spaces between values are
passed over, so all of them are one sequence. The page's number grows where an array ends.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Protocol

CHUNK = 1 << 20
_BETWEEN = re.compile(r"[\s,\x1e\ufeff]*")
_NEAR_END = 64
"""An error so near the end of what was read may be its end only."""
_CUT = "Unterminated string"
_DECODER = json.JSONDecoder(parse_float=Decimal)


class ReadableText(Protocol):
    """Something that gives the next so many characters, '' at its end."""

    def read(self, size: int, /) -> str:
        """Return them."""
        ...


def json_values(text: ReadableText) -> Iterator[tuple[int, object]]:
    """Yield each value with its page; what is no JSON comes as the text of its line."""
    buffer, at, page, ended = "", 0, 0, False
    while True:
        at = _BETWEEN.match(buffer, at).end()  # type: ignore[union-attr] - it matches nothing, too
        if at < len(buffer) and buffer[at] in "[]":
            page += buffer[at] == "]"
            at += 1
            continue
        if at < len(buffer):
            try:
                value, at = _DECODER.raw_decode(buffer, at)
            except json.JSONDecodeError as error:
                if ended or _is_torn(error, buffer):
                    end = buffer.find("\n", at)
                    torn, at = buffer[at : None if end < 0 else end], len(buffer) if end < 0 else end
                    yield page, torn
                    continue
            else:
                yield page, value
                continue
        if ended:
            return
        more = text.read(max(CHUNK, len(buffer) - at))
        buffer, at, ended = buffer[at:] + more, 0, not more


def _is_torn(error: json.JSONDecodeError, buffer: str) -> bool:
    return not error.msg.startswith(_CUT) and error.pos < len(buffer) - _NEAR_END
