"""Progress of a long history on stderr: what is under way, how far it is, and the time left."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from backtest.domain.market_events import MarketEvent
from shared.messages.signals import ActionableSignal

Told = Callable[[str, float], None]
"""Told what is under way, and how much of it is done: from 0 to 1."""
EVERY = 5000


@contextmanager
def progress_bar(console: Console) -> Generator[Told]:
    """Show a bar while the block runs; each new thing under way begins a new one."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task, under_way = bar.add_task("", total=1.0, visible=False), ""

        def tell(what: str, done: float) -> None:
            nonlocal under_way
            if what != under_way:
                under_way = what
                bar.reset(task, total=1.0, description=what, visible=True)
            bar.update(task, completed=min(1.0, done))

        yield tell


def counted(market_events: Iterable[MarketEvent], trades: int, told: Told) -> Iterator[MarketEvent]:
    """Pass events on and tell how many of so many trades have been."""
    done = 0
    for event in market_events:
        what = event.what
        if isinstance(what, ActionableSignal):
            before, done = done, done + len(what.fills)
            if trades and done // EVERY > before // EVERY:
                told("following", done / trades)
        yield event


def silent(_what: str, _done: float) -> None:
    """Tell nobody."""
