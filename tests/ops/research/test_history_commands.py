"""What the commands say of a history: what was read, what was left out, and no more than the data can tell."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from backtest.__main__ import app as backtest
from ops.cli import app as hybrid
from shared.domain.errors import BadConfig
from tests.backtest.history.files_people_have import LEADER, WEB_HEADING, a_row, condition, json_file, text_file

MANY = 20


def told(path: Path, *words: str) -> tuple[dict[str, Any], str]:
    """Return the JSON of a backtest and what it said beside it."""
    found = CliRunner().invoke(backtest, [str(path), "--json", *words])
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout), " ".join(found.stderr.split())


def judged(path: Path, *words: str) -> dict[str, Any]:
    found = CliRunner().invoke(hybrid, ["wallet", LEADER, "--history", str(path), "--json", "--delay", "2", *words])
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


@pytest.fixture
def unpaid(tmp_path: Path) -> Path:
    rows = [a_row(600 * number, number=number, price=0.45, usdcSize=45.0) for number in range(1, MANY + 1)]
    return json_file(tmp_path, *rows)


@pytest.mark.pitfall(59)
def test_nothing_paid_yet_is_no_loss(unpaid: Path) -> None:
    found = judged(unpaid)

    assert found["verdict"] == "cannot tell"
    assert "nothing is paid yet: all 20 positions are open; −5.82 pUSD" in found["reasons"][0]  # noqa: RUF001
    assert found["delays"][0]["numbers"] == {"at_leaders_prices": "0", "assumed": "5.8226", "follower": "-5.8226"}


def test_the_same_orders_all_won_cannot_tell_either_where_no_price_is_known(unpaid: Path, tmp_path: Path) -> None:
    lines = "\n".join(f"{condition(0xABC0000 + number)},1;0" for number in range(1, MANY + 1))
    won = text_file(tmp_path, f"condition_id,payouts\n{lines}\n", "won.csv")

    found = judged(unpaid, "--resolved", str(won))

    assert found["verdict"] == "cannot tell"
    assert round(float(found["delays"][0]["pnl"]), 2) == 111.11
    assert "for 100% of orders nobody knows" in found["reasons"][0]


@pytest.mark.pitfall(58)
def test_rows_left_out_are_told_in_text_json_and_page_of_a_backtest(tmp_path: Path) -> None:
    pytest.importorskip("plotly", reason="the extra `report` is not installed")
    page, path = tmp_path / "page.html", json_file(tmp_path, a_row(), a_row(60, number=2, size="n/a"))

    found, said = told(path, "--html", str(page))

    (reading,) = found["history"]
    assert (reading["rows"], reading["trades"], reading["left_out"][0]["rows"]) == (2, 1, 1)
    for text in (said, page.read_text(encoding="utf-8")):
        assert "2 rows = 1 trades + 1 left out" in text
        assert "left out: 1 · size: expected a number" in text


@pytest.mark.pitfall(58)
def test_rows_left_out_are_told_in_text_json_and_page_of_a_wallet(tmp_path: Path) -> None:
    pytest.importorskip("plotly", reason="the extra `report` is not installed")
    page, path = tmp_path / "page.html", json_file(tmp_path, a_row(), a_row(60, number=2, size="n/a"))

    found = judged(path, "--html", str(page))
    said = CliRunner().invoke(hybrid, ["wallet", LEADER, "--history", str(path), "--delay", "2"]).output

    assert found["history"][0]["left_out"][0]["rows"] == 1
    assert "left out: 1 · size" in said
    assert "left out: 1 · size" in page.read_text(encoding="utf-8")
    assert any("1 of 2 rows of the files were left out" in reason for reason in found["reasons"])


@pytest.mark.pitfall(58)
def test_rows_left_out_are_told_by_a_sweep(tmp_path: Path) -> None:
    pytest.importorskip("plotly", reason="the extra `report` is not installed")
    page, path = tmp_path / "page.html", json_file(tmp_path, a_row(), a_row(60, number=2, size="n/a"))
    words = ["sweep", str(path), "--vary", "stake_usdc=5,6", "--here", "--data-dir", str(tmp_path), "--html", str(page)]

    found = CliRunner().invoke(hybrid, [*words, "--json"])
    said = CliRunner().invoke(hybrid, words).output

    assert json.loads(found.stdout)["history"][0]["left_out"][0]["rows"] == 1
    assert "left out: 1 · size" in said
    assert "left out: 1 · size" in page.read_text(encoding="utf-8")


@pytest.mark.pitfall(57)
@pytest.mark.parametrize("text", ["", "[]", '[{"size": 1}]', "hello"])
def test_a_file_without_a_trade_ends_with_exit_code_2_and_what_was_found(text: str, tmp_path: Path) -> None:
    path = text_file(tmp_path, text, "rows.json")

    found = CliRunner().invoke(backtest, [str(path), "--json"])
    of_wallet = CliRunner().invoke(hybrid, ["wallet", LEADER, "--history", str(path)])

    assert (found.exit_code, found.stdout) == (2, "")
    assert "rows.json" in found.stderr
    assert isinstance(of_wallet.exception, BadConfig)


def test_a_file_without_a_wallet_is_read_as_the_leaders_who_is_asked_about(tmp_path: Path) -> None:
    lines = "\n".join(f'"Market {n}",Buy,40,100,Yes,{1_784_894_400 + n},0x{n:064x}' for n in range(3))

    found = judged(text_file(tmp_path, f"{WEB_HEADING}\n{lines}\n"))

    assert found["conduct"]["trades"] == 3


def test_a_column_is_what_its_reader_says(tmp_path: Path) -> None:
    path = text_file(
        tmp_path, f"wallet,hash,time,side,outcome,price,amount,market\n{LEADER},0xa1,1784894400,BUY,Yes,0.4,40,M one\n"
    )

    assert told(path, "--column", "usdc=amount")[0]["signals"] == 1
    refused = CliRunner().invoke(backtest, [str(path), "--column", "money=amount"])
    assert (refused.exit_code, "expected name=COLUMN" in refused.stderr) == (2, True)


def test_a_leader_that_is_no_address_is_refused(tmp_path: Path) -> None:
    found = CliRunner().invoke(backtest, [str(json_file(tmp_path, a_row())), "--leader", "0x12"])

    assert (found.exit_code, "--leader 0x12" in found.stderr) == (2, True)
