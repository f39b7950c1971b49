"""The four wallets an order may come from, and the address each has for its owner.

Proxies, Safes and deposit wallets live at CREATE2 addresses: whoever knows the owner knows the wallet.
"""

from collections.abc import Callable
from functools import lru_cache

from eth_hash.auto import keccak

from simulator.core import contracts
from simulator.exchange.eip712 import address_bytes, word

EOA, PROXY, SAFE, DEPOSIT = range(4)
NAMES = {"eoa": EOA, "proxy": PROXY, "safe": SAFE, "deposit": DEPOSIT}

_PROXY_CODE = (
    "3d3d606380380380913d393d73{factory}5af4602a57600080fd5b602d8060366000396000f3363d3d373d3d3d363d73{implementation}"
    "5af43d82803e903d91602b57fd5bf352e831dd" + "00" * 31 + "20" + "00" * 32
)
_SAFE_CODE_HASH = bytes.fromhex("2bce2127ff07fb632d16c8347c4ebf501f4841168bed00d9e6ef715ddb6fcecf")
_BEACON_PREFIX = 0x6100523D8160233D3973
_BEACON_CODE = (
    "60195155f3363d3d373d3d363d602036600436635c60da"
    "1b60e01b36527fa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6c"
    "b3582b35133d50545afa5036515af43d6000803e604d573d6000fd5b3d6000f3"
)
_UUPS_PREFIX = 0x61003D3D8160233D3973
_UUPS_CODE = (
    "60095155f3363d3d373d3d363d7f360894a13ba1a3210667c828492db98dca3e2076"
    "cc3735a920a3ca505d382bbc545af43d6000803e6038573d6000fd5b3d6000f3"
)


def proxy_of(owner: str) -> str:
    """Return the proxy wallet of an owner."""
    code = _PROXY_CODE.format(factory=contracts.PROXY_FACTORY[2:], implementation=contracts.PROXY_IMPLEMENTATION[2:])
    return _create2(contracts.PROXY_FACTORY, keccak(address_bytes(owner)), keccak(bytes.fromhex(code)))


def safe_of(owner: str) -> str:
    """Return the Gnosis Safe of an owner."""
    return _create2(contracts.SAFE_FACTORY, keccak(word(address_bytes(owner))), _SAFE_CODE_HASH)


def deposit_of(owner: str) -> str:
    """Return the deposit wallet the factory makes today."""
    return _deposit(owner, _BEACON_PREFIX, contracts.DEPOSIT_BEACON, _BEACON_CODE)


def early_deposit_of(owner: str) -> str:
    """Return the deposit wallet the factory made before it had a beacon."""
    return _deposit(owner, _UUPS_PREFIX, contracts.DEPOSIT_IMPLEMENTATION, _UUPS_CODE)


_OF_TYPE: dict[int, Callable[[str], str]] = {
    EOA: lambda owner: owner,
    PROXY: proxy_of,
    SAFE: safe_of,
    DEPOSIT: deposit_of,
}


def wallet_of(owner: str, signature_type: int) -> str:
    """Return where an owner's funds lie, for a wallet type."""
    return _OF_TYPE[signature_type](owner.lower())


@lru_cache(maxsize=4096)
def owns(owner: str, wallet: str, signature_type: int) -> bool:
    """Tell whether a wallet of this type belongs to an owner."""
    if signature_type == DEPOSIT and wallet == early_deposit_of(owner):
        return True
    return wallet == wallet_of(owner, signature_type)


def _deposit(owner: str, prefix: int, target: str, code: str) -> str:
    factory = contracts.DEPOSIT_FACTORY
    arguments = word(address_bytes(factory)) + word(address_bytes(owner))
    head = (prefix + (len(arguments) << 56)).to_bytes(10, "big")
    created = keccak(head + address_bytes(target) + bytes.fromhex(code) + arguments)
    return _create2(factory, keccak(arguments), created)


def _create2(factory: str, salt: bytes, code_hash: bytes) -> str:
    return "0x" + keccak(b"\xff" + address_bytes(factory) + salt + code_hash)[12:].hex()
