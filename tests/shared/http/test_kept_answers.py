"""For how long a cache on the way had kept an answer (pitfall 56)."""

import pytest
from requests.structures import CaseInsensitiveDict

from shared.http.response import kept_ms


@pytest.mark.pitfall(56)
@pytest.mark.parametrize(
    ("headers", "milliseconds"),
    [
        ({}, 0),
        ({"Age": "0"}, 0),
        ({"age": "12"}, 12_000),
        ({"Age": "12", "CF-Cache-Status": "MISS"}, 12_000),
        ({"CF-Cache-Status": "DYNAMIC", "Cache-Control": "max-age=300"}, 0),
        ({"X-Cache": "Miss from cloudfront", "Cache-Control": "public, max-age=300"}, 0),
        ({"X-Cache": "Hit from cloudfront", "Cache-Control": "public, max-age=300"}, 300_000),
        ({"CF-Cache-Status": "HIT", "Cache-Control": "s-maxage=9, max-age=15"}, 15_000),
        ({"CF-Cache-Status": "UPDATING"}, 60_000),
        ({"Age": "soon", "X-Cache": "Hit"}, 60_000),
    ],
)
def test_an_answer_is_as_old_as_its_cache_says_or_may_let_it_be(headers: dict[str, str], milliseconds: int) -> None:
    assert kept_ms(CaseInsensitiveDict(headers)) == milliseconds
