"""`python -m ops.web.jobs.wallet_job ADDRESS DAYS FOLDER`: a leader's report, with its progress as JSON lines."""

from shared.process.early_signals import early_signals

with early_signals("wallet report"):
    import json
    import sys
    from collections.abc import Iterator, Sequence
    from contextlib import nullcontext
    from pathlib import Path

    from backtest.domain.market_events import MarketEvent
    from backtest.history.market_facts import UNSURE
    from backtest.results.copyability import copyability_json
    from backtest.results.source_reading import reading_lines
    from backtest.settings import decided_settings
    from backtest.simulation.latency import read_delay
    from ops.operator.leaders import checked
    from ops.research.wallet import DELAYS_S, follow
    from ops.research.wallet_history import ask
    from shared.clock import SystemClock
    from shared.domain.errors import HybridError
    from shared.domain.money import to_micro
    from shared.process.shutdown_signals import die_with_parent
    from shared.process.stderr_lines import say_event

_EVERY = 500
"""Events between two words of progress."""


def main(words: Sequence[str]) -> int:
    """Write the report and say how far it is; return the exit code."""
    die_with_parent()
    address, days, folder = words
    try:
        write_report(checked(address), float(days), Path(folder))
    except HybridError as error:
        return say_event("hybrid", error)
    return 0


def write_report(leader: str, days: float, folder: Path) -> None:
    """Ask the venue, follow at each delay, and write what came of it to a file of `folder`."""
    clock = SystemClock()
    _say("asking the venue for the wallet's trades")
    told = ask(leader, days, clock)
    notes = [*told.notes, *reading_lines([told.counts.reading()])]
    for note in notes:
        print(note, flush=True)  # noqa: T201 - the job's own log
    found = decided_settings([], {})
    delays = {delay_s: read_delay(str(delay_s), {}) for delay_s in DELAYS_S}

    def history() -> Iterator[MarketEvent]:
        return _counted(told.market_events)

    bankroll = to_micro(found.bankroll)
    copies, profile = follow(history, leader, delays, found.limits, bankroll, nullcontext(), UNSURE)
    name = f"{clock.now_ms()}-{leader}"
    report = {**copyability_json(copies, profile), "at_ms": clock.now_ms(), "days": days, "notes": notes}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(report), encoding="utf-8")
    _say("written", result=name)


def _counted(events: Sequence[MarketEvent]) -> Iterator[MarketEvent]:
    for number, event in enumerate(events):
        if number % _EVERY == 0:
            _say(f"following it at {', '.join(f'{delay_s:g} s' for delay_s in DELAYS_S)}", number, len(events))
        yield event


def _say(stage: str, done: int = 0, of: int = 0, result: str = "") -> None:
    print(json.dumps({"stage": stage, "done": done, "of": of, "result": result}), flush=True)  # noqa: T201 - the job's own log


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
