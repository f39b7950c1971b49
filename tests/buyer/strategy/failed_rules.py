"""The names of the rules that fail for a signal."""

from typing import Any

from buyer.strategy.policy import decide_signal
from tests.buyer.builders import (
    a_case,
)


def failed(**changes: Any) -> set[str]:
    """Return the names of the rules that fail."""
    return {rule.rule for rule in decide_signal(a_case(**changes)).rules if not rule.passed}
