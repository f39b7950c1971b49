"""`hybrid positions`, `trades`, `pnl` and `status`: the same numbers to the micro-unit, as JSON and as CSV."""

import csv
import io
import json
from typing import Any

import pytest
from redis import Redis
from typer.testing import CliRunner

from ops.cli import app
from shared.domain.ledger_accounts import FEES, REALIZED
from shared.domain.money import read_micro
from shared.process.beats import server_ms
from shared.redis.client import connect_redis
from tests.ops.operator.account.board_account import LEADER, OTHER, Account

pytestmark = pytest.mark.server


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    return connect_redis(valkey_url)


@pytest.fixture
def account(redis: Redis) -> Account:
    """Give an account with one lot, and a part of it sold."""
    now_ms = server_ms(redis)
    account = Account(redis, now_ms)
    key = account.buys("10", "5", "0.123457", at_ms=now_ms)
    account.sells("4", "2.4", "0.050001", "2.049382", at_ms=now_ms)
    account.mark(key, "6", "0.6", "3.512345", at_ms=now_ms)
    return account


def said(url: str, *words: str) -> str:
    result = CliRunner().invoke(app, [*words, "--redis-url", url])
    assert result.exit_code == 0, result.output
    return result.stdout


def facts(url: str, *words: str) -> dict[str, Any]:
    return json.loads(said(url, *words, "--json"))


def rows(url: str, *words: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(said(url, *words, "--csv"))))


@pytest.mark.usefixtures("account")
def test_status_positions_and_pnl_say_the_same_to_the_micro_unit(valkey_url: str) -> None:
    board = facts(valkey_url, "status", "--once")["board"]
    positions, pnl = facts(valkey_url, "positions"), facts(valkey_url, "pnl")

    assert board["positions"] == positions["positions"]
    assert board["pnl"] == pnl["spans"]
    for name in ("equity", "cash", "deposited"):
        assert board[name] == positions[name] == pnl[name]
    assert positions["positions"][0]["unrealized"] == "0.43827"


def test_every_way_to_add_profit_up_comes_to_the_ledger(account: Account, valkey_url: str) -> None:
    account.buys("3", "1", token=OTHER, at_ms=1_700_000_000_000)
    account.write((REALIZED, -7), (FEES, 11))
    values = account.ledger.accounts().values

    for by in ("day", "leader", "market"):
        found = facts(valkey_url, "pnl", "--by", by)
        assert sum(read_micro(row["realized"]) for row in found["rows"]) == values[REALIZED], by
    days = facts(valkey_url, "pnl", "--by", "day")["rows"]
    assert sum(read_micro(row["fees"]) for row in days) == values[FEES]


def test_a_leader_of_whom_all_trades_are_kept_shows_what_was_bought_and_sold(account: Account, valkey_url: str) -> None:
    assert account
    (row,) = rows(valkey_url, "pnl", "--by", "leader")

    assert (row["name"], row["realized"], row["fees"]) == (LEADER, "0.300617", "0.173458")
    assert (row["bought"], row["sold"], row["unrealized"]) == ("5.123457", "2.349999", "0.43827")


@pytest.mark.usefixtures("account")
def test_trades_come_the_newest_first_as_a_table_json_and_csv(valkey_url: str) -> None:
    kinds = [one["kind"] for one in facts(valkey_url, "trades")["trades"]]

    assert kinds == [one["kind"] for one in rows(valkey_url, "trades")] == ["SELL", "BUY"]
    assert [one["kind"] for one in facts(valkey_url, "trades", "--last", "1")["trades"]] == ["SELL"]
    assert "Will it?" in said(valkey_url, "trades")


def test_a_title_that_a_spreadsheet_would_run_is_text(account: Account, valkey_url: str) -> None:
    evil = '=HYPERLINK("http://example.org")'
    account.trade("BUY", OTHER, "1", "1", "0", cost=1, realized=0, at_ms=1, title=evil)

    assert rows(valkey_url, "trades")[0]["title"] == "'" + evil


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("command", ["positions", "trades", "pnl", "controls", "leaders", "config"])
def test_two_forms_at_once_are_refused(valkey_url: str, command: str) -> None:
    server = [] if command == "config" else ["--redis-url", valkey_url]
    result = CliRunner().invoke(app, [command, "--json", "--csv", *server])

    assert result.exit_code == 2
    assert "give one of them" in result.output


@pytest.mark.usefixtures("account")
def test_where_nothing_was_turned_csv_still_has_its_head(valkey_url: str) -> None:
    assert said(valkey_url, "controls", "--csv").strip() == "at_ms,mode,control,who,where,why,before,after"
