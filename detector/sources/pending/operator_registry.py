"""The operators of the exchanges: asked once, kept, and asked again when a log says that the list changed.

Each node of ours is asked, and all that are asked must say yes: one that lies cannot make itself an operator where a
second one (`SECOND_RPC_URL`) is set.
"""

from collections.abc import Sequence

from shared.clock import Clock
from shared.domain.errors import Unavailable
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.wire import abi
from shared.polymarket.wire.endpoints import EXCHANGES
from shared.polymarket.wire.order_filled import hex_number
from shared.polymarket.wire.parsing import as_list, as_object
from shared.rate_limit.limits import GateLane

IS_OPERATOR = "0x6d70f7ae"
CHANGES = (
    "0xf1e04d73c4304b5ff164f9d10c7473e2a1593b740674a6107975e2a7001c1e5c",  # NewOperator(address,address)
    "0xf7262ed0443cc211121ceb1a80d69004f319245615a7488f951f1437fd91642c",  # RemovedOperator(address,address)
    "0x715ad5ce61fc9595c7b415289d59cf203f23a94fa06f04af7e489a0a76e1fe26",  # RolesUpdated(address,uint256), V3
)
LOOK_EVERY_S = 10.0
"""How often the exchanges' logs are asked for changes, and operators' numbers of transactions."""
NO_AGAIN_S = 60.0
"""So long a "no" is kept: a node that forges senders must not make us ask for each of them."""
QUESTIONS_PER_S, QUESTIONS_AT_ONCE = 2.0, 10
"""Strangers that are asked about, at most: a node that makes up senders must not use up what our nodes allow."""
MOST_STRANGERS = 1000


class OperatorRegistry:
    """Who may match orders: one thread asks, and one (the same, or another) looks for changes."""

    def __init__(self, nodes: Sequence[PolygonClient], clock: Clock) -> None:
        self._nodes, self._clock = nodes, clock
        self._operators: set[tuple[str, str]] = set()
        self._strangers: dict[tuple[str, str], float] = {}
        self._numbers: dict[str, int] = {}
        self._look_at = 0.0
        self._asked_at, self._may_ask = clock.monotonic(), float(QUESTIONS_AT_ONCE)
        self._read_to: int | None = None

    def is_operator(self, exchange: str, address: str) -> bool:
        """Say whether an address may match orders on an exchange.

        Raises:
            TryAgain: no node can be asked now.
            GiveUp: a node refuses, or answers what cannot be read.
        """
        name = (exchange, address)
        if name in self._operators:
            return True
        now = self._clock.monotonic()
        if now < self._strangers.get(name, 0.0):
            return False
        earned = (now - self._asked_at) * QUESTIONS_PER_S
        self._asked_at, self._may_ask = now, min(self._may_ask + earned, float(QUESTIONS_AT_ONCE))
        if self._may_ask < 1:
            raise Unavailable("too many strangers to ask about")
        self._may_ask -= 1
        call = {"to": exchange, "data": abi.encoded_call(IS_OPERATOR, address)}
        if all(_is_true(node.ask("eth_call", [call, "latest"], GateLane.ORDERS)) for node in self._nodes):
            self._operators.add(name)
            self._numbers[address] = self._asked_number(address)
            return True
        if len(self._strangers) >= MOST_STRANGERS:
            self._strangers.clear()
        self._strangers[name] = now + NO_AGAIN_S
        return False

    def next_nonce(self, address: str) -> int:
        """Return how many transactions of an operator are mined, as it was last asked."""
        return self._numbers.get(address, 0)

    def look(self) -> None:
        """Ask whether the list changed, and how far each operator is, when it is time.

        Raises:
            TryAgain: no node can be asked now.
        """
        now = self._clock.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY_S
        self._forget_changed()
        for address in list(self._numbers):
            self._numbers[address] = max(self._numbers[address], self._asked_number(address))

    def _forget_changed(self) -> None:
        node = self._nodes[0]
        head = node.head(GateLane.CATCHUP)
        if self._read_to is not None and head > self._read_to:
            found = node.logs(self._read_to + 1, head, EXCHANGES, [CHANGES], GateLane.CATCHUP)
            for raw in found:
                topics = as_list(as_object(raw, "log").get("topics"), "topics")
                self._forget("0x" + str(topics[1])[-40:].lower())
        self._read_to = head if self._read_to is None else max(head, self._read_to)

    def _forget(self, address: str) -> None:
        self._operators = {name for name in self._operators if name[1] != address}
        self._strangers = {name: until for name, until in self._strangers.items() if name[1] != address}

    def _asked_number(self, address: str) -> int:
        answers = [node.ask("eth_getTransactionCount", [address, "latest"], GateLane.ORDERS) for node in self._nodes]
        return max(hex_number({"count": answer}, "count") for answer in answers)


def _is_true(answer: object) -> bool:
    """Say whether a node answered yes; "0x" is no contract at all, so nobody's operator."""
    words = abi.split_words(answer)
    return bool(words and words[0])
