"""A venue that refuses an order before its API: a stray answer is asked about again, a lasting one stops the buyer."""

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from buyer.venue.polymarket.account import AccountApi
from buyer.venue.polymarket.ban_detector import MOST, PATIENCE_S, Refusals
from buyer.venue.polymarket.client import PolymarketVenue
from buyer.venue.polymarket.credentials import ApiKey, RequestHeaders
from buyer.venue.polymarket.order_signing import TradingWallet, WalletKind
from buyer.venue.polymarket.signer import OrderSigner
from shared.clock import ManualClock
from shared.domain.errors import OutcomeUnknown, RefusedForSafety, Unavailable
from shared.http.client import Upstream
from shared.http.response import HttpResponse
from shared.ledger.gated_commit import GateTurns
from shared.rate_limit.gate import RateGate
from tests.buyer.builders import NOW_MS, a_market
from tests.buyer.domain.test_postings import an_order

PAGE = b"<html><title>Attention Required! | Cloudflare</title></html>"
TAKEN = (
    b'{"success":true,"errorMsg":"","orderID":"0x1","status":"matched","makingAmount":"4.9","takingAmount":"9",'
    b'"tradeIDs":["t"]}'
)


class Gate:
    """A gate that is open."""

    def acquire(self, stop: threading.Event, lane: object) -> bool:
        del stop, lane
        return True

    def succeeded(self) -> None:
        pass


class Orders:
    """An upstream that answers as a test says, in order."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers = list(answers)
        self.bodies: list[str] = []

    def request(self, method: str, path: str, **given: Any) -> str:
        del method, path
        return str(given["body"])

    def send(self, request: str) -> HttpResponse:
        self.bodies.append(request)
        status, body = self.answers.pop(0)
        return HttpResponse(status, {}, body)


class Owner:
    """An account; `closed_only` says whether it may only close positions."""

    def __init__(self, closed_only: Callable[[], bool]) -> None:
        self.closed_only = closed_only


class Desk:
    """A live venue, and what it sends."""

    def __init__(self, *answers: tuple[int, bytes], closed_only: Callable[[], bool] = lambda: False) -> None:
        signer = OrderSigner(SecretStr("11" * 32))
        self.orders, self.barred = Orders(*answers), list[str]()
        self.venue = PolymarketVenue(
            cast("Upstream", self.orders),
            GateTurns(cast("RateGate", Gate()), threading.Event()),
            cast("AccountApi", Owner(closed_only)),
            signer=signer,
            wallet=TradingWallet(WalletKind.EOA, signer.address, signer.address),
            requests=RequestHeaders(
                signer.address, ApiKey(*(SecretStr(word) for word in ("key", "c2VjcmV0", "phrase")))
            ),
            clock=ManualClock(NOW_MS),
            buys_barred=self.barred.append,
        )

    def prepared(self, name: str = "o") -> str:
        return self.venue.prepare(self.order(name), a_market(), NOW_MS)

    def place(self, prepared: str, name: str = "o") -> str:
        return self.venue.place(self.order(name), a_market(), prepared).state

    def order(self, name: str) -> Any:
        return replace(an_order(), id=name, signal_id="ab" * 32)

    def refuse(self, prepared: str, name: str = "o") -> None:
        with pytest.raises(OutcomeUnknown, match="Cloudflare"):
            self.place(prepared, name)


def gone() -> bool:
    raise Unavailable("the venue is away")


@pytest.mark.pitfall(20)
@pytest.mark.parametrize("status", [403, 451])
def test_a_stray_refusal_leaves_the_outcome_unknown_and_the_same_bytes_go_again(status: int) -> None:
    desk = Desk((status, PAGE), (200, TAKEN))
    order = desk.prepared()

    desk.refuse(order)

    assert desk.place(order) == "MATCHED"
    assert len(set(desk.orders.bodies)) == 1


def test_an_order_refused_again_and_again_stops_the_buyer() -> None:
    desk = Desk(*[(403, PAGE)] * MOST, closed_only=gone)
    order = desk.prepared()
    for _ in range(MOST - 1):
        desk.refuse(order)

    with pytest.raises(RefusedForSafety, match="GEOBLOCK_URL"):
        desk.place(order)


def test_several_orders_refused_at_once_are_one_stray_moment() -> None:
    desk = Desk(*[(403, PAGE)] * (MOST + 1), (200, TAKEN))
    orders = {name: desk.prepared(name) for name in "abcd"}

    for name, order in orders.items():
        desk.refuse(order, name)

    assert desk.place(orders["a"], "a") == "MATCHED"


def test_any_other_answer_ends_the_row() -> None:
    desk = Desk((403, PAGE), (403, PAGE), (200, TAKEN), (403, PAGE))
    order = desk.prepared()
    desk.refuse(order)
    desk.refuse(order)
    desk.place(order)

    desk.refuse(order)


def test_a_buy_of_an_account_that_may_only_close_is_rejected_and_no_other_sent_while_the_buyer_goes_on() -> None:
    desk = Desk((403, PAGE), closed_only=lambda: True)

    assert desk.place(desk.prepared()) == "REJECTED"
    assert desk.barred == ["account"]


def test_a_sell_that_is_refused_to_an_account_that_may_close_stops_the_buyer() -> None:
    desk = Desk((403, PAGE), closed_only=lambda: True)
    prepared, sell = desk.prepared(), replace(desk.order("o"), side="SELL")

    with pytest.raises(RefusedForSafety, match="may only close positions"):
        desk.venue.place(sell, a_market(), prepared)


def test_a_key_that_the_venue_does_not_take_stops_the_buyer_at_once() -> None:
    desk = Desk((401, b'{"error":"Unauthorized/Invalid api key"}'))

    with pytest.raises(RefusedForSafety, match="no longer takes our API key"):
        desk.place(desk.prepared())


def test_a_refused_look_up_may_pass_until_it_lasts_and_any_answer_ends_the_row() -> None:
    refusals = Refusals()

    assert refusals.may_pass(403, 0)
    assert refusals.may_pass(451, PATIENCE_S - 1)
    assert not refusals.may_pass(403, PATIENCE_S)
    refusals.over()
    assert refusals.may_pass(403, PATIENCE_S)
    assert not Refusals().may_pass(401, 0)
