"""The signing key: the one place of the redeemer that holds it; it signs transactions and digests."""

import stat
from pathlib import Path
from string import hexdigits
from typing import Any, cast

from pydantic import SecretStr

from redeemer.domain.contract_calls import ContractCall, WalletKind
from redeemer.domain.gas_pricing import GasFees
from redeemer.domain.pending_transaction import SendAttempt
from shared.domain.errors import BadConfig, DependencyMissing, RefusedForSafety
from shared.polymarket.wire.keccak import keccak256
from shared.polymarket.wire.wallets import wallets_of

_DIGITS = 64
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


def read_key(file: Path | None, secret: SecretStr | None = None) -> TransactionSigner:
    """Return the signer whose key (64 hex digits) a file holds, or the setting.

    Raises:
        BadConfig: none of both, or both, or no key in it; the message never holds what is in it.
        RefusedForSafety: others can read the file.
        DependencyMissing: the extra `live` is not installed.
    """
    if file is not None and secret is not None:
        raise BadConfig("PRIVATE_KEY and PRIVATE_KEY_FILE are both set: keep the file, unset PRIVATE_KEY")
    digits = secret.get_secret_value() if secret is not None else _read(file)
    digits = digits.strip().removeprefix("0x")
    if len(digits) != _DIGITS or not set(digits) <= set(hexdigits):
        raise BadConfig("PRIVATE_KEY_FILE (or PRIVATE_KEY) must hold one private key, 64 hex digits, and nothing else")
    return signer_of(digits)


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


def _read(file: Path | None) -> str:
    if file is None or not file.is_file():
        raise BadConfig(
            f"PRIVATE_KEY_FILE={file}: no such file; write the signing key to one, chmod 600, name it there"
        )
    # Before it is read: a key that others could read is no secret any more, and must be replaced.
    if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise RefusedForSafety(f"PRIVATE_KEY_FILE={file}: others can read it; chmod 600 {file}")
    return file.read_text(encoding="utf-8")


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
