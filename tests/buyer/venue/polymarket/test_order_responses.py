"""The venue's answer to an order: what is certain is said, what is not is found out."""

import json
from decimal import Decimal
from typing import Any

import pytest

from buyer.venue.polymarket.wire.order_responses import (
    Accepted,
    Barred,
    Contradicted,
    Known,
    NotNow,
    Refused,
    Unknown,
    read_answer,
)


def said(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def taken(status: str = "matched", **changes: Any) -> bytes:
    whole = {"success": True, "errorMsg": "", "orderID": "0xab", "status": status, "makingAmount": "4.99"}
    return said(**{**whole, "takingAmount": "9.61", "tradeIDs": ["t-1"], **changes})


NO_MATCH: dict[str, Any] = {"makingAmount": "", "takingAmount": "", "tradeIDs": []}


def refused(**changes: Any) -> bytes:
    whole: dict[str, Any] = {"success": False, "errorMsg": "no", **NO_MATCH, **changes}
    return taken(**whole)


TABLE: tuple[tuple[int, bytes, type[Any]], ...] = (
    (200, taken("matched"), Accepted),
    (200, taken("live"), Accepted),
    (200, taken("delayed"), Accepted),
    (400, said(error="order match delayed due to market conditions"), Accepted),
    (200, taken("unmatched", **NO_MATCH), Refused),
    (200, taken("unmatched", **{**NO_MATCH, "makingAmount": "0"}), Refused),
    (200, taken(success=False, errorMsg="invalid nonce", **NO_MATCH), Refused),
    (200, taken("unmatched"), Contradicted),
    (200, taken(success=False, errorMsg="invalid nonce"), Contradicted),
    (200, refused(tradeIDs=["t-1"]), Contradicted),
    (200, refused(transactionsHashes=["0x1"]), Contradicted),
    (200, refused(takingAmount="no number"), Contradicted),
    (200, refused(), Refused),
    (400, taken(success=False, errorMsg="no orders found to match with FAK order"), Contradicted),
    (500, taken(success=False, errorMsg="order timed out"), Contradicted),
    (400, said(error="not enough balance / allowance"), Refused),
    (400, said(error="order 0xab is invalid. Price breaks minimum tick size rule: 0.01"), Refused),
    (400, said(error="order 0xab is invalid. Size lower than the minimum: 5"), Refused),
    (400, said(error="no orders found to match with FAK order. FAK orders are partially filled or killed"), Refused),
    (400, said(error="maker address not allowed, please use the deposit wallet flow"), Refused),
    (400, said(error="address in closed only mode"), Refused),
    (401, said(error="Unauthorized/Invalid api key"), Barred),
    (403, b"<html><title>Attention Required! | Cloudflare</title></html>", Barred),
    (451, b"", Barred),
    (400, said(error="order 0xab is invalid. Duplicated."), Known),
    (200, taken(success=False, errorMsg="Duplicated"), Known),
    (425, said(error="Too Early"), NotNow),
    (425, b"", NotNow),
    (429, said(error="rate limit"), NotNow),
    (503, said(error="post_only_mode", retry_after_seconds=90), NotNow),
    (503, said(error="trading disabled"), NotNow),
    (400, said(error="the market is not yet ready to process new orders"), NotNow),
    (400, said(error="post-only mode: only post-only orders and cancels are allowed"), NotNow),
    (500, said(error="order timed out"), Unknown),
    (500, b"oops", Unknown),
    (502, b"<html>Bad gateway</html>", Unknown),
    (503, said(error="something else"), Unknown),
    (408, b"", Unknown),
    (404, b"<html>not the API</html>", Unknown),
    (302, b"", Unknown),
    (200, b'{"success":tr', Unknown),
    (200, taken(orderID="", **NO_MATCH), Unknown),
    (200, taken("something new", **NO_MATCH), Unknown),
    (200, taken(orderID=""), Contradicted),
    (200, b"[]", Unknown),
)


@pytest.mark.parametrize(("status", "text", "kind"), TABLE)
def test_trap_20_each_answer_means_what_the_table_says(status: int, text: bytes, kind: type[Any]) -> None:
    assert type(read_answer(status, text)) is kind


def test_what_matched_at_once_is_read_exactly_and_an_empty_amount_is_none() -> None:
    assert read_answer(200, taken()) == Accepted("matched", Decimal("4.99"), Decimal("9.61"), ("t-1",))
    empty = read_answer(200, taken("live", makingAmount="", takingAmount="", tradeIDs=None))
    assert empty == Accepted("live")


def test_when_to_come_back_is_the_headers_word_or_the_bodys() -> None:
    assert read_answer(429, b"{}", 7.0) == NotNow("429: {}", 7.0)
    late = read_answer(503, said(error="post_only_mode", retry_after_seconds=90))
    assert isinstance(late, NotNow)
    assert late.after_s == 90
