"""The signing key: the one place of the redeemer that holds it; it signs transactions and digests."""

from typing import Any, Never, cast

from redeemer.domain.contract_calls import ContractCall, WalletKind
from redeemer.domain.gas_pricing import GasFees
from redeemer.domain.pending_transaction import SendAttempt
from shared.domain.errors import BadConfig, DependencyMissing, RefusedForSafety
from shared.polymarket.wire.keccak import keccak256
from shared.polymarket.wire.wallets import wallets_of

_MADE: dict[WalletKind, str] = {"safe": "Safe", "proxy": "proxy wallet", "deposit": "deposit wallet"}


class TransactionSigner:
    """A key pair that pays for gas and owns the wallet."""

    def __init__(self, account: Any) -> None:  # noqa: ANN401 - eth-account is imported only where a key is used
        self._account = account
        self.address = str(account.address).lower()

    def __repr__(self) -> str:
        """Say whose key it is, never the key."""
        return f"Signer({self.address})"

    def sign(
        self, call: ContractCall, *, nonce: int, gas: int, fees: GasFees, chain_id: int, now_ms: int
    ) -> SendAttempt:
        """Sign a transaction of type 2 (EIP-1559) that sends no value."""
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": chain_id,
            "nonce": nonce,
            "to": _checksummed(call.to),
            "value": 0,
            "data": call.data,
            "gas": gas,
            "maxFeePerGas": fees.most,
            "maxPriorityFeePerGas": fees.tip,
        }
        signed = self._account.sign_transaction(fields)
        return SendAttempt(_hex(signed.hash), _hex(signed.raw_transaction), fees, now_ms)

    def sign_typed(self, message: dict[str, Any]) -> bytes:
        """Sign EIP-712 data (a whole message: types, domain, primaryType, message); return 65 bytes."""
        from eth_account.messages import encode_typed_data  # noqa: PLC0415 - only where a key is used

        return bytes(self._account.sign_message(encode_typed_data(full_message=message)).signature)

    def sign_for_safe(self, message: dict[str, Any]) -> bytes:
        """Sign EIP-712 data as a Safe takes it: its digest as a personal message, and 4 added to v (`eth_sign`)."""
        from eth_account.messages import encode_typed_data  # noqa: PLC0415 - only where a key is used

        signable = encode_typed_data(full_message=message)
        signature = self.sign_digest(keccak256(b"\x19" + signable.version + signable.header + signable.body))
        return signature[:-1] + bytes((signature[-1] + 4,))

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign 32 bytes as a personal message; return 65 bytes."""
        from eth_account.messages import encode_defunct  # noqa: PLC0415 - only where a key is used

        return bytes(self._account.sign_message(encode_defunct(primitive=digest)).signature)


class KeylessSigner(TransactionSigner):
    """The signer as a process knows it that only watches: an address, and no key to sign with."""

    def __init__(self, address: str) -> None:
        super().__init__(_NoKey(address))


class _NoKey:
    """Stands where an account would: it has an address, and refuses whatever needs the key."""

    def __init__(self, address: str) -> None:
        self.address = address

    def __getattr__(self, name: str) -> Never:
        raise RefusedForSafety(f"{name}: this process only watches, and holds no key: the worker signs")


def wallet_of(signer: TransactionSigner, kind: WalletKind, given: str | None) -> str:
    """Return the wallet that holds the positions: the one that was given, else the one made for the signer.

    Raises:
        BadConfig: an EOA other than the signer was given.
    """
    if kind == "eoa":
        if given not in {None, signer.address}:
            raise BadConfig(
                f"WALLET={given} is not the signer {signer.address}: WALLET_TYPE=eoa trades from the signer"
            )
        return signer.address
    return given or wallets_of(signer.address)[_MADE[kind]]


def signer_of(digits: str) -> TransactionSigner:
    """Return the signer of a key.

    Raises:
        DependencyMissing: the extra `live` is not installed.
    """
    try:
        from eth_account import Account  # noqa: PLC0415 - only where a key is used
    except ImportError as error:
        raise DependencyMissing("signing needs eth-account, of the extra `live`: `make install`") from error
    return TransactionSigner(Account.from_key("0x" + digits))


def _checksummed(address: str) -> str:
    from eth_utils.address import to_checksum_address  # noqa: PLC0415 - only where a key is used

    return to_checksum_address(address)


def _hex(value: object) -> str:
    return "0x" + cast("bytes", value).hex().removeprefix("0x")
