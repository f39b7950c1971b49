"""The record of what was published or dropped of a key: the text that Redis compares before each publish. Pure.

`parts|witness+witness=shares:usdc,shares:usdc;...`: one group for each signal, or for what was dropped (a leading `!`).
A witness is `source@milliseconds`, so whoever comes later (another process, the next life of this one) knows who saw it
first and when. Texts of an earlier version have no witnesses: they count as published, and nobody confirms them.
"""

from collections.abc import Iterable
from typing import NamedTuple

Amount = tuple[int, int]
"""(shares, usdc) in micro-units."""

Witness = tuple[str, int]
"""(source, when it showed this)."""


class PublishedRecord(NamedTuple):
    """One signal of a key, or a drop that is for ever."""

    amounts: tuple[Amount, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    dropped: bool = False


def amounts_of(parts: Iterable[PublishedRecord], *, dropped: bool = True) -> tuple[Amount, ...]:
    """Return the amounts of all records, the dropped ones only if wanted."""
    return tuple(amount for part in parts if dropped or not part.dropped for amount in part.amounts)


def write_record(parts: tuple[PublishedRecord, ...]) -> str:
    """Return these records as text."""
    return f"{len(parts)}|" + ";".join(_written(part) for part in parts)


def read_record(text: str) -> tuple[PublishedRecord, ...] | None:
    """Return the records of a text; None for what we did not write."""
    head, bar, body = text.partition("|")
    try:
        count, groups = int(head), [_part(group) for group in body.split(";") if group]
    except ValueError:
        return None
    # Texts of an earlier version count more records than they describe: the first ones are blank, and published.
    return (PublishedRecord(),) * max(0, count - len(groups)) + tuple(groups) if bar else None


def _written(part: PublishedRecord) -> str:
    names = "+".join(f"{source}@{at_ms}" for source, at_ms in part.witnesses)
    amounts = ",".join(f"{shares}:{usdc}" for shares, usdc in part.amounts)
    return f"{'!' if part.dropped else ''}{names}={amounts}"


def _part(group: str) -> PublishedRecord:
    names, equals, amounts = group.removeprefix("!").rpartition("=")
    pairs = [pair.split(":") for pair in amounts.split(",") if pair]
    return PublishedRecord(
        tuple((int(shares), int(usdc)) for shares, usdc in pairs),
        tuple(_witness(name) for name in names.split("+") if name) if equals else (),
        group.startswith("!"),
    )


def _witness(name: str) -> Witness:
    source, _, at_ms = name.rpartition("@")
    return source, int(at_ms)
