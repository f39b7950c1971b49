"""The request of an order is made while its intent is written, and made anew when that took too long."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from buyer.venue.polymarket.account import AccountApi
from buyer.venue.polymarket.client import PolymarketVenue
from buyer.venue.polymarket.credentials import ApiKey, RequestHeaders
from buyer.venue.polymarket.order_signing import TradingWallet, WalletKind
from buyer.venue.polymarket.signer import OrderSigner
from shared.clock import ManualClock
from shared.http.client import HttpRequest, Upstream
from shared.http.response import HttpResponse
from shared.ledger.gated_commit import GateTurns
from shared.messages.decisions import Order, Outcome
from shared.rate_limit.gate import RateGate
from tests.buyer.builders import NOW_MS, a_case, a_market

KEY = SecretStr("01" * 32)


@dataclass
class Gate:
    """A gate that is always open."""

    def acquire(self, *_: object) -> bool:
        return True

    def succeeded(self) -> None:
        pass


class Line(Upstream):
    """An upstream that keeps what it is told to send, and answers that it matched."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__("orders", "http://127.0.0.1:1", [], clock=clock, stop=threading.Event())
        self.sent: list[HttpRequest] = []
        self.made = 0

    def request(self, *args: Any, **more: Any) -> HttpRequest:
        self.made += 1
        return super().request(*args, **more)

    def send(self, request: HttpRequest) -> HttpResponse:
        self.sent.append(request)
        answer = {"success": True, "errorMsg": "", "orderID": "0x1", "status": "matched", "tradeIDs": ["t"]}
        return HttpResponse(200, {}, json.dumps(answer).encode())


class Open:
    """An account that may trade."""

    def closed_only(self) -> bool:
        return False


class Floor:
    """A live venue whose orders go nowhere."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW_MS)
        self.line = Line(self.clock)
        self.turns = GateTurns(cast("RateGate", Gate()), threading.Event())
        signer = OrderSigner(KEY)
        key = ApiKey(SecretStr("owner"), SecretStr("c2VjcmV0"), SecretStr("phrase"))
        self.venue = PolymarketVenue(
            self.line,
            self.turns,
            cast("AccountApi", Open()),
            signer=signer,
            wallet=TradingWallet(WalletKind.EOA, signer.address, signer.address),
            requests=RequestHeaders(signer.address, key),
            clock=self.clock,
        )

    def order(self, between: Callable[[], object] = lambda: None) -> Outcome:
        order = an_order()
        prepared = self.venue.prepare(order, a_market(), self.clock.now_ms())
        self.turns.meanwhile()
        between()
        return self.venue.place(order, a_market(), prepared)

    def stamp(self) -> str:
        return self.line.sent[-1].sent["headers"]["POLY_TIMESTAMP"]


def an_order() -> Order:
    case = a_case()
    return Order(
        id="1" * 64,
        signal_id="2" * 64,
        token_id=case.token_id,
        condition_id=case.facts.condition_id,
        leader=case.signal.leader,
        side="BUY",
        shares=case.size.shares,
        limit_price=case.limit,
        budget=case.size.budget,
    )


def test_a_request_made_meanwhile_is_the_one_that_is_sent() -> None:
    floor = Floor()

    outcome = floor.order()

    assert outcome.state == "MATCHED"
    assert (floor.line.made, len(floor.line.sent)) == (1, 1)
    assert floor.stamp() == str(NOW_MS // 1000)


def test_a_request_that_lay_too_long_is_made_anew_with_the_time_it_is_sent_at() -> None:
    floor = Floor()

    floor.order(lambda: floor.clock.advance(90))

    assert floor.line.made == 2
    assert floor.stamp() == str(NOW_MS // 1000 + 90)


def test_the_same_order_sent_again_has_the_same_body_and_a_request_of_its_own() -> None:
    floor = Floor()
    prepared = floor.venue.prepare(an_order(), a_market(), NOW_MS)
    floor.turns.meanwhile()

    for _ in range(2):
        floor.venue.place(an_order(), a_market(), prepared)

    first, again = floor.line.sent
    assert first is not again
    assert first.sent["data"] == again.sent["data"]


def test_another_order_prepared_meanwhile_does_not_lend_its_request() -> None:
    floor = Floor()
    prepared = floor.venue.prepare(an_order(), a_market(), NOW_MS)
    floor.venue.prepare(replace(an_order(), id="9" * 64), a_market(), NOW_MS)
    floor.turns.meanwhile()

    floor.venue.place(an_order(), a_market(), prepared)

    body = json.loads(floor.line.sent[0].sent["data"])
    assert body == json.loads(json.loads(prepared)["body"])


@pytest.mark.pitfall(30)
def test_a_request_shows_no_key_when_it_is_printed() -> None:
    floor = Floor()

    floor.order()

    assert "phrase" not in repr(floor.line.sent[0])
