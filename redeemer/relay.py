"""A proxy's or deposit wallet's way to the chain: the owner signs, the venue's relayer sends and pays the gas.

The signed envelope is stored before it is handed over, and handed over again until the relayer named it: its wallet
nonce lets it happen once. A quota that is used up is respected until it is over, also by the next process.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from redeemer import envelopes, ways
from redeemer.due import Due
from redeemer.gas import Fees, with_margin
from redeemer.node import Node
from redeemer.purse import Purse
from redeemer.relayer import Carried, Relayer, Turn
from redeemer.sending import Attempt, Lost, Sending, Settle, Wait
from redeemer.wallets import Signer
from redeemer.ways import Call, Route, WalletKind
from shared import logs
from shared.clock import Clock
from shared.errors import RateLimited, Rejected, Unavailable
from shared.events import fact_id
from shared.polymarket.contracts import Contracts
from shared.writes import Record

QUOTAS = "relayer_quotas"
_BUSY = ("in-flight", "busy", "active action")
_PROXY_GAS = 10_000_000
_UNPAID = Fees(0, 0)
_DEFAULT_QUOTA_S = 60.0


class Relay:
    """Carries calls of one wallet, one envelope at a time."""

    def __init__(
        self,
        relayer: Relayer,
        purse: Purse,
        signer: Signer,
        wallet: str,
        kind: WalletKind,
        contracts: Contracts,
        node: Node,
        *,
        clock: Clock,
    ) -> None:
        self.calls_at_once = ways.CALLS_AT_ONCE[kind]
        self._relayer, self._purse, self._signer, self._wallet, self._kind = relayer, purse, signer, wallet, kind
        self._contracts, self._node, self._clock = contracts, node, clock
        self._log = logs.get("redeemer", wallet=wallet)

    def under_way(self) -> Sending | None:
        """Return what is not settled yet."""
        return self._purse.under_way()

    def least(self) -> int:
        """Return 0: the venue pays."""
        return 0

    def send(self, calls: tuple[Call, ...], dues: tuple[Due, ...], route: Route) -> Sending:
        """Sign, store and hand over.

        Raises:
            Rejected: a call would revert; nothing was stored.
            Unavailable: the quota is used up, and until when; or the relayer is away.
        """
        self._check_quota()
        gas = sum(self._node.simulate(self._wallet, call) for call in calls)
        turn = self._relayer.turn(self.owner, "PROXY" if self._kind == "proxy" else "WALLET")
        envelope = self._envelope(calls, turn, min(with_margin(gas), _PROXY_GAS))
        attempt = Attempt("", json.dumps(envelope), _UNPAID, self._clock.now_ms())
        made = Sending(self.owner, self._wallet, turn.nonce, Call(envelope["to"], "0x"), gas, route, dues, (attempt,))
        self._purse.store(made, self._name("send", made))
        return self._hand_over(made)

    def look(self, made: Sending) -> Settle | Wait | Lost | None:
        """Ask what became of it; hand it over again when the relayer never named it."""
        if not made.relayed_as:
            return self._again(made)
        carried = self._relayer.carried(made.relayed_as)
        if carried.state == "failed":
            return Lost(f"the relayer gave it up: {carried.error or 'it does not say why'}")
        if not carried.tx_hash:
            return None
        receipt = self._node.receipt(carried.tx_hash)
        if receipt is None:
            return None
        depth = self._node.head() - receipt.block + 1
        return Settle(receipt) if depth >= self._purse.rules.confirmations else Wait(receipt, depth)

    def close(self, made: Sending) -> None:
        """Be ready for the next."""
        self._purse.close(made, self._name("close", made))

    @property
    def owner(self) -> str:
        """Return who signs for the wallet."""
        return self._signer.address

    def _envelope(self, calls: tuple[Call, ...], turn: Turn, gas: int) -> dict[str, Any]:
        if self._kind == "proxy":
            data = envelopes.proxy_data(calls)
            digest = envelopes.proxy_digest(self.owner, data, gas, turn.nonce, turn.relay, self._contracts)
            signature = self._signer.sign_digest(digest)
            return envelopes.proxy_envelope(
                self.owner, self._wallet, data, gas, turn.nonce, turn.relay, signature, self._contracts
            )
        deadline = self._clock.now_ms() // 1000 + envelopes.DEPOSIT_VALID_S
        message = envelopes.deposit_message(self._wallet, calls, turn.nonce, deadline, self._contracts.chain_id)
        signature = self._signer.sign_typed(message)
        return envelopes.deposit_envelope(
            self.owner, self._wallet, calls, turn.nonce, deadline, signature, self._contracts
        )

    def _again(self, made: Sending) -> Lost | None:
        try:
            self._hand_over(made)
        except Rejected as error:
            if any(word in str(error).lower() for word in _BUSY):
                return None
            return Lost(f"the relayer refuses it: {error}")
        return None

    def _hand_over(self, made: Sending) -> Sending:
        self._check_quota()
        try:
            carried = self._relayer.submit(json.loads(made.last.raw))
        except RateLimited as error:
            self._note_quota(error.retry_after_s or _DEFAULT_QUOTA_S)
            raise self._over_quota() from error
        return self._named(made, carried)

    def _named(self, made: Sending, carried: Carried) -> Sending:
        named = replace(made, relayed_as=carried.id)
        self._purse.store(named, f"{self._name('named', made)}:{carried.id}")
        self._log.info("transaction_relayed", relayed_as=carried.id, conditions=len(made.dues))
        return named

    def _check_quota(self) -> None:
        if self._quota_until_ms() > self._clock.now_ms():
            raise self._over_quota()

    def _note_quota(self, after_s: float) -> None:
        until_ms = self._clock.now_ms() + int(after_s * 1000)
        self._purse.note(Record(QUOTAS, self.owner, str(until_ms)), f"quota:{self.owner}:{until_ms}")
        self._log.warning("relayer_quota_used_up", until=_moment(until_ms))

    def _quota_until_ms(self) -> int:
        return int(self._purse.noted(QUOTAS).get(self.owner, "0"))

    def _over_quota(self) -> Unavailable:
        until_ms = self._quota_until_ms()
        hours = max(0, until_ms - self._clock.now_ms()) / 3_600_000
        return Unavailable(
            f"the relayer's quota is used up until {_moment(until_ms)} ({hours:.1f} h from now): nothing is sent "
            "before; the money is safe on the chain, and can be redeemed on the venue's site meanwhile"
        )

    def _name(self, step: str, made: Sending) -> str:
        return f"{step}:{fact_id(made.signer, made.nonce, made.last.raw)}"


def _moment(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
