"""A step of the ledger that is ready to be carried out, and what follows once it is known what became of it.

A signal is a chain of them: its intent, behind which its order goes out, and its end. Steps of several signals that are
ready at one moment go in one round trip.
"""

from collections.abc import Callable
from typing import NamedTuple

from shared.domain.ledger_write import LedgerWrite, Result
from shared.messages.decisions import BuyEngineDecision


class ReadyStep(NamedTuple):
    """A step, and what follows it: the next one, or what it came to. `at_turn` takes a turn at the order gate.

    One that is `alone` goes out without another order of its token: its end rests on what it was decided on.
    """

    write: LedgerWrite
    then: "Callable[[Result], Judged]"
    at_turn: bool = False
    alone: bool = False


Judged = ReadyStep | BuyEngineDecision | None
"""A signal that was looked at: its next step, or what it came to where it has none."""
