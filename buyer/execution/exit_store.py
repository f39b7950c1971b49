"""The exits in the ledger, each kept until its lot is sold; every write is fenced by the lease."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from buyer.strategy.exit_policy import exit_attempt, exit_by_hand
from buyer.strategy.exits.exit_floor import share_price
from shared.domain.ledger_accounts import (
    COST,
    FLATTEN,
    SHARES,
    Lot,
    behind_account,
    cost_account,
    lot_key,
    shares_account,
)
from shared.domain.ledger_write import BalanceGuard, FencingToken, LedgerRecord, LedgerWrite
from shared.domain.money import Price, Shares
from shared.domain.record_kinds import EXITS, GATHERED, INTENTS, LEFT, LOTS, ORDERS, SALES, STAKED
from shared.domain.trading_controls import CONTROLS, NOTES, sells_at_any_price
from shared.ledger.port import Ledger, open_lots
from shared.messages.decisions import ExitTask, Gathered
from shared.messages.value_codec import codec_of, write_value

LOOKED_AT = (EXITS, SALES, CONTROLS)
"""Records that say what is to be sold; of lots, only those that are held are read."""
SWEPT_AT_ONCE, MOST_SWEPT = 200, 20_000
"""Lots that are forgotten in one step, and in one sweep."""


@dataclass(frozen=True)
class ExitState:
    """Every lot with shares, every exit under way by lot, all balances, and whether all is to be sold at any price."""

    lots: tuple[Lot, ...]
    tasks: Mapping[str, ExitTask]
    values: Mapping[str, int]
    at_any_price: bool = False
    by_hand: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def flattening(self) -> bool:
        """Say whether every lot is to be sold."""
        return bool(self.values.get(FLATTEN))

    def empty(self, task: ExitTask) -> bool:
        """Say whether nothing is held of an exit's lot, and no order of it is under way."""
        return not any(self.values.get(name) for name in _accounts_of(task))

    def lot_of(self, task: ExitTask) -> Lot | None:
        """Return an exit's lot while it holds shares."""
        named = task.leader, task.token_id
        return next((lot for lot in self.lots if (lot.leader, lot.token_id) == named), None)

    def cost_of(self, task: ExitTask) -> Price:
        """Return what a share of an exit's lot cost."""
        shares, cost = (self.values.get(name, 0) for name in _accounts_of(task))
        return share_price(cost, shares)


class ExitStore:
    """Begins, counts and ends exits."""

    def __init__(self, ledger: Ledger, fence: Callable[[], FencingToken | None]) -> None:
        self._ledger, self._fence = ledger, fence

    def read(self) -> ExitState:
        """Return what is held and what is being sold."""
        ledger = self._ledger.snapshot(LOOKED_AT)
        tasks = {key: codec_of(ExitTask).read(text) for key, text in ledger.records(EXITS).items()}
        values = ledger.accounts().values
        typed = bool(values.get(FLATTEN)) and sells_at_any_price(ledger.records(CONTROLS).get(NOTES[FLATTEN]))
        return ExitState(tuple(open_lots(self._ledger, values)), tasks, values, typed, ledger.records(SALES))

    def begin_by_hand(self, state: ExitState, now_ms: int) -> None:
        """Make an exit of each lot that a person wants sold, and forget the wish; one of no lot is forgotten alone."""
        lots = {lot.key: lot for lot in state.lots}
        for key, text in state.by_hand.items():
            wish, lot = json.loads(text), lots.get(key)
            floor = Price(wish["floor"]) if wish.get("floor") is not None else None
            begun = (LedgerRecord(EXITS, key, write_value(exit_by_hand(lot, floor, now_ms))),) if lot else ()
            records = (LedgerRecord(SALES, key, None), *begun)
            self._commit(LedgerWrite(id=f"exit-by-hand:{key}:{wish.get('at_ms', now_ms)}", records=records))

    def open(self, task: ExitTask) -> None:
        """Begin an exit."""
        self._write(f"exit:{task.id}", task)

    def count(self, task: ExitTask, now_ms: int, last: str) -> ExitTask:
        """Count the next attempt, before it is made; `last` says what became of the one before."""
        again = exit_attempt(task, now_ms, last)
        self._write(f"exit-try:{task.id}:{again.attempt}", again)
        return again

    def end(self, task: ExitTask) -> None:
        """Forget an exit: nothing is left to sell."""
        key = lot_key(task.leader, task.token_id)
        self._commit(LedgerWrite(id=f"exit-end:{task.id}:{task.attempt}", records=(LedgerRecord(EXITS, key, None),)))

    def tell_position(self, lot: Lot, held: Shares, values: Mapping[str, int]) -> None:
        """Raise what stands behind a lot to what its leader holds; a list that lags never lowers it."""
        account = behind_account(lot.leader, lot.token_id)
        missing = held - values.get(account, 0)
        if missing > 0:
            self._commit(
                LedgerWrite(id=f"position:{lot.key}:{lot.opened_at_ms}:{held}", postings=((account, missing),))
            )

    def sweep(self, before_ms: int) -> bool:
        """Forget what is over; say whether there is more of it than one sweep may take.

        Gathered, bought or left before `before_ms`: its window is over, and nobody asks for it any more. Lots that
        ended without taking their record along, as sold ones did in ledgers of before.
        """
        values = self._ledger.accounts().values
        for key, text in self._ledger.records(GATHERED).items():
            if codec_of(Gathered).read(text).since_ms < before_ms and not _adds_up(key, values):
                self._commit(LedgerWrite(id=f"sweep:{key}:{before_ms}", records=(LedgerRecord(GATHERED, key, None),)))
        for kind in (STAKED, LEFT):
            found = self._ledger.records(kind)
            self._forget(kind, [key for key, text in found.items() if json.loads(text)["at_ms"] < before_ms], before_ms)
        return self._sweep_lots()

    def _forget(self, kind: str, keys: Sequence[str], before_ms: int) -> None:
        if keys:
            records = tuple(LedgerRecord(kind, key, None) for key in keys[:MOST_SWEPT])
            self._commit(LedgerWrite(id=f"sweep:{kind}:{before_ms}", records=records))

    def _sweep_lots(self) -> bool:
        """Forget the records of lots that hold nothing; each part's guards say that again in its own step."""
        records, under_way = self._ledger.records(LOTS), self._lots_of_orders()
        if under_way is None:
            return False
        balances = self._ledger.accounts()
        over = [lot for lot in records if lot not in under_way and not _has_balance(lot, balances.values)]
        starts = range(0, min(len(over), MOST_SWEPT), SWEPT_AT_ONCE)
        fence = self._fence()
        writes = [_forgotten(f"lots-over:{balances.seq}:{at}", over[at : at + SWEPT_AT_ONCE], fence) for at in starts]
        if writes:
            self._ledger.commit_all(writes)
        return len(over) > MOST_SWEPT

    def _lots_of_orders(self) -> set[str] | None:
        """Name the lots that an order under way may still change; None where one cannot be read."""
        found: set[str] = set()
        for text in (text for kind in (INTENTS, ORDERS) for text in self._ledger.records(kind).values()):
            try:
                said = json.loads(text)
                found.add(lot_key(said["leader"], said["token_id"]))
            except (ValueError, KeyError, TypeError):
                return None
        return found

    def _write(self, write_id: str, task: ExitTask) -> None:
        key = lot_key(task.leader, task.token_id)
        self._commit(LedgerWrite(id=write_id, records=(LedgerRecord(EXITS, key, write_value(task)),)))

    def _commit(self, write: LedgerWrite) -> None:
        self._ledger.commit(replace(write, fence=self._fence()))


def _adds_up(key: str, values: Mapping[str, int]) -> bool:
    """Say whether a record is of a leader's small sales, of a lot that is held."""
    lot, _, side = key.rpartition(":")
    return side == "SELL" and bool(values.get(SHARES + lot))


def _accounts_of(task: ExitTask) -> tuple[str, str]:
    return shares_account(task.leader, task.token_id), cost_account(task.leader, task.token_id)


def _has_balance(lot: str, values: Mapping[str, int]) -> bool:
    return bool(values.get(SHARES + lot) or values.get(COST + lot))


def _forgotten(write_id: str, lots: Sequence[str], fence: FencingToken | None) -> LedgerWrite:
    return LedgerWrite(
        id=write_id,
        records=tuple(LedgerRecord(LOTS, lot, None) for lot in lots),
        guards=tuple(BalanceGuard(name + lot, at_most=0) for lot in lots for name in (SHARES, COST)),
        fence=fence,
    )
