"""How far a long history is: told while it is read and followed, from nothing to all."""

from pathlib import Path

from backtest.history.history_files import open_history
from backtest.progress_bar import counted
from tests.backtest.history.test_history import HEADING, a_line


def test_reading_and_following_tell_how_much_is_done(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("\n".join((HEADING, *(a_line(number, number) for number in range(12_000)))))
    told: list[tuple[str, float]] = []

    history = open_history([path], told=lambda what, done: told.append((what, done)))
    list(counted(history.market_events, history.trades, lambda what, done: told.append((what, done))))

    assert {what for what, _ in told} == {"reading", "following"}
    for under_way in ("reading", "following"):
        shares = [done for what, done in told if what == under_way]
        assert shares == sorted(shares)
        assert 0 <= shares[0] <= shares[-1] <= 1
        assert shares[-1] > 0.5
