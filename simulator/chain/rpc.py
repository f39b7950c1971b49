"""A public Polygon node over JSON-RPC, with the limits of a public node."""

import json
from collections.abc import Callable
from typing import Any, cast

from simulator.chain import abi
from simulator.chain.chain import Log
from simulator.chain.forgery import Forgery
from simulator.chain.match_answers import MatchAnswers
from simulator.chain.rpc_sending import NodeError, Sending, receipt_facts
from simulator.chain.wallet_calls import WalletCalls
from simulator.core import contracts
from simulator.core.world import World
from simulator.gateway.http_messages import Answer, Call, Json, Route

_LOG_RANGE = 10_000
Method = Callable[[list[Json], int], object]


class Rpc:
    """Serve /rpc, single calls and batches."""

    def __init__(self, world: World, wallets: WalletCalls, sending: Sending, node: str = "rpc") -> None:
        """Look at a world, its traders' wallets and what those send themselves; `node` is whose troubles it has."""
        self._world, self._node = world, node
        self._forgery = Forgery(world, node)
        self._matches = MatchAnswers(world)
        self._wallets = wallets
        self._sending = sending
        self._asked = 0
        self._methods: dict[str, Method] = {
            "eth_chainId": lambda _params, _head: hex(contracts.CHAIN_ID),
            "net_version": lambda _params, _head: str(contracts.CHAIN_ID),
            "eth_blockNumber": lambda _params, head: hex(head),
            "eth_syncing": lambda _params, _head: False,
            "eth_gasPrice": lambda _params, _head: hex(30_000_000_000),
            "eth_getBlockByNumber": self.block_by_number,
            "eth_getLogs": self.logs,
            "eth_getTransactionReceipt": self.receipt,
            "eth_call": self.call,
            "eth_getCode": self.code,
            **sending.methods,
            "eth_getTransactionByHash": self._matches.transaction,
            "eth_getTransactionCount": self.count,
        }

    def routes(self) -> list[Route]:
        """Return what is served."""
        return [Route("POST", "", self.handle), Route("POST", "/", self.handle)]

    def handle(self, call: Call) -> Answer:
        """Answer a request or a batch; JSON-RPC errors come with status 200."""
        try:
            asked: Json = json.loads(call.body)
        except ValueError:
            return Answer(json.dumps(_failed(None, -32700, "parse error")))
        head = self._head(call.now_ms)
        if isinstance(asked, list):
            batch = cast("list[Json]", asked)
            return Answer(json.dumps([self._one(each, head) for each in batch]))
        return Answer(json.dumps(self._one(asked, head)))

    def block_by_number(self, params: list[Any], head: int) -> dict[str, Any] | None:
        """Return a block's header, None beyond the head."""
        block = self._number(params[0], head)
        return None if block > head else self._header(block)

    def code(self, params: list[Any], _head: int) -> str:
        """Return code for the protocol's contracts and for wallets, none for a key pair."""
        address = str(params[0]).lower()
        known = address in contracts.PROTOCOL or address in {each.address for each in self._world.leaders}
        return "0x6080" if known or self._wallets.deployed(address) else "0x"

    def logs(self, params: list[Any], head: int) -> list[dict[str, Any]]:
        """Return the logs a filter matches."""
        asked: dict[str, Any] = params[0]
        low, high = self._range(asked, head)
        addresses = _addresses(asked.get("address"))
        wanted: list[Json] = asked.get("topics") or []
        topics = [_one_of(each) for each in wanted]
        return [
            self._log(log)
            for log in (*self._world.chain.logs(low, min(high, head)), *self._forgery.logs(low, min(high, head), head))
            if (not addresses or log.emission.address in addresses) and _topics_match(log.emission.topics, topics)
        ]

    def receipt(self, params: list[Any], head: int) -> dict[str, Any] | None:
        """Return a transaction's receipt, None while it is not mined."""
        tx_hash = str(params[0]).lower()
        logs = self._world.chain.receipt(tx_hash, head) or self._forgery.receipt(tx_hash)
        own = self._sending.receipt(tx_hash, head)
        if (failed := self._matches.failed_block(tx_hash, head)) is not None:
            where = {"blockNumber": hex(failed), "blockHash": self._world.chain.hash(failed)}
            return {"transactionHash": tx_hash, **where, "status": "0x0", "gasUsed": hex(200_000), "logs": []}
        if not (logs or own):
            return None
        block = own.block if own else logs[-1].block
        return {
            "transactionHash": tx_hash,
            "transactionIndex": "0x1",
            "blockNumber": hex(block),
            "blockHash": self._world.chain.hash(block),
            "status": "0x1",
            "gasUsed": hex(200_000),
            "logs": [self._log(log) for log in logs],
            **(receipt_facts(own) if own else {}),
        }

    def count(self, params: list[Any], head: int) -> str:
        """Return how many transactions an address has sent: the operator's, or a wallet's own."""
        address = str(params[0]).lower()
        if self._world.operator.is_operator(address):
            return hex(self._world.operator.count(address, head))
        return self._sending.count(params, head)

    def call(self, params: list[Any], head: int) -> str:
        """Read traders' wallets, and of ConditionalTokens payouts, slots and balances."""
        target, data = str(params[0]["to"]).lower(), str(params[0].get("data", ""))
        data = data or str(params[0].get("input", ""))
        if (known := self._wallets.read(target, data)) is not None:
            return "0x" + abi.word(known - self._sending.later(params))
        if (answer := self._sending.call(params, head) or self._matches.call(target, data)) is not None:
            return answer
        if target != contracts.CONDITIONAL_TOKENS:
            return "0x"
        selector, words = data[:10], [data[at : at + 64] for at in range(10, len(data), 64)]
        now = self._world.chain.mined_ms(head + 1) - 1
        if selector == abi.BALANCE_OF:
            wallet, token_id = "0x" + words[0][24:], str(int(words[1], 16))
            return "0x" + abi.word(self._world.held.shares(wallet, token_id))
        market = self._world.catalog.by_condition.get("0x" + words[0])
        ended = market.on_chain(min(now, self._world.now_ms())) if market else None
        payouts = ended.payouts if ended else (0, 0)
        values = {
            abi.PAYOUT_DENOMINATOR: lambda: sum(payouts),
            abi.PAYOUT_NUMERATORS: lambda: payouts[int(words[1], 16)],
            abi.OUTCOME_SLOT_COUNT: lambda: 2 if market else 0,
        }
        if selector not in values:
            raise NodeError(3, "execution reverted")
        return "0x" + abi.word(values[selector]())

    def _one(self, asked: Json, head: int) -> dict[str, Any]:
        request = cast("dict[str, Json]", asked) if isinstance(asked, dict) else {}
        name, number = request.get("method"), request.get("id")
        if name not in self._methods:
            return _failed(number, -32601, f"the method {name} does not exist/is not available")
        try:
            result = self._methods[name](request.get("params") or [], head)
        except NodeError as error:
            return _failed(number, error.code, error.message)
        except (LookupError, TypeError, ValueError) as error:
            return _failed(number, -32602, f"invalid argument: {error}")
        return {"jsonrpc": "2.0", "id": number, "result": result}

    def _head(self, now_ms: int) -> int:
        """Return the head of the node that happens to answer."""
        head = self._world.chain.head(now_ms)
        lagging = self._world.faults.find("lagging_node", self._node, "", now_ms)
        if lagging is None:
            return head
        self._asked += 1
        if self._asked % 2:
            return head
        lagging.hits += 1
        return head - int(lagging.number("blocks", 5))

    def _range(self, asked: dict[str, Any], head: int) -> tuple[int, int]:
        if "blockHash" in asked:
            block = self._world.chain.block_of(str(asked["blockHash"]), self._world.now_ms())
            if block is None:
                raise NodeError(-32000, "unknown block")
            return block, block
        low = self._number(asked.get("fromBlock", "latest"), head)
        high = self._number(asked.get("toBlock", "latest"), head)
        if low > high or high > head:
            raise NodeError(-32000, "invalid block range params")
        now = self._world.now_ms()
        fault = self._world.faults.take("range_limit", self._node, "", now)
        cap = int(fault.number("blocks", 100)) if fault else _LOG_RANGE
        if high - low > cap:
            raise NodeError(-32701, "exceed maximum block range: " + str(cap))
        return low, high

    def _number(self, text: Json, head: int) -> int:
        named = {"latest": head, "pending": head, "earliest": 0}
        if text in {"finalized", "safe"}:
            return self._world.chain.finalized(self._world.chain.mined_ms(head))
        return named[text] if text in named else int(text, 16)

    def _header(self, block: int) -> dict[str, Any]:
        chain = self._world.chain
        skew = self._world.faults.skew_ms(self._node, self._world.now_ms()) // 1000
        return {
            "number": hex(block),
            "hash": chain.hash(block),
            "parentHash": chain.hash(block - 1),
            "timestamp": hex(chain.timestamp(block) + skew),
            "transactions": sorted({log.tx_hash for log in chain.logs(block, block)}),
            "gasLimit": hex(45_000_000),
            "gasUsed": hex(21_000_000),
            "baseFeePerGas": hex(25_000_000_000),
        }

    def _log(self, log: Log) -> dict[str, Any]:
        chain = self._world.chain
        return {
            "address": log.emission.address,
            "topics": log.emission.topics,
            "data": log.emission.data,
            "blockNumber": hex(log.block),
            "transactionHash": log.tx_hash,
            "transactionIndex": hex(log.index // 8),
            "blockHash": chain.hash(log.block),
            "blockTimestamp": hex(chain.timestamp(log.block)),
            "logIndex": hex(log.index),
            "removed": False,
        }


def _failed(number: Json, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}


def _addresses(asked: Json) -> set[str]:
    if asked is None:
        return set()
    listed: list[Any] = [asked] if isinstance(asked, str) else asked
    return {str(each).lower() for each in listed}


def _one_of(asked: Json) -> set[str] | None:
    """Return the topics a position accepts, None for any; an empty list also means any."""
    if not asked:
        return None
    listed: list[Any] = [asked] if isinstance(asked, str) else asked
    return {str(each).lower() for each in listed}


def _topics_match(topics: tuple[str, ...], asked: list[set[str] | None]) -> bool:
    if len(asked) > len(topics):
        return False
    return all(want is None or have in want for have, want in zip(topics, asked, strict=False))
