"""Compare the pipeline's signals with the simulator's own record of what leaders did. Pure.

The simulator is the judge: it knows every fill it made, and imports nothing of ours.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.messages.signals import ActionableSignal

Key = tuple[str, str, str, str]
"""Leader, transaction, token, side."""


@dataclass(frozen=True)
class FillAmount:
    """Fills of one key: how many, and their micro-units."""

    fills: int = 0
    shares: int = 0
    usdc: int = 0

    def plus(self, fills: int, shares: int, usdc: int) -> "FillAmount":
        """Return the sum."""
        return FillAmount(self.fills + fills, self.shares + shares, self.usdc + usdc)


@dataclass(frozen=True)
class DemoVerdict:
    """`missed` fills were never signalled, `duplicated` ones more than once, `wrong` keys have other amounts."""

    fills: int
    missed: int
    duplicated: int
    wrong: int

    @property
    def clean(self) -> bool:
        """Say whether every fill was signalled exactly once."""
        return not (self.missed or self.duplicated or self.wrong)


def judge_demo(truth: Iterable[Mapping[str, Any]], signals: Iterable[ActionableSignal]) -> DemoVerdict:
    """Compare the simulator's fills with our signals, key by key, to the micro-unit."""
    expected, seen = _expected(truth), _seen(signals)
    missed = duplicated = wrong = 0
    for key in expected.keys() | seen.keys():
        want, have = expected.get(key, FillAmount()), seen.get(key, FillAmount())
        missed += max(0, want.fills - have.fills)
        duplicated += max(0, have.fills - want.fills)
        wrong += want.fills == have.fills and want != have
    return DemoVerdict(sum(amount.fills for amount in expected.values()), missed, duplicated, wrong)


def _expected(truth: Iterable[Mapping[str, Any]]) -> dict[Key, FillAmount]:
    totals: dict[Key, FillAmount] = {}
    for fill in truth:
        if fill["tracked"] and not fill["removed"]:
            key = (fill["leader"], fill["tx_hash"], fill["token_id"], fill["side"])
            amount = totals.get(key, FillAmount())
            totals[key] = amount.plus(1, int(fill["shares_micro"]), int(fill["usdc_micro"]))
    return totals


def _seen(signals: Iterable[ActionableSignal]) -> dict[Key, FillAmount]:
    totals: dict[Key, FillAmount] = {}
    for signal in (signal for signal in signals if signal.cause == "TRADE"):
        key = (signal.leader, signal.tx_hash, signal.token_id, signal.side)
        amount = totals.get(key, FillAmount())
        totals[key] = amount.plus(len(signal.fills), signal.shares, signal.usdc)
    return totals
