"""`--parity`: a captured session through the live engine again; each decision must come out the same."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.table import Table

from backtest.history.capture_tape import CaptureTape, read_tape
from backtest.replay.replay import ReplayedDecision, SessionReplay
from backtest.simulation.pacing import ReplayPace
from shared.capture.capture import Capture
from shared.domain import exit_codes, ledger_accounts
from shared.domain.errors import BadConfig
from shared.domain.money import Usdc, from_micro
from shared.terminal import Terminal


def main(files: Sequence[Path], changed: Mapping[str, object], pace: ReplayPace, *, echo: bool) -> int:
    """Replay one capture and print a summary; exit code 1 when a decision differs and nothing was changed.

    Raises:
        BadConfig: more than one file, no capture of a session, or one that cannot be played again as a whole.
    """
    if len(files) != 1:
        raise BadConfig(f"--parity: one capture at a time, got {len(files)} files")
    tape = read_tape(Capture.open(files[0]))
    _check_playable(tape)
    again = SessionReplay(tape, changed)
    made = list[ReplayedDecision]()
    for item in again.run(pace):
        made.append(item)
        if echo:
            sys.stdout.write(item.text + "\n")
    _summary(made, again)
    return exit_codes.CLEAN if changed or all(item.same for item in made) else exit_codes.CRASH


def _check_playable(tape: CaptureTape) -> None:
    instead = "--redecide makes each of its decisions again from what it recorded"
    if any(decision.mode == "live" for decision, _ in tape.decisions):
        raise BadConfig(f"--parity {tape.capture.path}: a live session's venue cannot be played back: {instead}")
    if tape.shards > 1:
        raise BadConfig(
            f"--parity {tape.capture.path}: its {tape.shards} shards decided at the same time, and a replay decides "
            f"one after the other: {instead}"
        )


def _summary(made: list[ReplayedDecision], again: SessionReplay) -> None:
    console = Terminal(stderr=True)
    table = Table(title=f"{len(made)} decisions replayed", title_justify="left")
    table.add_column("verdict")
    table.add_column("reason")
    table.add_column("count", justify="right")
    for (verdict, reason), count in Counter((i.decision.verdict, i.decision.reason) for i in made).most_common():
        table.add_row(verdict, reason, str(count))
    console.print(table)
    values = again.ledger.values
    outcomes = [item.decision.outcome for item in made if item.decision.verdict == "BUY"]
    bought = from_micro(sum((outcome.usdc + outcome.fee for outcome in outcomes if outcome), Usdc(0)))
    fees, realized, cash = (
        from_micro(values.get(account, 0))
        for account in (ledger_accounts.FEES, ledger_accounts.REALIZED, ledger_accounts.CASH)
    )
    console.print(f"bought for {bought} · fees {fees} · realized {realized} · cash {cash}")
    differing = [item for item in made if not item.same]
    console.print(f"identical to the recording, byte for byte: {len(made) - len(differing)} of {len(made)}")
    for item in differing[:3]:
        console.print(f"  differs: {item.decision.signal_id} {item.decision.verdict} {item.decision.reason}")
