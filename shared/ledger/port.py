"""Balances, records and events that change together, once, or not at all: what a ledger offers."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Protocol

from msgspec.json import decode
from msgspec.structs import replace

from shared.domain.ledger_accounts import SHARES, Lot, behind_account, cost_account, shares_account
from shared.domain.ledger_write import Answer, Balances, LedgerRecord, LedgerWrite, Result
from shared.domain.record_kinds import LOTS
from shared.ledger.gated_commit import GateTurns

MOST_WRITES = 200_000
"""Writes remembered by id. Older ones cannot come back: their stream entries were acknowledged in the same step."""


class Ledger(Protocol):
    """Where balances live."""

    def commit(self, write: LedgerWrite) -> Result:
        """Carry out one step. Raises Fenced when another process holds the lease, Unavailable when Redis is away."""
        ...

    def commit_at(self, turns: GateTurns, write: LedgerWrite) -> Result:
        """Carry out one step at the next of `turns`: it is taken in the same step. Raises as `commit`."""
        ...

    def commit_all(self, writes: Sequence[LedgerWrite]) -> list[Result]:
        """Carry out each step by itself; raises as `commit` does, and some may have happened."""
        ...

    def commit_each(self, writes: Sequence[LedgerWrite], turns: Sequence[GateTurns | None]) -> list[Answer]:
        """Send steps to be carried out each by itself, in this order; their answers may come later.

        A step that needs no turn has None. Whoever asks for an answer waits for it, and where the step's turn comes
        later carries it out then; each raises as `commit_at` does.
        """
        ...

    def read(
        self, accounts: Sequence[str], writes: Sequence[str] = (), records: Sequence[tuple[str, str]] = ()
    ) -> Balances:
        """Return accounts (0 where unknown), which of `writes` happened, and `records`, as of one moment."""
        ...

    def records(self, kind: str) -> dict[str, str]:
        """Return all fields of one kind of record."""
        ...

    def records_of(self, kind: str, names: Sequence[str]) -> dict[str, str]:
        """Return those of these fields of one kind of record that are there, without reading the others."""
        ...

    def accounts(self) -> Balances:
        """Return every account that is not 0."""
        ...

    def snapshot(self, kinds: Sequence[str]) -> "Ledger":
        """Return a ledger to read every account and these kinds of records from, as of one moment and asked once."""
        ...


def open_lots(ledger: Ledger, values: Mapping[str, int] | None = None) -> list[Lot]:
    """Return every lot that holds shares, oldest first; they are found by their accounts, however many ended before.

    `values` are all accounts, where they are at hand.
    """
    values = ledger.accounts().values if values is None else values
    held = [name.removeprefix(SHARES) for name, value in values.items() if value and name.startswith(SHARES)]
    lots = [_lot_in(text, values) for text in ledger.records_of(LOTS, held).values()]
    return sorted(lots, key=lambda lot: (lot.opened_at_ms, lot.key))


def leaders_with_lots(ledger: Ledger) -> frozenset[str]:
    """Return the leaders because of whom shares are held."""
    values = ledger.accounts().values
    return frozenset(name.split(":")[1] for name, value in values.items() if value and name.startswith(SHARES))


def _lot_in(text: str, values: Mapping[str, int]) -> Lot:
    lot = _empty_lot(text)
    shares, cost, behind = map(values.get, _accounts_of(lot.leader, lot.token_id), repeat(0))
    return replace(lot, shares=shares, cost=cost, behind=behind)


@lru_cache(maxsize=4096)
def _accounts_of(leader: str, token_id: str) -> tuple[str, str, str]:
    return shares_account(leader, token_id), cost_account(leader, token_id), behind_account(leader, token_id)


@lru_cache(maxsize=4096)
def _empty_lot(text: str) -> Lot:
    """Return what a record says of a lot, without its amounts; kept, as open lots are read again and again."""
    return Lot(**decode(text), shares=0, cost=0)


def lot_record(lot: Lot) -> LedgerRecord:
    """Return the record that says what a lot is (its amounts are accounts)."""
    said = (lot.leader, lot.token_id, lot.condition_id, lot.outcome_index, lot.title, lot.event_id, lot.group)
    return LedgerRecord(LOTS, lot.key, _lot_text(*said, lot.opened_at_ms))


@lru_cache(maxsize=4096)
def _lot_text(
    leader: str,
    token_id: str,
    condition_id: str,
    outcome_index: int,
    title: str,
    event_id: str,
    group: str,
    opened_at_ms: int,
) -> str:
    return json.dumps(
        {
            "leader": leader,
            "token_id": token_id,
            "condition_id": condition_id,
            "outcome_index": outcome_index,
            "title": title,
            "event_id": event_id,
            "group": group,
            "opened_at_ms": opened_at_ms,
        }
    )
