"""The search: candidates judged one after the other, each kept at once, until all are or it is told to stop."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ops.discovery.domain.candidate import Candidate
from ops.discovery.domain.ranking import Report
from ops.discovery.judges import WalletJudge
from ops.discovery.report_store import ReportStore
from shared.clock import Clock
from shared.domain.errors import HybridError, TryAgain

MOST_SILENT = 3
"""Wallets in a row that could not be read: the venue is away, and asking on would only wait."""
Told = Callable[[int, str], None]


@dataclass
class SearchResult:
    """Reports by candidate; `unread` holds who could not be judged, with the reason, and is tried again next time."""

    judged: list[tuple[Candidate, Report]] = field(default_factory=list[tuple[Candidate, Report]])
    unread: list[tuple[Candidate, str]] = field(default_factory=list[tuple[Candidate, str]])
    reused: int = 0
    stopped: str = ""


def search(
    candidates: Sequence[Candidate],
    judge: WalletJudge,
    store: ReportStore,
    clock: Clock,
    stop: threading.Event,
    told: Told = lambda _done, _address: None,
) -> SearchResult:
    """Judge `candidates`; what is kept and fresh is not judged again. `told` is called before each."""
    found, silent = SearchResult(), 0
    for done, candidate in enumerate(candidates):
        if stop.is_set():
            found.stopped = "told to stop"
            break
        told(done, candidate.address)
        kept = store.kept(candidate.address, clock.now_ms())
        if kept is not None:
            found.judged.append((candidate, kept))
            found.reused += 1
            continue
        try:
            report = {**judge.judge(candidate), "at_ms": clock.now_ms()}
        except HybridError as error:
            found.unread.append((candidate, str(error)))
            silent = silent + 1 if isinstance(error, TryAgain) else silent
            if silent >= MOST_SILENT:
                found.stopped = "the venue does not answer"
                break
            continue
        silent = 0
        store.keep(candidate.address, report)
        found.judged.append((candidate, report))
    told(len(found.judged) + len(found.unread), "")
    return found
