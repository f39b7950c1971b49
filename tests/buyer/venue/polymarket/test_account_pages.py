"""What a listing of our account must hold before it says that something is not there."""

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from buyer.venue.polymarket.account import AccountApi
from buyer.venue.polymarket.credentials import RequestHeaders
from buyer.venue.polymarket.venue_time import VenueTime
from shared.clock import ManualClock
from shared.domain.errors import Malformed
from shared.http.client import Upstream
from shared.http.response import HttpResponse
from shared.polymarket.polygon import PolygonClient

pytestmark = pytest.mark.pitfall(33)
HASH = "0x" + "ab" * 32
OURS: dict[str, Any] = {"taker_order_id": HASH, "status": "CONFIRMED"}
LAST: dict[str, Any] = {"data": [], "next_cursor": "LTE="}
NOTHING_SAID: list[object] = [
    {},
    {"error": "internal: trades unavailable"},
    {"error": "internal", "next_cursor": "LTE="},
    {"data": []},
    {"data": [], "next_cursor": ""},
    {"data": [], "next_cursor": None},
    {"data": None, "next_cursor": "MTAw"},
    {"data": {}, "next_cursor": "LTE="},
    {"data": ["x"], "next_cursor": "LTE="},
    {"data": [{"error": "x"}], "next_cursor": "LTE="},
    [],
]


def request(_method: str, path: str, **_: object) -> dict[str, str]:
    return {"path": path}


def headers(*_: object) -> dict[str, str]:
    return {}


def account(*pages: object) -> AccountApi:
    """Return an account that has no such order, and these pages of trades; the last comes again and again."""
    left = list(pages)

    def send(asked: Mapping[str, Any]) -> HttpResponse:
        if "order" in asked["path"]:
            return HttpResponse(404, {}, b'{"error":"order not found"}')
        page = left.pop(0) if len(left) > 1 else left[0]
        return HttpResponse(200, {}, json.dumps(page).encode())

    clob = SimpleNamespace(name="clob", send=send, request=request)
    requests = SimpleNamespace(headers=headers, time=VenueTime())
    return AccountApi(
        cast("Upstream", clob), cast("RequestHeaders", requests), cast("PolygonClient", None), clock=ManualClock()
    )


@pytest.mark.parametrize("page", NOTHING_SAID)
def test_an_answer_without_rows_that_can_be_read_is_no_word_that_there_are_none(page: object) -> None:
    with pytest.raises(Malformed):
        account(page).shown(HASH, "1", 0)
    with pytest.raises(Malformed):
        account({"data": [OURS], "next_cursor": "MTAw"}, page).shown(HASH, "1", 0)


def test_a_cursor_that_comes_again_is_no_end_of_the_list() -> None:
    with pytest.raises(Malformed, match="came again"):
        account({"data": [], "next_cursor": "MTAw"}).shown(HASH, "1", 0)


LAST_NULL: dict[str, Any] = {"data": None, "next_cursor": "LTE="}


@pytest.mark.parametrize("last", [LAST, LAST_NULL])
def test_only_the_named_last_page_says_that_there_are_no_more(last: object) -> None:
    assert account(last).shown(HASH, "1", 0) is None

    seen = account({"data": [OURS], "next_cursor": "MTAw"}, last).shown(HASH, "1", 0)
    assert seen is not None
    assert seen.words == "a trade that is CONFIRMED"
