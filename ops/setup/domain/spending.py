"""How much to follow with: three presets and one's own, as settings, in words and in money. Pure."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from shared.domain.value import Value

_MARKET_STAKES, _EVENT_STAKES = 10, 20
_TOTAL_DAYS = Decimal("2.5")
_MOST = 100_000
_USUAL_MAX_STAKE = 100
_SMALLEST_SHARES = 5
"""The least that most markets take: a smaller stake is raised to it (BUMP_TO_MINIMUM)."""


class Spending(Value, frozen=True, kw_only=True):
    """A stake for each trade that is followed, and what a day may cost, in pUSD; the other caps follow from both."""

    stake: Decimal
    day: Decimal

    @property
    def settings(self) -> Mapping[str, str]:
        """Return the caps: 10 stakes a market, 20 an event, a day's money a leader, two and a half days' in all."""
        market = min(_MARKET_STAKES * self.stake, self.day)
        event, half = min(_EVENT_STAKES * self.stake, self.day), max(self.day / 2, self.stake)
        return {
            "STAKE_USDC": _text(self.stake),
            "MAX_STAKE_USDC": _text(max(self.stake, Decimal(_USUAL_MAX_STAKE))),
            "MAX_MARKET_USDC": _text(market),
            "MAX_EVENT_USDC": _text(event),
            "MAX_GROUP_USDC": _text(event),
            "MAX_LEADER_USDC": _text(self.day),
            "MAX_DAY_USDC": _text(self.day),
            "MAX_TOTAL_USDC": _text(_TOTAL_DAYS * self.day),
            "MAX_DAY_LOSS_USDC": _text(half),
            "MAX_DRAWDOWN_USDC": _text(half),
        }

    @property
    def title(self) -> str:
        """Say it in a few words."""
        return f"{_text(self.stake)} pUSD a trade, {_text(self.day)} a day"

    @property
    def words(self) -> str:
        """Say it in words and money."""
        caps = self.settings
        raised = (
            f" (raised where a market takes {_SMALLEST_SHARES} shares at least)"
            if self.stake < _SMALLEST_SHARES
            else ""
        )
        return (
            f"{_text(self.stake)} pUSD a trade{raised}; at most {caps['MAX_MARKET_USDC']} in one market, "
            f"{caps['MAX_DAY_USDC']} a day, {caps['MAX_TOTAL_USDC']} in all; a day's loss of "
            f"{caps['MAX_DAY_LOSS_USDC']} stops buying until the next day"
        )


PRESETS: Mapping[str, Spending] = {
    "small": Spending(stake=Decimal(2), day=Decimal(20)),
    "usual": Spending(stake=Decimal(5), day=Decimal(200)),
    "large": Spending(stake=Decimal(20), day=Decimal(800)),
}
"""By name, the least money first; `usual` is what the programs do by themselves."""
OWN = "own"


def read_amount(text: str) -> Decimal:
    """Read an amount of pUSD.

    Raises:
        ValueError: it is none, or out of bounds.
    """
    try:
        amount = Decimal(text.strip().removesuffix("pUSD").removeprefix("$").strip())
    except InvalidOperation:
        raise ValueError(f"{text!r} is no amount: a number of pUSD, as 5 or 2.50") from None
    if not amount.is_finite() or not 0 < amount <= _MOST or amount != round(amount, 6):
        raise ValueError(f"{text!r}: more than 0, at most {_MOST:,}, with 6 decimals at most")
    return amount


def stake_problem(text: str) -> str:
    """Return what is wrong with a stake, '' for nothing."""
    try:
        read_amount(text)
    except ValueError as error:
        return str(error)
    return ""


def day_problem(text: str, stake: Decimal) -> str:
    """Return what is wrong with a day's budget beside the stake, '' for nothing."""
    try:
        day = read_amount(text)
    except ValueError as error:
        return str(error)
    return (
        "" if day >= stake else f"{_text(day)} a day is less than one stake of {_text(stake)}: nothing would be bought"
    )


def _text(amount: Decimal) -> str:
    return format(amount.quantize(Decimal("0.000001")).normalize(), "f")
