"""What a live start asks, which answers are a no, and which are none yet."""

import hashlib
from collections import Counter
from collections.abc import Callable
from itertools import islice
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import SecretStr

from buyer.venue.polymarket.account import AccountApi, AccountBalance
from buyer.venue.polymarket.ban_detector import MOST as MOST_REFUSALS
from buyer.venue.polymarket.ban_detector import PATIENCE_S
from buyer.venue.polymarket.buy_permission import BACKOFF, BuyPermission, retry_patiently
from buyer.venue.polymarket.order_signing import TradingWallet, WalletKind
from buyer.venue.polymarket.preflight import Preflight, PreflightCheck
from buyer.venue.polymarket.signer import OrderSigner, checksummed
from shared.clock import ManualClock
from shared.domain.errors import GiveUp, HybridError, Malformed, RateLimited, RefusedForSafety, Rejected, Unavailable
from shared.http.client import Upstream
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.wire.endpoints import CTF_EXCHANGE_V2, EXCHANGE_V3, NEG_RISK_ADAPTER, NEG_RISK_CTF_EXCHANGE_V2
from shared.polymarket.wire.wallets import wallets_of

SIGNER = OrderSigner(SecretStr(hashlib.sha256(b"correct horse").hexdigest())).address
WALLET = TradingWallet(WalletKind.DEPOSIT, checksummed(wallets_of(SIGNER.lower())["deposit wallet"]), SIGNER)
CLOCK = ManualClock()
MOST = 2**256 - 1
GET_MAX_FEE_RATE = "0x4a2a11f5"
APPROVED = {CTF_EXCHANGE_V2.lower(): MOST, NEG_RISK_CTF_EXCHANGE_V2.lower(): MOST, EXCHANGE_V3.lower(): MOST}

pytestmark = pytest.mark.slow


class Venue:
    """A venue where all is well, but for what is spoiled: the error of one question, by its name."""

    def __init__(self, **spoiled: HybridError) -> None:
        self.spoiled = dict(spoiled)
        self.asked: Counter[str] = Counter()
        self.allowances: dict[str, int] = dict(APPROVED)
        self.balance, self.closed_only, self.lots = 100_000_000, False, False
        self.fee_cap_bps = 1000

    def said(self, name: str, answer: Any) -> Callable[..., Any]:
        def ask(*_: object) -> Any:
            self.asked[name] += 1
            if name in self.spoiled:
                raise self.spoiled[name]
            return answer

        return ask

    def preflight(self) -> Preflight:
        clob = SimpleNamespace(get=self.said("clock", CLOCK.now_ms() // 1000))
        site = SimpleNamespace(get=self.said("region", {"blocked": False, "country": "XX"}))
        account = SimpleNamespace(
            closed_only=self.said("account", self.closed_only),
            refresh=self.said("refresh", None),
            holding=self.said("money", AccountBalance(self.balance, self.allowances)),
        )
        node = SimpleNamespace(ask=self.node)
        return Preflight(
            cast("Upstream", clob),
            cast("Upstream", site),
            cast("AccountApi", account),
            cast("PolygonClient", node),
            WALLET,
            CLOCK,
            lambda: self.lots,
            1000,
        )

    def node(self, _method: str, asked: list[Any], *_: object) -> str:
        name, answer = ("fees", self.fee_cap_bps) if asked[0]["data"] == GET_MAX_FEE_RATE else ("sells", 1)
        return self.said(name, f"0x{answer:064x}")()

    def checks(self) -> dict[str, PreflightCheck]:
        return {check.name: check for check in self.preflight().run()}


OF_VENUE = ["clock", "region", "account", "money"]
QUESTIONS = [*OF_VENUE, "sells", "fees"]


@pytest.mark.pitfall(35)
@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("error", [Unavailable("503"), RateLimited("429"), Malformed("cut"), GiveUp("range")])
def test_no_answer_a_throttle_a_fault_and_what_cannot_be_read_are_no_no(name: str, error: HybridError) -> None:
    check = Venue(**{name: error}).checks()[name]

    assert (check.passed, check.answered, check.refused) == (False, False, False)
    assert str(error) in str(check)


JSON, PAGE = Rejected("not you", 403), Rejected("Just a moment...", 403, by_api=False)


def looks(venue: Venue, name: str, *, pause_s: float, count: int) -> list[bool]:
    """Return whether each of some looks, one after the other, found that this check says no."""
    preflight, found = venue.preflight(), list[bool]()
    for _ in range(count):
        found += [check.refused for check in preflight.run() if check.name == name]
        CLOCK.advance(pause_s)
    return found


@pytest.mark.pitfall(35)
@pytest.mark.parametrize("name", OF_VENUE)
@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_of_the_api_is_a_no_once_it_is_repeated(name: str, status: int) -> None:
    assert looks(Venue(**{name: Rejected("no", status)}), name, pause_s=1, count=MOST_REFUSALS) == [False, False, True]


@pytest.mark.pitfall(35)
@pytest.mark.parametrize("name", OF_VENUE)
def test_a_page_in_place_of_the_api_is_a_no_once_it_lasts(name: str) -> None:
    assert looks(Venue(**{name: PAGE}), name, pause_s=PATIENCE_S / 3, count=4) == [False, False, False, True]


@pytest.mark.pitfall(35)
@pytest.mark.parametrize("name", ["sells", "fees"])
@pytest.mark.parametrize("no", [JSON, PAGE, Rejected("tenant disabled", 401)])
def test_what_a_node_refuses_is_never_the_venues_no(name: str, no: Rejected) -> None:
    assert looks(Venue(**{name: no}), name, pause_s=PATIENCE_S, count=5) == [False] * 5


@pytest.mark.parametrize(("cap_bps", "passes"), [(0, True), (10_000, True), (1000, True), (999, False), (500, False)])
def test_exits_must_not_believe_in_a_higher_cap_of_fees_than_the_exchanges_have(cap_bps: int, passes: bool) -> None:  # noqa: FBT001
    venue = Venue()
    venue.fee_cap_bps = cap_bps

    check = venue.checks()["fees"]

    assert (check.passed, check.refused) == (passes, not passes)
    assert passes or f"Set EXCHANGE_FEE_CAP_BPS={cap_bps}, then start again" in check.fix


def test_who_holds_lots_may_still_sell_under_a_lower_cap_of_fees() -> None:
    venue = Venue()
    venue.fee_cap_bps, venue.lots = 500, True

    check = venue.checks()["fees"]

    assert (check.passed, check.refused, check.sells_only) == (False, False, True)


@pytest.mark.pitfall(35)
def test_the_accounts_own_refusal_is_counted_by_what_stands_behind_it() -> None:
    no = RefusedForSafety("the venue no longer takes our API key")
    no.__cause__ = Rejected("Invalid api key", 401)

    assert looks(Venue(account=no), "account", pause_s=1, count=MOST_REFUSALS) == [False, False, True]


@pytest.mark.pitfall(35)
def test_a_no_in_words_is_asked_about_once_more() -> None:
    venue = Venue()
    preflight, answers = (
        venue.preflight(),
        [{"blocked": True}, {"blocked": False}, {"blocked": True}, {"blocked": True}],
    )

    def answer(_: str) -> Any:
        return answers.pop(0)

    preflight._geoblock = cast("Upstream", SimpleNamespace(get=answer))

    stray = [check.refused for check in preflight.run() if check.name == "region"]
    repeated = [check.refused for check in preflight.run() if check.name == "region"]

    assert (stray, repeated) == ([False], [True])


@pytest.mark.parametrize(("spoiled", "name"), [({"balance": 0}, "money"), ({"closed_only": True}, "account")])
@pytest.mark.parametrize("lots", [True, False])
def test_an_account_that_cannot_buy_starts_where_there_is_something_to_sell(
    spoiled: dict[str, Any], name: str, *, lots: bool
) -> None:
    venue = Venue()
    vars(venue).update(spoiled, lots=lots)
    permission = BuyPermission(venue.preflight(), clock=CLOCK, stop=Event(), granted=lambda: None)

    if lots:
        permission.ask()
        assert permission.waits_for() == name
    else:
        with pytest.raises(RefusedForSafety, match=f"FAILED {name}"):
            permission.ask()


def test_one_stray_refusal_is_no_no() -> None:
    venue = Venue(region=Rejected("not you", 403))
    answer = venue.said("region", {"blocked": False, "country": "XX"})

    def once(*words: object) -> Any:
        try:
            return answer(*words)
        finally:
            venue.spoiled.clear()

    preflight = venue.preflight()
    preflight._geoblock = cast("Upstream", SimpleNamespace(get=once))

    assert all(check.passed for check in preflight.run())


@pytest.mark.parametrize("said", [{}, {"ip": "192.0.2.1"}])
def test_an_answer_that_does_not_say_whether_we_are_blocked_is_none(said: dict[str, str]) -> None:
    preflight = Venue().preflight()
    preflight._geoblock = cast("Upstream", SimpleNamespace(get=Venue().said("region", said)))

    region = next(check for check in preflight.run() if check.name == "region")

    assert (region.passed, region.answered) == (False, False)


@pytest.mark.pitfall(26)
@pytest.mark.parametrize(("allowance", "noted"), [(0, True), (MOST, False), (None, False)])
def test_a_third_spender_that_the_venue_lists_is_named_with_the_fix(allowance: int | None, noted: bool) -> None:  # noqa: FBT001 - a case
    venue = Venue()
    if allowance is not None:
        venue.allowances[NEG_RISK_ADAPTER] = allowance

    money = venue.checks()["money"]

    assert money.passed, "whether the venue still asks for it nobody knows"
    assert (NEG_RISK_ADAPTER in money.found, "Approve it once" in money.fix) == (noted, noted)


def test_a_node_of_another_chain_is_a_no_and_words_that_are_no_number_are_none() -> None:
    checks: list[PreflightCheck] = []
    for answer in ("0x", "<html>"):
        preflight = Venue().preflight()
        preflight._polygon = cast("PolygonClient", SimpleNamespace(ask=Venue().said("sells", answer)))
        checks += [check for check in preflight.run() if check.name == "sells"]

    assert [check.refused for check in checks] == [True, False]
    assert "RPC_URL is not a Polygon node" in checks[0].found


def test_the_balance_is_known_once_it_was_answered() -> None:
    venue = Venue(money=Unavailable("503"))
    preflight = venue.preflight()

    preflight.run()
    assert preflight.collateral is None
    venue.spoiled.clear()
    preflight.run()

    assert preflight.collateral == 100_000_000


@pytest.mark.pitfall(35)
def test_buying_is_allowed_once_every_check_has_passed_and_never_after_a_no() -> None:
    venue, granted = Venue(region=Unavailable("away"), sells=Malformed("cut")), list[bool]()
    permission = BuyPermission(venue.preflight(), clock=CLOCK, stop=Event(), granted=lambda: granted.append(True))
    assert permission.waits_for()

    permission.ask()
    assert (permission.waits_for(), granted) == ("region, sells", [])
    venue.spoiled.clear()
    permission.ask()

    assert (permission.waits_for(), granted) == ("", [True])
    venue.spoiled["account"] = RefusedForSafety("closed")
    with pytest.raises(RefusedForSafety, match="FAILED account: RefusedForSafety: closed"):
        permission.ask()


def test_the_tries_grow_apart_up_to_half_a_minute() -> None:
    assert list(islice(BACKOFF.waits(), 7)) == [1, 2, 4, 8, 16, 30, 30]


def test_what_a_start_cannot_do_without_is_asked_for_until_it_comes_or_the_process_is_told_to_stop() -> None:
    answers: list[HybridError | str] = [Unavailable("away"), Malformed("cut"), RateLimited("429"), "key"]

    def act() -> str:
        answer = answers.pop(0)
        if isinstance(answer, HybridError):
            raise answer
        return answer

    began = CLOCK.monotonic()
    assert retry_patiently("a key", act, CLOCK, Event()) == "key"
    assert CLOCK.monotonic() - began == 7

    answers[:] = [Rejected("no", 401), Rejected("no", 401), "key"]
    assert retry_patiently("a key", act, CLOCK, Event()) == "key"
    answers[:] = [Rejected("no", 401)] * MOST_REFUSALS
    with pytest.raises(Rejected):
        retry_patiently("a key", act, CLOCK, Event())
    told, answers[:] = Event(), [Unavailable("away")]
    told.set()
    with pytest.raises(Unavailable, match="told to stop"):
        retry_patiently("a key", act, CLOCK, told)
