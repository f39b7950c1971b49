"""The operator's transactions: sent at the match, seen pending a little later, then mined, failed or replaced."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from eth_account import Account

from simulator.core import contracts, identity
from simulator.core.fill import Match, Order
from simulator.core.settings import Settings
from simulator.gateway.faults import Faults
from simulator.operator.keyring import Keyring, address_of
from simulator.operator.match_calls import MatchCalls, is_callable

_GWEI = 10**9
FAILS, REPLACED, LATE = "pending_reverts", "pending_replaced", "pending_late"
REPLACED_AFTER_S = 0.3


@dataclass(eq=False)
class Sent:
    """One signed transaction, as a node shows it, and what became of it."""

    shown: dict[str, Any]
    at_ms: int
    nonce: int
    sender: str
    block: int | None = None
    failed: bool = False
    replaced_by: str = ""
    wallets: tuple[str, ...] = ()
    shown_at_ms: int | None = None

    @property
    def hash(self) -> str:
        """Return what names it."""
        return str(self.shown["hash"])


@dataclass
class OperatorKey:
    """One of the operator's keys and how many transactions it has sent."""

    key: bytes
    sent: list[Sent] = field(default_factory=list[Sent])


class Operator:
    """Send matches; nobody signs anything until somebody watches."""

    def __init__(self, settings: Settings, faults: Faults, keyring: Keyring) -> None:
        """Own two keys: one for what is mined late, so that it holds up nothing."""
        self._settings, self._faults = settings, faults
        self.keyring, self.calls = keyring, MatchCalls(keyring)
        self.watchers = 0
        self.all: dict[str, Sent] = {}
        self._keys = [OperatorKey(bytes.fromhex(identity.digest("operator", settings.seed, n))) for n in range(2)]
        self._show: Callable[[Sent, int], None] = lambda _sent, _at: None

    def on_show(self, show: Callable[[Sent, int], None]) -> None:
        """Hand each transaction to whoever shows it, with the moment at which nodes have it."""
        self._show = show

    def is_operator(self, address: str) -> bool:
        """Tell whether an address may match orders."""
        return address in {address_of(each.key) for each in self._keys}

    def takes(self, match: Match) -> bool:
        """Tell whether a match is sent as a signed transaction: somebody watches, and nobody named its hash."""
        era = self._settings.era == "v2"
        return bool(self.watchers) and era and match.tx_hash is None and is_callable(match)

    def send(self, match: Match, exchange: str, fee: int, *, key: int = 0) -> Sent:
        """Sign a match and let nodes see it; a fault may first show another one of the same number."""
        account = self._keys[key]
        nonce = len(account.sent)
        data = self.calls.calldata(match, exchange, fee)
        made = self._signed(account.key, nonce, exchange, data, match)
        account.sent.append(made)
        at = match.at_ms + self._settings.wall_ms(self._settings.pending_delay_s)
        if self._faults.take(REPLACED, "pending", "", match.at_ms):
            first = self._signed(account.key, nonce, exchange, data, match, tip=29)
            first.replaced_by = made.hash
            self._show(first, at)
            at += self._settings.wall_ms(REPLACED_AFTER_S)
        if self._shows(made):
            made.shown_at_ms = at
            self._show(made, at)
        return made

    def count(self, address: str, head: int) -> int:
        """Return how many transactions of an address are mined; None of another's."""
        for each in self._keys:
            if address_of(each.key) == address:
                waiting = (n for n, one in enumerate(each.sent) if one.block is None or one.block > head)
                return next(waiting, len(each.sent))
        return 0

    def taken_back(self) -> list[Sent]:
        """Return what was shown and is in no block, or failed there."""
        return [each for each in self.all.values() if each.failed or each.replaced_by]

    def forged(self, match: Match, exchange: str, how: str) -> dict[str, Any]:
        """Return what a lying node makes up: `operator`, `order`, `amounts`."""
        if how == "order":
            data = self.calls.calldata(match, exchange, 0, signer=b"\x66" * 32)
            return self._signed(self._keys[0].key, 1 << 20, exchange, data, match).shown
        data = self.calls.calldata(match, exchange, 0)
        if how == "amounts":
            honest = self._signed(self._keys[0].key, 1 << 20, exchange, data, match).shown
            halved = self.calls.calldata(_halved(match), exchange, 0)
            return {**honest, "input": "0x" + halved.hex()}
        return self._signed(b"\x67" * 32, 1 << 20, exchange, data, match).shown

    def _shows(self, made: Sent) -> bool:
        """Draw by the hash: every node lacks the same ones."""
        return int(identity.digest("pending", made.hash)[:8], 16) < self._settings.pending_share * (1 << 32)

    def _signed(self, key: bytes, nonce: int, to: str, data: bytes, match: Match, tip: int = 30) -> Sent:
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": contracts.CHAIN_ID,
            "nonce": nonce,
            "maxPriorityFeePerGas": tip * _GWEI,
            "maxFeePerGas": 90 * _GWEI,
            "gas": 900_000,
            "to": bytes.fromhex(to[2:]),
            "value": 0,
            "data": data,
            "accessList": [],
        }
        made = Account.from_key(key).sign_transaction(fields)
        shown = {name: hex(value) for name, value in fields.items() if isinstance(value, int)}
        signature = {"v": hex(made.v), "r": hex(made.r), "s": hex(made.s)}
        names = {"hash": "0x" + bytes(made.hash).hex(), "from": address_of(key), "to": to, "input": "0x" + data.hex()}
        sent = Sent(
            {**shown, **names, **signature, "accessList": [], "blockNumber": None}, match.at_ms, nonce, names["from"]
        )
        sent.wallets = tuple(each.wallet for each in (match.taker, *match.makers))
        if nonce < 1 << 20:
            self.all[sent.hash] = sent
        return sent


def _halved(match: Match) -> Match:
    return replace(match, taker=_half(match.taker), makers=tuple(map(_half, match.makers)))


def _half(order: Order) -> Order:
    return replace(order, shares=order.shares // 2, usdc=order.usdc // 2)
