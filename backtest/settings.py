"""By what a backtest decides: the limits of the captured session or the defaults, with the changes asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from backtest.tape import limits_in
from buyer.config import BuyerSettings, parse_args
from buyer.limits import Limits
from shared.capture import Capture
from shared.errors import BadConfig


@dataclass(frozen=True)
class Decided:
    """The limits, and the collateral to begin with, in pUSD."""

    limits: Limits
    bankroll: Decimal


def of(captures: Sequence[Capture], changed: Mapping[str, str]) -> Decided:
    """Return the last settings in the captures, or the buyer's defaults (no environment), with changes.

    Raises:
        BadConfig: a capture's settings are not ours; ValidationError: a change has a wrong value.
    """
    found = [pair for capture in captures for pair in limits_in(capture)]
    defaults: BuyerSettings = parse_args([])
    limits, bankroll = found[-1] if found else (defaults.limits, defaults.paper_bankroll_usdc)
    return Decided(Limits.model_validate({**limits.model_dump(), **changed}), bankroll)


def changes(texts: Sequence[str]) -> dict[str, str]:
    """Read name=value pairs.

    Raises:
        BadConfig: no such limit.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name not in Limits.model_fields:
            raise BadConfig(f"--set {text}: expected name=value with one of {', '.join(Limits.model_fields)}")
        found[name] = value
    return found


def amount(option: str, text: str, most: Decimal = Decimal(10**12)) -> Decimal:
    """Read a decimal from 0 to `most`.

    Raises:
        BadConfig: it is none.
    """
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise BadConfig(f"{option} {text}: expected a number") from error
    if not (value.is_finite() and 0 <= value <= most):
        raise BadConfig(f"{option} {text}: expected a number from 0 to {most}")
    return value


def moment(at_ms: int) -> str:
    """Return a time as people read it."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M}"
