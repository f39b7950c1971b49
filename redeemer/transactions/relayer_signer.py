"""Write and sign the envelope that the venue's relayer carries for one wallet, in the form of its kind."""

import json
from typing import Any

from redeemer.domain import contract_calls, relayer_requests
from redeemer.domain.contract_calls import ContractCall, WalletKind
from redeemer.domain.gas_pricing import with_margin
from redeemer.transactions.relayer_client import RelayedType, RelayerNonce
from redeemer.transactions.signer import TransactionSigner
from shared.clock import Clock
from shared.polymarket.wire.contracts import Contracts

TYPES: dict[WalletKind, RelayedType] = {"proxy": "PROXY", "safe": "SAFE", "deposit": "WALLET"}
"""What the relayer calls each kind of wallet."""

_PROXY_GAS = 10_000_000
"""Most gas that a proxy's envelope asks for, however many calls it holds."""


class RelayerSigner:
    """Signs for the owner of one wallet; hands nothing over."""

    def __init__(
        self, signer: TransactionSigner, wallet: str, kind: WalletKind, contracts: Contracts, *, clock: Clock
    ) -> None:
        self.owner = signer.address
        self.type: RelayedType = TYPES[kind]
        self._signer, self._wallet, self._kind = signer, wallet, kind
        self._contracts, self._clock = contracts, clock

    def sign_envelope(self, calls: tuple[ContractCall, ...], nonce: RelayerNonce, gas: int) -> dict[str, Any]:
        """Return the signed envelope; `gas` is what the calls took when they were simulated."""
        if self._kind == "proxy":
            return self._proxy(calls, nonce, min(with_margin(gas), _PROXY_GAS))
        return self._safe(calls, nonce) if self._kind == "safe" else self._deposit(calls, nonce)

    def _proxy(self, calls: tuple[ContractCall, ...], nonce: RelayerNonce, gas: int) -> dict[str, Any]:
        data = relayer_requests.proxy_data(calls)
        digest = relayer_requests.proxy_digest(self.owner, data, gas, nonce.number, nonce.relay, self._contracts)
        signature = self._signer.sign_digest(digest)
        return relayer_requests.proxy_envelope(
            self.owner, self._wallet, data, gas, nonce.number, nonce.relay, signature, self._contracts
        )

    def _safe(self, calls: tuple[ContractCall, ...], nonce: RelayerNonce) -> dict[str, Any]:
        call, operation = contract_calls.combined_call(calls, self._contracts)
        message = relayer_requests.safe_message(self._wallet, call, operation, nonce.number, self._contracts.chain_id)
        signature = self._signer.sign_for_safe(message)
        return relayer_requests.safe_envelope(self.owner, self._wallet, call, operation, nonce.number, signature)

    def _deposit(self, calls: tuple[ContractCall, ...], nonce: RelayerNonce) -> dict[str, Any]:
        deadline = self._clock.now_ms() // 1000 + relayer_requests.DEPOSIT_VALID_S
        message = relayer_requests.deposit_message(
            self._wallet, calls, nonce.number, deadline, self._contracts.chain_id
        )
        signature = self._signer.sign_typed(message)
        return relayer_requests.deposit_envelope(
            self.owner, self._wallet, calls, nonce.number, deadline, signature, self._contracts
        )


def folded_envelope(envelope: dict[str, Any]) -> str:
    """Return an envelope as the text that is stored, and handed over however often."""
    return json.dumps(envelope)


def unfolded_envelope(text: str) -> dict[str, Any]:
    """Return a stored envelope."""
    return json.loads(text)
