"""What only a person can decide: an order that the venue took and shows no trade of."""

import json
from dataclasses import dataclass
from decimal import Decimal

import pytest
from msgspec.structs import replace
from redis import Redis
from typer.testing import CliRunner

from buyer.domain.chain_fills import ChainFill
from buyer.execution.decision_writer import BuyerIdentity
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.execution.unresolved_orders import ANSWERS_NEEDED, SHOWN_WITHIN_S
from buyer.recovery.bankroll import say_apart
from buyer.recovery.chain_reconciliation import NOBODY, rebuilt_intent
from buyer.recovery.fill_adoption import FillAdoption
from buyer.settlement.writer import SettlementWriter
from buyer.venue.polymarket.wire.signed_order import SignedOrder
from ops.cli import app
from ops.operator import bankroll, reconcile
from shared import logs
from shared.clock import ManualClock, SystemClock
from shared.domain.errors import BadConfig, HybridError, Malformed, OutcomeUnknown, Rejected, Unavailable
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.domain.market import MarketFacts
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import DECISIONS, fact_id
from shared.messages.decisions import BuyEngineDecision, Order
from shared.messages.events import read_event
from shared.redis.client import connect_redis
from shared.redis.lease import Lease
from shared.redis.streams import stream_tail
from tests.buyer.builders import LEADER, NOW_MS, TOKEN, a_market, a_signal, some_limits
from tests.buyer.fakes import FakePrices, FakeVenue

pytestmark = pytest.mark.server

FILL = ChainFill("0x" + "0a" * 32, fact_id("signal"), TOKEN, "BUY", 10_000_000, 5_000_000, 100)


@dataclass(frozen=True)
class Shown:
    words: str = "the order as matched, 10 shares matched; a trade that is MATCHED"
    ended: bool = False


class AskedVenue:
    """A venue that answers each question by the next of `answers`; the last one again and again."""

    def __init__(self, *answers: Shown | HybridError | None) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, order_hash: str, token_id: str, since_ms: int, /) -> Shown | None:
        del token_id, since_ms
        self.asked.append(order_hash)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, HybridError):
            raise answer
        return answer


def an_adopted_order(redis: Redis) -> RedisLedger:
    ledger = RedisLedger(redis, "live")
    Journal(ledger, lambda: None).deposit(100_000_000)
    FillAdoption(ledger, lambda: None).adopt(rebuilt_intent(FILL, a_market(), LEADER, NOW_MS))
    return ledger


@pytest.mark.pitfall(38)
def test_an_open_order_is_closed_once_the_venue_does_not_know_it_however_often_it_is_asked(valkey_url: str) -> None:
    redis, clock = connect_redis(valkey_url), ManualClock(NOW_MS + 400_000)
    ledger, venue = an_adopted_order(redis), AskedVenue(None)

    (row,) = reconcile.unfinished(ledger, clock.now_ms())
    shown = reconcile.main(redis, "live", clock, "", "")
    closed = reconcile.main(redis, "live", clock, row.id, "the venue shows nothing", lambda: venue)

    assert (row.kind, row.order_hash, row.age_s) == ("orders", FILL.order_hash, 400)
    assert FILL.order_hash in shown[0]
    assert "closed" in closed[0]
    assert venue.asked == [FILL.order_hash] * (ANSWERS_NEEDED + 1)
    assert clock.now_ms() - NOW_MS - 400_000 >= SHOWN_WITHIN_S * 1000
    assert ledger.accounts().values["cash"] == 100_000_000
    assert reconcile.main(redis, "live", clock, "", "") == ["nothing is open: every order has ended"]


@pytest.mark.pitfall(38)
@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ([Shown()], "a trade that is MATCHED"),
        ([None, None, Shown()], "a trade that is MATCHED"),
        ([Malformed("JSON cannot be read")], "nobody can tell: JSON cannot be read"),
        ([None, Unavailable("500: upstream trouble")], "nobody can tell: 500"),
        ([Rejected("400: bad request", 400)], "nobody can tell: 400"),
    ],
)
def test_what_may_stand_at_the_venue_is_not_closed_and_the_reason_is_said(
    valkey_url: str, answers: list[Shown | HybridError | None], says: str
) -> None:
    redis = connect_redis(valkey_url)
    ledger, venue = an_adopted_order(redis), AskedVenue(*answers)
    before, open_orders = ledger.accounts().values, ledger.records("orders")
    (name,) = open_orders

    with pytest.raises(BadConfig, match=says):
        reconcile.close(redis, "live", name, "why", ManualClock(NOW_MS), lambda: venue)

    assert (ledger.accounts().values, ledger.records("orders")) == (before, open_orders)


@pytest.mark.pitfall(38)
def test_an_order_of_a_venue_that_cannot_be_asked_from_here_is_not_closed(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    (name,) = an_adopted_order(redis).records("orders")

    with pytest.raises(BadConfig, match="run it where the buyer's signing key is"):
        reconcile.close(redis, "live", name, "why", ManualClock(NOW_MS))


def test_an_order_that_is_not_open_cannot_be_closed(valkey_url: str) -> None:
    with pytest.raises(BadConfig, match="no such order"):
        reconcile.close(connect_redis(valkey_url), "live", "x", "why", ManualClock(NOW_MS))


class Signing(FakeVenue):
    """A venue whose orders are signed."""

    def prepare(self, order: Order, facts: MarketFacts, now_ms: int) -> str:
        del order, facts
        return SignedOrder("{}", FILL.order_hash, now_ms).text


class Interrupted:
    """A live buyer that stopped right after it sent an order: its intent has no outcome."""

    def __init__(self, redis: Redis, venue: FakeVenue | None = None) -> None:
        self.ledger, self.signal = RedisLedger(redis, "live"), a_signal()
        venue, self.clock = venue or FakeVenue(), ManualClock(NOW_MS)
        journal = Journal(self.ledger, lambda: None)
        journal.deposit(100_000_000)
        venue.unknown = 1
        self.engine = BuyExecutor(
            journal=journal,
            prices=FakePrices(),
            venue=venue,
            clock=self.clock,
            limits=some_limits(),
            identity=BuyerIdentity("live", "c", "v"),
            emit=lambda _: None,
        )
        with pytest.raises(OutcomeUnknown):
            self.engine.process_actionable(self.signal)

    def intents(self) -> dict[str, str]:
        return self.ledger.records("intents")

    def cash(self) -> int:
        return self.ledger.accounts().values["cash"]


def decisions(redis: Redis) -> list[BuyEngineDecision]:
    events = [read_event(entry.json) for entry in stream_tail(redis, DECISIONS, 10)]
    return [event for event in events if isinstance(event, BuyEngineDecision)]


def test_an_intent_that_cannot_be_finished_is_closed_by_a_person_and_gives_its_budget_back(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    left = Interrupted(redis)

    said = reconcile.main(redis, "live", ManualClock(NOW_MS), left.signal.id, "the venue shows nothing")

    assert "what it reserved is free again" in said[0]
    assert (left.cash(), left.intents()) == (100_000_000, {})
    (decision,) = decisions(redis)
    assert decision.outcome is not None
    assert decision.outcome.state == "CANCELLED"
    assert decision.outcome.reason.endswith("the venue shows nothing")


@pytest.mark.pitfall(33)
def test_an_intent_is_listed_with_the_hash_of_the_bytes_that_were_signed(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    Interrupted(redis, Signing())

    (line,) = reconcile.main(redis, "live", ManualClock(NOW_MS), "", "")

    assert f"hash {FILL.order_hash}" in line


@pytest.mark.pitfall(38)
def test_a_signed_intent_is_closed_only_when_the_venue_does_not_know_its_order(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    left, filled, empty = Interrupted(redis, Signing()), AskedVenue(Shown()), AskedVenue(None)
    name, reserved = left.signal.id, left.cash()

    with pytest.raises(BadConfig, match="start that and let it run"):
        reconcile.close(redis, "live", name, "why", ManualClock(NOW_MS), lambda: filled)
    assert (left.cash(), list(left.intents())) == (reserved, [name])

    said = reconcile.close(redis, "live", name, "why", ManualClock(NOW_MS), lambda: empty)

    assert said == "closed, what it reserved is free again"
    assert filled.asked[0] == empty.asked[0] == FILL.order_hash
    assert (left.cash(), left.intents(), left.ledger.records("signed")) == (100_000_000, {}, {})
    assert [decision.outcome and decision.outcome.state for decision in decisions(redis)] == ["CANCELLED"]


@pytest.mark.pitfall(38)
@pytest.mark.parametrize("readable", [True, False])
def test_an_intent_that_outlived_its_signals_decision_is_truly_closed(valkey_url: str, *, readable: bool) -> None:
    redis = connect_redis(valkey_url)
    left = Interrupted(redis)
    (name, text) = left.intents().popitem()
    left.ledger.commit(LedgerWrite(id=f"decision:{name}"))
    if not readable:
        newer = text.replace('"verdict":"BUY"', '"verdict":"PERHAPS"')
        left.ledger.commit(LedgerWrite(id="upgrade", records=(LedgerRecord("intents", name, newer),)))

    said = reconcile.close(redis, "live", name, "left by a version of before", ManualClock(NOW_MS))

    assert said == "closed, what it reserved is free again"
    assert (left.cash(), left.intents()) == (100_000_000, {})


@pytest.mark.pitfall(21)
def test_an_intent_that_a_running_buyer_may_be_sending_is_not_closed(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    left = Interrupted(redis)
    Lease(redis, "buyer:live", "buyer@here", clock=SystemClock()).try_acquire()

    with pytest.raises(BadConfig, match="stop it first"):
        reconcile.close(redis, "live", left.signal.id, "why", ManualClock(NOW_MS))

    assert list(left.intents()) == [left.signal.id]


def test_an_intent_of_another_version_is_closed_for_good_and_gives_back_what_it_shows(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    left = Interrupted(redis)
    (name, text) = left.intents().popitem()
    newer = text.replace('"verdict":"BUY"', '"verdict":"PERHAPS"')
    left.ledger.commit(LedgerWrite(id="upgrade", records=(LedgerRecord("intents", name, newer),)))

    said = reconcile.close(redis, "live", name, "of the version before", ManualClock(NOW_MS))

    assert said == "closed, what it reserved is free again"
    assert (left.cash(), left.intents()) == (100_000_000, {})
    left.clock.advance(60)
    assert left.engine.process_actionable(left.signal) is None
    assert [decision.verdict for decision in decisions(redis)] == ["SKIP"]


def test_what_nobody_can_read_is_closed_and_said_to_stay_reserved(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    ledger = RedisLedger(redis, "paper")
    ledger.commit(LedgerWrite(id="old", records=(LedgerRecord("intents", "old", "{}"),)))

    said = reconcile.close(redis, "paper", "old", "from a year ago", ManualClock(NOW_MS))

    assert "nobody can tell what it reserved" in said
    assert ledger.records("intents") == {}


def test_a_lot_that_only_the_chain_knew_is_listed(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    ledger = RedisLedger(redis, "live")
    Journal(ledger, lambda: None).deposit(100_000_000)
    adopted = rebuilt_intent(FILL, a_market(), NOBODY, NOW_MS)
    FillAdoption(ledger, lambda: None).adopt(adopted)
    assert adopted.outcome is not None
    SettlementWriter(ledger, lambda: None).settle(adopted, replace(adopted.outcome, state="CONFIRMED"))

    nothing, lot = reconcile.main(redis, "live", ManualClock(NOW_MS), "", "")

    assert nothing.startswith("nothing is open")
    assert "10 shares of Will it?, cost 5.0001" in lot


@pytest.mark.parametrize(
    ("moved", "says"), [(50_000_000, "deposit of 50 posted"), (-100_000_000, "withdrawal of 100 posted")]
)
def test_money_that_came_or_went_is_posted_by_a_persons_word_and_kept_over_starts(
    valkey_url: str, moved: int, says: str
) -> None:
    redis = connect_redis(valkey_url)
    ledger = RedisLedger(redis, "live")
    journal = Journal(ledger, lambda: None)
    journal.deposit(100_000_000)

    assert says in bankroll.post_cash(redis, "live", 100_000_000 + moved, "top-up", NOW_MS)
    journal.deposit(100_000_000 + moved)
    again = bankroll.post_cash(redis, "live", 100_000_000 + moved, "top-up", NOW_MS + 1)

    values = ledger.accounts().values
    assert values.get("cash", 0) == values.get("deposited", 0) == 100_000_000 + moved
    assert "nothing was posted" in again
    assert [json.loads(text)["why"] for text in ledger.records("deposits").values()] == ["top-up"]


def test_money_that_comes_back_after_all_of_it_went_is_posted_too(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    Journal(RedisLedger(redis, "live"), lambda: None).deposit(100_000_000)
    bankroll.post_cash(redis, "live", 0, "going away", NOW_MS)

    bankroll.post_cash(redis, "live", 70_000_000, "back", NOW_MS + 1)

    assert RedisLedger(redis, "live").accounts().values == {"cash": 70_000_000, "deposited": 70_000_000}


def test_no_money_is_posted_while_an_order_is_open_that_moves_it_by_itself(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    ledger = RedisLedger(redis, "live")
    Journal(ledger, lambda: None).deposit(100_000_000)
    FillAdoption(ledger, lambda: None).adopt(rebuilt_intent(FILL, a_market(), LEADER, NOW_MS))

    with pytest.raises(BadConfig, match="under way"):
        bankroll.post_cash(redis, "live", 200_000_000, "top-up", NOW_MS)


def test_a_paper_bankroll_that_was_changed_is_posted(valkey_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    redis = connect_redis(valkey_url)
    ledger = RedisLedger(redis, "paper")
    Journal(ledger, lambda: None).deposit(1_000_000_000)
    ledger.commit(LedgerWrite(id="bought", postings=(("cash", -400_000_000),)))
    monkeypatch.setenv("PAPER_BANKROLL_USDC", "1500")

    result = CliRunner().invoke(
        app, ["reconcile", "--cash", "--mode", "paper", "--why", "more", "--redis-url", valkey_url]
    )

    assert result.output == "paper: deposit of 500 posted\n"
    assert ledger.accounts().values == {"cash": 1_100_000_000, "deposited": 1_500_000_000}


@pytest.mark.parametrize(
    ("there", "says"),
    [(150_000_000, "50 more than the ledger knows of"), (40_000_000, "60 less than"), (100_009_000, "")],
)
def test_a_start_says_that_money_came_or_went(
    valkey_url: str, capsys: pytest.CaptureFixture[str], there: int, says: str
) -> None:
    logs.configure_logs(level="info", form="json")
    ledger = RedisLedger(connect_redis(valkey_url), "live")
    Journal(ledger, lambda: None).deposit(100_000_000)

    say_apart(ledger, there, "live")

    told = capsys.readouterr()
    assert says in told.err + told.out
    assert ("reconcile --mode live --cash" in told.err + told.out) == bool(says)


def test_a_lost_buy_is_rebuilt_with_what_it_really_cost() -> None:
    decision = rebuilt_intent(FILL, a_market(), LEADER, NOW_MS)

    assert decision.order is not None
    assert (decision.verdict, decision.order.budget, decision.order.shares) == ("BUY", Decimal("5.0001"), Decimal(10))
