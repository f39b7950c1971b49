"""Amounts as messages write them. Pure."""

from shared.domain.money import from_micro


def cents(micro: int | None) -> str:
    """Return micro-units, of pUSD or of shares, with two places; `unknown` where nobody knows."""
    return "unknown" if micro is None else f"{from_micro(micro):,.2f}"


def signed_cents(micro: int | None) -> str:
    """Return a gain or loss in micro-units with its sign and two places; `unknown` where nobody knows."""
    return "unknown" if micro is None else f"{from_micro(micro):+,.2f}"
