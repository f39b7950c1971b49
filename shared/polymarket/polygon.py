"""Polygon over JSON-RPC: the head, a block's time, logs."""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn, cast

from shared.domain.errors import GiveUp, HybridError, Malformed, RateLimited, Rejected, Unavailable
from shared.http.client import Upstream
from shared.polymarket.wire.order_filled import hex_number
from shared.polymarket.wire.parsing import Raw, as_list, as_object, read_text
from shared.polymarket.wire.venue_times import read_moment_ms
from shared.rate_limit.limits import GateLane

BATCH = 20
"""Calls in one request: public nodes take at least so many."""
Topics = Sequence[str | Sequence[str] | None]


class RangeTooWide(GiveUp):
    """The node refuses, or cannot finish, a span of blocks this wide; ask for less."""


class HistoryPruned(GiveUp):
    """The node no longer keeps these blocks (publicnode: 1.56 days); only another node can show them."""


class NodeBehind(Unavailable):
    """The node that answered does not know these blocks yet; ask again."""


_WORDS: tuple[tuple[tuple[str, ...], type[HybridError]], ...] = (
    (("pruned", "missing trie node", "historical state"), HistoryPruned),
    (("invalid block range", "unknown block", "header not found", "is in the future"), NodeBehind),
    (("block range", "range is too", "range too", "too many results", "more than 10000 results"), RangeTooWide),
    (("max results", "matched by query exceeds", "response is too big"), RangeTooWide),
    (("query timeout", "timed out", "timeout", "response size"), RangeTooWide),
    (("rate limit", "too many requests", "capacity", "request limit"), RateLimited),
    (("revert", "opcode", "out of gas"), Rejected),
)
"""What nodes say, first match wins: publicnode, drpc, bor, Alchemy, Infura (venue reference 5)."""
_CODES = {-32701: RangeTooWide, -32002: RangeTooWide, -32005: RateLimited, 429: RateLimited}
_OUR_MISTAKE = frozenset({-32600, -32601, -32602})


class MinedLogs(NamedTuple):
    """The raw logs of a mined transaction, and when its block was made, in epoch milliseconds."""

    logs: list[Any]
    block_time_ms: int


class PolygonClient:
    """One node (or a balancer before many, which may lag behind each other)."""

    def __init__(self, rpc: Upstream) -> None:
        self._rpc = rpc
        self._ids = itertools.count(1)

    def head(self, lane: GateLane = GateLane.FRESH) -> int:
        """Return the newest block's number, as this node sees it.

        Raises:
            TryAgain: throttled, away or behind.
            GiveUp: refused, or an answer of another form.
        """
        return hex_number({"head": self.ask("eth_blockNumber", [], lane)}, "head")

    def block_time_ms(self, number: int, lane: GateLane = GateLane.FRESH) -> int:
        """Return when a block was made, in epoch milliseconds (second resolution).

        Raises:
            NodeBehind: this node does not have the block (yet, or any more).
        """
        block = self.ask("eth_getBlockByNumber", [hex(number), False], lane)
        if block is None:
            raise NodeBehind(f"block {number} is not there")
        return read_moment_ms(hex_number(as_object(block, "block"), "timestamp"))

    def logs(
        self, low: int, high: int, addresses: Sequence[str], topics: Topics, lane: GateLane = GateLane.FRESH
    ) -> list[Any]:
        """Return the raw logs of blocks `low` to `high`; a list of topics in one place means any of them.

        Raises:
            RangeTooWide: ask for fewer blocks.
            NodeBehind: this node does not have them yet.
        """
        asked = {"fromBlock": hex(low), "toBlock": hex(high), "address": list(addresses), "topics": list(topics)}
        return as_list(self.ask("eth_getLogs", [asked], lane), "logs")

    def has_code(self, address: str, lane: GateLane = GateLane.FRESH) -> bool:
        """Say whether a contract stands there; False means a plain key pair (or a wallet not deployed yet).

        Raises:
            TryAgain: throttled, away or behind.
            GiveUp: refused.
        """
        return str(self.ask("eth_getCode", [address, "latest"], lane) or "0x").lower() not in {"0x", "0x0"}

    def receipt_logs(self, tx_hash: str, lane: GateLane = GateLane.FRESH) -> list[Any]:
        """Return the raw logs of a transaction as it is mined now; none while it is not mined, or when it failed.

        Raises:
            TryAgain: throttled, away or behind.
            GiveUp: refused, or an answer of another form.
        """
        receipt = self.ask("eth_getTransactionReceipt", [tx_hash], lane)
        return [] if receipt is None else as_list(as_object(receipt, "receipt").get("logs"), "receipt logs")

    def mined_outcome(self, tx_hash: str, lane: GateLane = GateLane.FRESH) -> list[Any] | None:
        """Return the raw logs of a transaction that is in a block, none of one that failed there; None while it is not.

        Raises:
            TryAgain: throttled, away or behind.
            GiveUp: refused, or an answer of another form.
        """
        receipt = self.ask("eth_getTransactionReceipt", [tx_hash], lane)
        return None if receipt is None else as_list(as_object(receipt, "receipt").get("logs"), "receipt logs")

    def mined_logs(self, tx_hashes: Sequence[str], lane: GateLane = GateLane.FRESH) -> list[MinedLogs | None]:
        """Return each transaction's logs with its block's time; None while no block of this node holds it.

        The header at that height must carry the hash that the receipt names: else the block was reorganised away.
        Several are asked for in one request, and then their blocks in another.

        Raises:
            TryAgain: throttled, away or behind.
            GiveUp: refused (also a batch as such), or an answer of another form.
        """
        answers = self.ask_all("eth_getTransactionReceipt", [[tx_hash] for tx_hash in tx_hashes], lane)
        receipts = [None if answer is None else as_object(answer, "receipt") for answer in answers]
        heights = sorted({hex_number(receipt, "blockNumber") for receipt in receipts if receipt is not None})
        found = self.ask_all("eth_getBlockByNumber", [[hex(height), False] for height in heights], lane)
        blocks = {height: as_object(block or {}, "block") for height, block in zip(heights, found, strict=True)}
        return [None if each is None else _mined(each, blocks[hex_number(each, "blockNumber")]) for each in receipts]

    def receipts_logs(self, tx_hashes: Sequence[str], lane: GateLane = GateLane.FRESH) -> list[list[Any]]:
        """Return the raw logs of each transaction, as `receipt_logs` does, `BATCH` of them in one request.

        Raises:
            TryAgain: throttled, away or behind.
            GiveUp: refused (also a batch as such), or an answer of another form.
        """
        found: list[list[Any]] = []
        for start in range(0, len(tx_hashes), BATCH):
            asked = [[tx_hash] for tx_hash in tx_hashes[start : start + BATCH]]
            receipts = self.ask_all("eth_getTransactionReceipt", asked, lane)
            found += [
                [] if receipt is None else as_list(as_object(receipt, "receipt").get("logs"), "receipt logs")
                for receipt in receipts
            ]
        return found

    def ask_all(self, method: str, params: Sequence[list[Any]], lane: GateLane = GateLane.FRESH) -> list[Any]:
        """Return the results of several calls of one method in one request; each counts at the gate.

        Raises:
            TryAgain: throttled, away or behind.
            GiveUp: refused (also a batch as such), reverted, or an answer of another form.
        """
        if len(params) <= 1:
            return [self.ask(method, one, lane) for one in params]
        numbers = [next(self._ids) for _ in params]
        bodies = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": one}
            for number, one in zip(numbers, params, strict=True)
        ]
        said = self._rpc.post("", bodies, lane=lane, cost=len(bodies))
        if not isinstance(said, list):
            self._result(method, as_object(said, method))
            raise Malformed(f"{method}: one answer to a batch of {len(bodies)}")
        answers = {one.get("id"): one for one in (as_object(one, method) for one in cast("list[object]", said))}
        if not answers.keys() >= set(numbers):
            raise Malformed(f"{method}: {len(answers)} answers to a batch of {len(bodies)}")
        return [self._result(method, answers[number]) for number in numbers]

    def ask(self, method: str, params: list[Any], lane: GateLane = GateLane.FRESH) -> Any:  # noqa: ANN401 - JSON
        """Return the result of any method.

        Raises:
            TryAgain: throttled, away or behind.
            GiveUp: refused, reverted, or an answer of another form.
        """
        body = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        return self._result(method, as_object(self._rpc.post("", body, lane=lane), method))

    def _result(self, method: str, answer: Raw) -> Any:  # noqa: ANN401 - JSON
        if answer.get("error") is not None:
            self._refuse(method, as_object(answer["error"], f"{method} error"))
        return answer.get("result")

    def _refuse(self, method: str, error: Raw) -> NoReturn:
        refusal = named_error(method, error)
        if isinstance(refusal, RateLimited):
            self._rpc.throttled(None)
        raise refusal


def _mined(receipt: Raw, block: Raw) -> MinedLogs | None:
    """Return a receipt's logs, if this is the block that it names."""
    named = read_text(receipt, "blockHash").lower()
    if not named or read_text(block, "hash").lower() != named:
        return None
    moment_ms = read_moment_ms(hex_number(block, "timestamp"))
    return MinedLogs(as_list(receipt.get("logs"), "receipt logs"), moment_ms)


def named_error(method: str, error: Raw) -> HybridError:
    """Name a JSON-RPC error by the node's words, else by its code."""
    said = read_text(error, "message")
    code = error.get("code")
    where = f"{method}: {said[:200]} ({code})"
    for words, kind in _WORDS:
        if any(word in said.lower() for word in words):
            return kind(where)
    if isinstance(code, int) and code in _CODES:
        return _CODES[code](where)
    return Rejected(where) if code in _OUR_MISTAKE else Unavailable(where)
