"""The table of costs: each protection on all captured histories, each run made once."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.rigs.adversary.history_cost import (
    NOT_SHOWN,
    PROTECTIONS,
    Followed,
    Protection,
    follow,
    settings_of,
    wallets,
)
from shared.domain.money import micro_text

Key = tuple[Path, tuple[tuple[str, str], ...]]


@dataclass
class Runs:
    """Runs over histories: one for each history and settings, whoever asks."""

    pool: ProcessPoolExecutor
    signals: int
    _started: dict[Key, Future[Followed]] = field(default_factory=dict[Key, Future[Followed]])

    def start(self, history: Path, settings: Mapping[str, str]) -> Future[Followed]:
        """Return the run, begun if it was not."""
        key = history, tuple(sorted(settings.items()))
        if key not in self._started:
            self._started[key] = self.pool.submit(follow, history, settings, self.signals)
        return self._started[key]


def measure_costs(pool: ProcessPoolExecutor, folder: Path, signals: int) -> list[dict[str, Any]]:
    """Return a row for each protection; none where the captured histories are absent."""
    runs, found = Runs(pool, signals), wallets(folder)
    started = [(one, _pair(runs, found, one)) for one in PROTECTIONS if found and not one.missing]
    return [_row(one, with_it, without) for one, (with_it, without) in started]


def _pair(
    runs: Runs, histories: Sequence[Path], one: Protection
) -> tuple[list[Future[Followed]], list[Future[Followed]]]:
    with_it, without = (settings_of(one, protected=protected) for protected in (True, False))
    return [runs.start(file, with_it) for file in histories], [runs.start(file, without) for file in histories]


def _row(one: Protection, with_it: Sequence[Future[Followed]], without: Sequence[Future[Followed]]) -> dict[str, Any]:
    """Return the sums over all histories, and each history's own figures."""
    kept, bare = [run.result() for run in with_it], [run.result() for run in without]
    return {
        "protection": one.name,
        "signals": sum(run.signals for run in kept),
        "followed_without": sum(run.followed for run in bare),
        "followed_with": sum(run.followed for run in kept),
        "no_longer": sum(b.followed - k.followed for b, k in zip(bare, kept, strict=True)),
        "spent_without": micro_text(sum(run.spent for run in bare)),
        "spent_with": micro_text(sum(run.spent for run in kept)),
        "pnl_without": micro_text(sum(run.pnl for run in bare)),
        "pnl_with": micro_text(sum(run.pnl for run in kept)),
        "by_history": [
            {"followed": [b.followed, k.followed], "pnl": [micro_text(b.pnl), micro_text(k.pnl)]}
            for b, k in zip(bare, kept, strict=True)
        ],
    }


def cost_table(rows: Sequence[Mapping[str, Any]], signals: int) -> Table:
    """Return the rows as a table for people, with what histories say nothing of."""
    which = f"the first {signals} signals of each" if signals else "all signals"
    title = f"What a protection costs: {which} of {len(rows[0]['by_history'])} captured histories, both sums in pUSD"
    columns = ("followed without", "no longer followed", "PnL without", "PnL with", "better with it in")
    table = Table("protection", *columns, title=title, caption=_caption())
    for row in rows:
        better = sum(float(kept) > float(bare) for bare, kept in (one["pnl"] for one in row["by_history"]))
        results = (_result(row[f"pnl_{how}"], row[f"spent_{how}"]) for how in ("without", "with"))
        figures = (str(row["followed_without"]), str(row["no_longer"]), *results)
        table.add_row(row["protection"], *figures, f"{better} of {len(row['by_history'])}")
    return table


def _result(pnl: str, spent: str) -> str:
    """Return a result, and what part it is of what was spent."""
    part = f" ({float(pnl) / float(spent):+.2%})" if float(spent) else ""
    return f"{float(pnl):.2f}{part}"


def _caption() -> str:
    absent = [one.name for one in PROTECTIONS if one.missing]
    not_yet = [f"{name}: not there yet" for name in absent]
    return "\n".join([*not_yet, *(f"{name}: {why}" for name, why in NOT_SHOWN.items())])
