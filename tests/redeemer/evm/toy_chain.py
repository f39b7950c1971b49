"""A chain in a few lines, fast enough to be tried in thousands of ways: conditions, one adapter, one wallet that signs.

Blocks are a list and everything else is read off them, so a block that is taken back never happened. Its contracts do
what the real ones do (the tests around this): a redemption takes all shares, a second one pays nothing and succeeds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import rlp
from eth_hash.auto import keccak

from redeemer.domain.contract_calls import REDEEM
from redeemer.redemption.holdings import BALANCE_OF as SHARES_OF
from redeemer.redemption.holdings import COLLECTION_ID
from redeemer.transactions.node_client import BALANCE_OF as TOKEN_OF
from shared.domain.errors import Unavailable
from shared.polymarket.wire import abi
from shared.polymarket.wire.conditions import OUTCOME_SLOT_COUNT, PAYOUT_DENOMINATOR, PAYOUT_NUMERATORS
from shared.polymarket.wire.contracts import Contracts
from shared.polymarket.wire.endpoints import PAYOUT_REDEMPTION, TRANSFER, TRANSFER_BATCH

GWEI = 10**9
SOMEBODY = "0x" + "5b" * 20
_ROOT = "0x" + "0" * 64
_NOBODY = "0x" + "0" * 40


@dataclass(frozen=True)
class Transaction:
    """What a block holds: who sent it, and which condition it redeems for our wallet ('' for none)."""

    hash: str
    sender: str
    nonce: int
    condition: str = ""
    tip: int = 0
    most: int = 0
    percent: int = 100
    """How much of what it owes the adapter pays."""


class ToyChain:
    """One wallet's chain, and the node before it: `dies_in` posts from now it stops answering (0: never)."""

    def __init__(self, wallet: str, contracts: Contracts) -> None:
        self.wallet, self.contracts = wallet, contracts
        self.payouts: dict[str, tuple[int, int]] = {}
        self.held: dict[str, tuple[int, int]] = {}
        self.percent: dict[str, int] = {}
        self.blocks: list[tuple[Transaction, ...]] = [(), (), (), ()]
        self.pending: dict[str, Transaction] = {}
        self.forks = 0
        self.floor = GWEI
        self.dies_in = 0
        self.dead = False

    chain_id = 137

    # what tests do to it

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.blocks.append(())
            while ready := [each for each in self.pending.values() if self._fits(each)]:
                best = max(ready, key=lambda each: each.tip)
                self._include(best)

    def take_back(self, blocks: int, *, keep: bool) -> None:
        """Forget the newest blocks; what we sent waits again where the pool kept it."""
        gone = [each for block in self.blocks[-blocks:] for each in block]
        self.blocks = [*self.blocks[:-blocks], *[()] * blocks]
        self.forks += 1
        self.pending |= {each.hash: each for each in gone if keep and each.sender == self.wallet and each.tip}

    def redeemed_by_somebody(self, condition: str) -> str:
        """Let the automatic redeemer be first."""
        self.blocks.append(())
        made = Transaction(_hash("auto", condition, len(self.blocks), self.forks), SOMEBODY, 0, condition)
        self._include(made)
        return made.hash

    def key_used_elsewhere(self) -> None:
        """Let another program send something with our key."""
        self.blocks.append(())
        self._include(Transaction(_hash("other", len(self.blocks), self.forks), self.wallet, self._count()))

    def paid(self, condition: str) -> int:
        """Return what came to the wallet for a condition."""
        return sum(self._pays(each, number) for number, each in self._all() if each.condition == condition)

    def nonces(self) -> list[int]:
        return [each.nonce for _, each in self._all() if each.sender == self.wallet]

    # the node

    def post(self, path: str, json: dict[str, Any] | list[dict[str, Any]], /, lane: object) -> Any:
        del path, lane
        self.dies_in -= 1
        self.dead = self.dead or self.dies_in == 0
        if self.dead:
            raise Unavailable("the node did not answer")
        if isinstance(json, list):
            return [self._answer(each) for each in json]
        return self._answer(json)

    def throttled(self, _: float | None) -> None:
        """Nobody is throttled here."""

    def _answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        method = getattr(self, asked["method"])
        try:
            return {"id": asked["id"], "result": method(*asked["params"])}
        except ValueError as error:
            return {"id": asked["id"], "error": {"code": -32000, "message": str(error)}}

    def eth_chainId(self) -> str:  # noqa: N802 - the method's own name, as all below
        return hex(137)

    def eth_blockNumber(self) -> str:  # noqa: N802
        return hex(len(self.blocks) - 1)

    def eth_getBlockByNumber(self, _block: str, _whole: object) -> dict[str, Any]:  # noqa: N802
        return {"number": self.eth_blockNumber(), "baseFeePerGas": hex(GWEI)}

    def eth_maxPriorityFeePerGas(self) -> str:  # noqa: N802
        return hex(GWEI)

    def eth_getBalance(self, _address: str, _block: str) -> str:  # noqa: N802
        return hex(10**21)

    def eth_estimateGas(self, _call: object) -> str:  # noqa: N802
        return hex(200_000)

    def eth_getTransactionCount(self, _address: str, block: str) -> str:  # noqa: N802
        count = self._count(int(block, 16) if block.startswith("0x") else None)
        while block == "pending" and count in {each.nonce for each in self.pending.values()}:
            count += 1
        return hex(count)

    def eth_sendRawTransaction(self, raw: str) -> str:  # noqa: N802
        fields = cast("list[Any]", rlp.decode(bytes.fromhex(raw[4:])))
        nonce, tip, most = (int.from_bytes(fields[place], "big") for place in (1, 2, 3))
        made = Transaction("0x" + keccak(bytes.fromhex(raw[2:])).hex(), self.wallet, nonce, "", tip, most)
        made = replace(made, condition="0x" + fields[7].hex()[136:200] if fields[7] else "")
        if made.nonce < self._count():
            raise ValueError("nonce too low")
        rivals = [each for each in self.pending.values() if each.nonce == nonce and each.hash != made.hash]
        if any(tip * 10 < rival.tip * 11 or most * 10 < rival.most * 11 for rival in rivals):
            raise ValueError("replacement transaction underpriced")
        for rival in rivals:
            del self.pending[rival.hash]
        self.pending[made.hash] = made
        return made.hash

    def eth_getTransactionReceipt(self, tx_hash: str) -> dict[str, Any] | None:  # noqa: N802
        found = next(((number, each) for number, each in self._all() if each.hash == tx_hash), None)
        if found is None:
            return None
        number, made = found
        return {
            "transactionHash": tx_hash,
            "blockNumber": hex(number),
            "blockHash": _hash("block", number, self.forks),
            "status": "0x1",
            "gasUsed": hex(150_000),
            "effectiveGasPrice": hex(2 * GWEI),
            "logs": self._logs(made, number),
        }

    def eth_getLogs(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:  # noqa: N802
        number = int(asked["fromBlock"], 16)
        logs = [log for each in self.blocks[number] for log in self._logs(each, number)]
        return [log for log in logs if log["topics"][0] in asked["topics"] and log["address"] in asked["address"]]

    def eth_call(self, call: Mapping[str, Any], block: str) -> str:
        data = str(call["data"])
        number = int(block, 16) if block.startswith("0x") else len(self.blocks) - 1
        words = [int(data[at : at + 64], 16) for at in range(10, len(data), 64)]
        readers: dict[str, Any] = {
            PAYOUT_DENOMINATOR: lambda: sum(self._vector(words[0])),
            OUTCOME_SLOT_COUNT: lambda: 2,
            PAYOUT_NUMERATORS: lambda: self._vector(words[0])[words[1]],
            COLLECTION_ID: lambda: int(_hash("collection", words[1], words[2]), 16),
            SHARES_OF: lambda: self._shares(words[1], number),
            TOKEN_OF: lambda: sum(self._pays(each, at) for at, each in self._all() if at <= number),
            REDEEM: lambda: 0,
        }
        return "0x" + f"{readers[data[:10]]():064x}"

    # what follows from the blocks

    def tokens(self, condition: str) -> tuple[str, str]:
        """Return the token ids of both outcomes."""
        collateral = bytes.fromhex(self.contracts.usdc_e[2:])
        made = [bytes.fromhex(_hash("collection", int(condition, 16), place)[2:]) for place in (1, 2)]
        first, second = (str(int.from_bytes(keccak(collateral + each), "big")) for each in made)
        return first, second

    def owed(self, condition: str) -> int:
        """Return what the wallet's shares are worth."""
        vector = self.payouts[condition]
        pairs = zip(self.held[condition], vector, strict=True)
        return sum(shares * part // sum(vector) for shares, part in pairs)

    def _fits(self, made: Transaction) -> bool:
        return made.nonce == self._count() and made.tip >= self.floor

    def _include(self, made: Transaction) -> None:
        as_it_is = replace(made, percent=self.percent.get(made.condition, 100))
        self.blocks[-1] = (*self.blocks[-1], as_it_is)
        self.pending = {name: each for name, each in self.pending.items() if each.nonce >= self._count()}

    def _all(self) -> list[tuple[int, Transaction]]:
        return [(number, each) for number, block in enumerate(self.blocks) for each in block]

    def _count(self, block: int | None = None) -> int:
        last = len(self.blocks) if block is None else block
        return sum(each.sender == self.wallet for number, each in self._all() if number <= last)

    def _first(self, condition: str) -> Transaction | None:
        """Return the redemption that found shares."""
        return next((each for _, each in self._all() if each.condition == condition), None)

    def _pays(self, made: Transaction, _number: int) -> int:
        first = self._first(made.condition) if made.condition else None
        if first is None or first.hash != made.hash:
            return 0
        return self.owed(made.condition) * made.percent // 100

    def _shares(self, token: int, number: int) -> int:
        for condition, held in self.held.items():
            tokens = self.tokens(condition)
            if str(token) in tokens:
                gone = any(each.condition == condition and at <= number for at, each in self._all())
                return 0 if gone else held[tokens.index(str(token))]
        return 0

    def _vector(self, condition: int) -> tuple[int, int]:
        return self.payouts.get(f"0x{condition:064x}", (0, 0))

    def _logs(self, made: Transaction, number: int) -> list[dict[str, Any]]:
        if not made.condition:
            return []
        first = self._first(made.condition)
        given = self.held[made.condition] if first and first.hash == made.hash else (0, 0)
        told = self.owed(made.condition) if any(given) else 0
        adapter, tokens = self.contracts.ctf_collateral_adapter, [int(each) for each in self.tokens(made.condition)]
        moved = abi.encode_words(tokens, list(given))
        paid = abi.encode_words(made.condition, [1, 2], told)
        came = abi.encode_words(self._pays(made, number))
        ctf, pusd = self.contracts.conditional_tokens, self.contracts.pusd
        parts = [
            (ctf, [TRANSFER_BATCH, _topic(adapter), _topic(self.wallet), _topic(adapter)], moved),
            (ctf, [PAYOUT_REDEMPTION, _topic(adapter), _topic(self.contracts.usdc_e), _ROOT], paid),
            (pusd, [TRANSFER, _topic(_NOBODY), _topic(self.wallet)], came),
        ]
        return [
            {"address": address, "topics": topics, "data": "0x" + data.hex(), "transactionHash": made.hash}
            for address, topics, data in parts
        ]


def _topic(address: str) -> str:
    return "0x" + "0" * 24 + address[2:]


def _hash(*parts: object) -> str:
    return "0x" + keccak("|".join(map(str, parts)).encode()).hex()
