"""A private key typed at a wrong place of a command line is in no error."""

import pytest
from typer.testing import CliRunner

from backtest import export
from backtest.__main__ import app as backtest
from ops.cli import app as hybrid

KEY = "0x" + "4c" * 32
SHORT = "4c4c4c"


@pytest.mark.pitfall(30)
@pytest.mark.parametrize(
    "words",
    [(KEY,), (f"--{KEY}",), ("kill", "--mode", KEY), ("kill", KEY), ("kill", f"--{KEY}"), ("redis", "--port", KEY)],
)
def test_hybrid_shows_no_key(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(hybrid, words)

    assert result.exit_code == 2
    assert "(hidden)" in result.output or "Input should be" in result.output
    assert SHORT not in result.output


@pytest.mark.pitfall(30)
@pytest.mark.parametrize("words", [(f"--{KEY}", "x"), ("x", "--delay", "1", "--seed", KEY), ("x", "--stake-usdc", KEY)])
def test_a_backtest_shows_no_key(words: tuple[str, ...]) -> None:
    assert SHORT not in CliRunner().invoke(backtest, words).output


@pytest.mark.pitfall(30)
def test_an_export_shows_no_key() -> None:
    assert SHORT not in CliRunner().invoke(export.app, ["a", "b", f"--{KEY}"]).output
