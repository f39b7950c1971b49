"""The venue's answer to an order: what is certain is said, what is not is found out."""

import json
from typing import Any

import pytest

from buyer.venue.polymarket.wire.order_responses import (
    AcceptedOrder,
    BarredAccount,
    Contradicted,
    KnownOrder,
    NotNowResponse,
    RefusedOrder,
    UnknownOutcome,
    read_answer,
)
from tests.amounts import D


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
    (200, taken("matched"), AcceptedOrder),
    (200, taken("live"), AcceptedOrder),
    (200, taken("delayed"), AcceptedOrder),
    (400, said(error="order match delayed due to market conditions"), AcceptedOrder),
    (200, taken("unmatched", **NO_MATCH), RefusedOrder),
    (200, taken("unmatched", **{**NO_MATCH, "makingAmount": "0"}), RefusedOrder),
    (200, taken(success=False, errorMsg="invalid nonce", **NO_MATCH), RefusedOrder),
    (200, taken("unmatched"), Contradicted),
    (200, taken(success=False, errorMsg="invalid nonce"), Contradicted),
    (200, refused(tradeIDs=["t-1"]), Contradicted),
    (200, refused(transactionsHashes=["0x1"]), Contradicted),
    (200, refused(takingAmount="no number"), Contradicted),
    (200, refused(), RefusedOrder),
    (400, taken(success=False, errorMsg="no orders found to match with FAK order"), Contradicted),
    (500, taken(success=False, errorMsg="order timed out"), Contradicted),
    (400, said(error="not enough balance / allowance"), RefusedOrder),
    (400, said(error="order 0xab is invalid. Price breaks minimum tick size rule: 0.01"), RefusedOrder),
    (400, said(error="order 0xab is invalid. Size lower than the minimum: 5"), RefusedOrder),
    (
        400,
        said(error="no orders found to match with FAK order. FAK orders are partially filled or killed"),
        RefusedOrder,
    ),
    (400, said(error="maker address not allowed, please use the deposit wallet flow"), RefusedOrder),
    (400, said(error="address in closed only mode"), RefusedOrder),
    (401, said(error="Unauthorized/Invalid api key"), BarredAccount),
    (403, b"<html><title>Attention Required! | Cloudflare</title></html>", BarredAccount),
    (451, b"", BarredAccount),
    (400, said(error="order 0xab is invalid. Duplicated."), KnownOrder),
    (200, taken(success=False, errorMsg="Duplicated"), KnownOrder),
    (425, said(error="Too Early"), NotNowResponse),
    (425, b"", NotNowResponse),
    (429, said(error="rate limit"), NotNowResponse),
    (503, said(error="post_only_mode", retry_after_seconds=90), NotNowResponse),
    (503, said(error="trading disabled"), NotNowResponse),
    (400, said(error="the market is not yet ready to process new orders"), NotNowResponse),
    (400, said(error="post-only mode: only post-only orders and cancels are allowed"), NotNowResponse),
    (500, said(error="order timed out"), UnknownOutcome),
    (500, b"oops", UnknownOutcome),
    (502, b"<html>Bad gateway</html>", UnknownOutcome),
    (503, said(error="something else"), UnknownOutcome),
    (408, b"", UnknownOutcome),
    (404, b"<html>not the API</html>", UnknownOutcome),
    (302, b"", UnknownOutcome),
    (200, b'{"success":tr', UnknownOutcome),
    (200, taken(orderID="", **NO_MATCH), UnknownOutcome),
    (200, taken("something new", **NO_MATCH), UnknownOutcome),
    (200, taken(orderID=""), Contradicted),
    (200, b"[]", UnknownOutcome),
)


@pytest.mark.pitfall(20)
@pytest.mark.parametrize(("status", "text", "kind"), TABLE)
def test_each_answer_means_what_the_table_says(status: int, text: bytes, kind: type[Any]) -> None:
    assert type(read_answer(status, text)) is kind


def test_what_matched_at_once_is_read_exactly_and_an_empty_amount_is_none() -> None:
    assert read_answer(200, taken()) == AcceptedOrder("matched", D("4.99"), D("9.61"), ("t-1",))
    empty = read_answer(200, taken("live", makingAmount="", takingAmount="", tradeIDs=None))
    assert empty == AcceptedOrder("live")


def test_when_to_come_back_is_the_headers_word_or_the_bodys() -> None:
    assert read_answer(429, b"{}", 7.0) == NotNowResponse("429: {}", 7.0)
    late = read_answer(503, said(error="post_only_mode", retry_after_seconds=90))
    assert isinstance(late, NotNowResponse)
    assert late.after_s == 90
