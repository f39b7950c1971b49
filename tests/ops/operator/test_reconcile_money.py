"""Money that came or went is posted by a person's word, once."""

import json

import pytest
from typer.testing import CliRunner

from buyer.execution.journal import Journal
from buyer.recovery.bankroll import say_apart
from buyer.recovery.chain_reconciliation import rebuilt_intent
from buyer.recovery.fill_adoption import FillAdoption
from ops.cli import app
from ops.operator import bankroll
from shared import logs
from shared.domain.errors import BadConfig
from shared.domain.ledger_write import LedgerWrite
from shared.ledger.redis_ledger import RedisLedger
from shared.redis.client import connect_redis
from tests.buyer.builders import LEADER, NOW_MS, a_market
from tests.ops.operator.asked_venue import FILL

pytestmark = pytest.mark.server


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
