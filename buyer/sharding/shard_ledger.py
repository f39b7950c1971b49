"""The ledger as one shard sees it: everybody's balances, and the intents, orders, exits and lots of its own tokens."""

from collections.abc import Sequence

from buyer.domain.token_shard import TokenShard
from shared.domain.ledger_write import Answer, Balances, LedgerWrite, Result
from shared.ledger.gated_commit import GateTurns
from shared.ledger.port import Ledger


class ShardLedger:
    """A view; what is written goes to the one ledger, whose guards hold over all shards."""

    def __init__(self, ledger: Ledger, shard: TokenShard) -> None:
        self._ledger, self._shard = ledger, shard

    def commit(self, write: LedgerWrite) -> Result:
        """Carry out one step, as the ledger does."""
        return self._ledger.commit(write)

    def commit_at(self, turns: GateTurns, write: LedgerWrite) -> Result:
        """Carry out one step at a turn, as the ledger does."""
        return self._ledger.commit_at(turns, write)

    def commit_all(self, writes: Sequence[LedgerWrite]) -> list[Result]:
        """Carry out each step by itself, as the ledger does."""
        return self._ledger.commit_all(writes)

    def commit_each(self, writes: Sequence[LedgerWrite], turns: Sequence[GateTurns | None]) -> list[Answer]:
        """Carry out each step at its turn, as the ledger does."""
        return self._ledger.commit_each(writes, turns)

    def read(
        self, accounts: Sequence[str], writes: Sequence[str] = (), records: Sequence[tuple[str, str]] = ()
    ) -> Balances:
        """Read by name, as the ledger does."""
        return self._ledger.read(accounts, writes, records)

    def records(self, kind: str) -> dict[str, str]:
        """Return the fields of one kind of record that fall into the shard."""
        found = self._ledger.records(kind)
        return {name: text for name, text in found.items() if self._shard.keeps(kind, name, text)}

    def records_of(self, kind: str, names: Sequence[str]) -> dict[str, str]:
        """Return those of these fields that are there and fall into the shard."""
        found = self._ledger.records_of(kind, names)
        return {name: text for name, text in found.items() if self._shard.keeps(kind, name, text)}

    def snapshot(self, kinds: Sequence[str]) -> "ShardLedger":
        """Return a view of what the ledger holds now."""
        return ShardLedger(self._ledger.snapshot(kinds), self._shard)

    def accounts(self) -> Balances:
        """Return every account that is not 0."""
        return self._ledger.accounts()
