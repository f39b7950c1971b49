"""Requests to the venue's relayer: what it is asked to carry, and what the wallet's owner signs for it. Pure.

Forms as in the official SDK, `polymarket-client` 0.14.0 (`_internal/actions/relayer`), which judges them in the tests.
"""

from typing import Any

from redeemer.domain.contract_calls import ContractCall
from shared.polymarket.wire import abi
from shared.polymarket.wire.contracts import Contracts
from shared.polymarket.wire.keccak import keccak256

PROXY = "0x34ee9791"
PROXY_CALL = 1
NOBODY = "0x" + "0" * 40
DEPOSIT_VALID_S = 600
"""How long the owner's word for a deposit wallet's batch is good."""


def proxy_data(calls: tuple[ContractCall, ...]) -> str:
    """Return the call data of the factory's `proxy((uint8,address,uint256,bytes)[])`."""
    return abi.encoded_call(PROXY, [(PROXY_CALL, call.to, 0, bytes.fromhex(call.data[2:])) for call in calls])


def proxy_digest(owner: str, data: str, gas: int, nonce: int, relay: str, contracts: Contracts) -> bytes:
    """Return what the owner of a proxy wallet signs as a personal message."""
    numbers = b"".join(number.to_bytes(32, "big") for number in (0, 0, gas, nonce))
    parties = _address(owner) + _address(contracts.proxy_factory)
    ends = _address(contracts.relay_hub) + _address(relay)
    return keccak256(b"rlx:" + parties + bytes.fromhex(data[2:]) + numbers + ends)


def proxy_envelope(
    owner: str, wallet: str, data: str, gas: int, nonce: int, relay: str, signature: bytes, contracts: Contracts
) -> dict[str, Any]:
    """Return what is submitted for a proxy wallet."""
    return {
        "type": "PROXY",
        "from": owner,
        "to": contracts.proxy_factory,
        "proxyWallet": wallet,
        "data": data,
        "nonce": str(nonce),
        "signature": "0x" + signature.hex(),
        "metadata": "",
        "signatureParams": {
            "gasLimit": str(gas),
            "gasPrice": "0",
            "relay": relay,
            "relayHub": contracts.relay_hub,
            "relayerFee": "0",
        },
    }


def safe_message(safe: str, call: ContractCall, operation: int, nonce: int, chain_id: int) -> dict[str, Any]:
    """Return what the owner of a Safe signs (EIP-712, Safe 1.3.0 `SafeTx`); nobody is refunded for gas."""
    return {
        "types": {
            "EIP712Domain": _typed("chainId uint256", "verifyingContract address"),
            "SafeTx": _typed(
                "to address", "value uint256", "data bytes", "operation uint8", "safeTxGas uint256", "baseGas uint256",
                "gasPrice uint256", "gasToken address", "refundReceiver address", "nonce uint256",
            ),
        },
        "primaryType": "SafeTx",
        "domain": {"chainId": chain_id, "verifyingContract": safe},
        "message": {
            "to": call.to,
            "value": 0,
            "data": bytes.fromhex(call.data[2:]),
            "operation": operation,
            "safeTxGas": 0,
            "baseGas": 0,
            "gasPrice": 0,
            "gasToken": NOBODY,
            "refundReceiver": NOBODY,
            "nonce": nonce,
        },
    }  # fmt: skip


def safe_envelope(
    owner: str, safe: str, call: ContractCall, operation: int, nonce: int, signature: bytes
) -> dict[str, Any]:
    """Return what is submitted for a Safe."""
    return {
        "type": "SAFE",
        "from": owner,
        "to": call.to,
        "proxyWallet": safe,
        "data": call.data,
        "nonce": str(nonce),
        "signature": "0x" + signature.hex(),
        "metadata": "",
        "signatureParams": {
            "baseGas": "0",
            "gasPrice": "0",
            "gasToken": NOBODY,
            "operation": str(operation),
            "refundReceiver": NOBODY,
            "safeTxnGas": "0",
        },
    }


def deposit_message(
    wallet: str, calls: tuple[ContractCall, ...], nonce: int, deadline: int, chain_id: int
) -> dict[str, Any]:
    """Return what the owner of a deposit wallet signs (EIP-712)."""
    return {
        "types": {
            "EIP712Domain": _typed("name string", "version string", "chainId uint256", "verifyingContract address"),
            "Batch": _typed("wallet address", "nonce uint256", "deadline uint256", "calls Call[]"),
            "Call": _typed("target address", "value uint256", "data bytes"),
        },
        "primaryType": "Batch",
        "domain": {"name": "DepositWallet", "version": "1", "chainId": chain_id, "verifyingContract": wallet},
        "message": {
            "wallet": wallet,
            "nonce": nonce,
            "deadline": deadline,
            "calls": [{"target": call.to, "value": 0, "data": bytes.fromhex(call.data[2:])} for call in calls],
        },
    }


def deposit_envelope(
    owner: str,
    wallet: str,
    calls: tuple[ContractCall, ...],
    nonce: int,
    deadline: int,
    signature: bytes,
    contracts: Contracts,
) -> dict[str, Any]:
    """Return what is submitted for a deposit wallet."""
    return {
        "type": "WALLET",
        "from": owner,
        "to": contracts.deposit_factory,
        "nonce": str(nonce),
        "signature": "0x" + signature.hex(),
        "metadata": "",
        "depositWalletParams": {
            "depositWallet": wallet,
            "deadline": str(deadline),
            "calls": [{"target": call.to, "value": "0", "data": call.data} for call in calls],
        },
    }


def _typed(*pairs: str) -> list[dict[str, str]]:
    return [dict(zip(("name", "type"), pair.split(), strict=True)) for pair in pairs]


def _address(text: str) -> bytes:
    return bytes.fromhex(text[2:])
