"""A step of the ledger that is ready to be carried out, and what follows once it is known what became of it."""

from collections.abc import Callable
from typing import NamedTuple

from shared.domain.ledger_write import LedgerWrite, Result
from shared.messages.decisions import BuyEngineDecision


class ReadyStep(NamedTuple):
    """Steps that are ready at one moment go in one round trip; a step `at_turn` takes a turn at the order gate."""

    write: LedgerWrite
    then: Callable[[Result], BuyEngineDecision | None]
    at_turn: bool = False


Judged = ReadyStep | BuyEngineDecision | None
"""A signal that was looked at: its first step, or what it came to where it has none."""
