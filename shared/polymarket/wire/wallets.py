"""Which wallets belong to a signer: pure. Positions are held by one of these, never by the signer (pitfall 5).

Derivations as in the official SDK, `polymarket-client` 0.14.0, `_internal/wallet.py` and `environments.py`.
"""

from shared.polymarket.wire import endpoints
from shared.polymarket.wire.keccak import keccak256

PROXY_FACTORY = "0xab45c5a4b0c941a2f231c04c3f49182e1a254052"
PROXY_IMPLEMENTATION = "0x44e999d5c2f66ef0861317f9a4805ac2e90aeb4f"
SAFE_FACTORY = "0xaacfeea03eb1561c4e67d661e40682bd20e3541b"
SAFE_INIT_CODE_HASH = "2bce2127ff07fb632d16c8347c4ebf501f4841168bed00d9e6ef715ddb6fcecf"
DEPOSIT_FACTORY = "0x00000000000fb5c9adea0298d729a0cb3823cc07"
DEPOSIT_IMPLEMENTATION = "0x58ca52ebe0dadfdf531cde7062e76746de4db1eb"
DEPOSIT_BEACON = "0x7a18edfe055488a3128f01f563e5b479d92ffc3a"

PROTOCOL = {
    **dict.fromkeys(endpoints.EXCHANGES, "an exchange of Polymarket"),
    **dict.fromkeys(endpoints.EXCHANGES_V1, "a retired exchange of Polymarket"),
    endpoints.CONDITIONAL_TOKENS: "the ConditionalTokens contract",
    endpoints.PUSD: "the pUSD token",
    endpoints.USDC_E: "the USDC.e token",
    endpoints.WRAPPED_COLLATERAL: "the wrapped collateral token",
    endpoints.NEG_RISK_ADAPTER: "the NegRiskAdapter",
    endpoints.CTF_COLLATERAL_ADAPTER: "the CtfCollateralAdapter",
    endpoints.NEG_RISK_CTF_COLLATERAL_ADAPTER: "the NegRiskCtfCollateralAdapter",
    "0x12121212006e4cd160d18e3f00711da5c3372600": "the Router",
    "0x006f54f7f9a22e0000cc2ab60031000000ae9fef": "the PositionManager",
    "0xa1200000d0002264c9a1698e001292d00e1b00af": "the AutoRedeemer",
    endpoints.RELAY_HUB: "the RelayHub",
    PROXY_FACTORY: "the factory of proxy wallets",
    PROXY_IMPLEMENTATION: "the code of proxy wallets",
    SAFE_FACTORY: "the factory of Safes",
    DEPOSIT_FACTORY: "the factory of deposit wallets",
    DEPOSIT_BEACON: "the beacon of deposit wallets",
    "0x" + "0" * 40: "the zero address",
}
"""The venue's own contracts: no trader (venue reference 7.1)."""

_PROXY_CODE = (
    "3d3d606380380380913d393d73{factory}5af4602a57600080fd5b602d8060366000396000f3363d3d373d3d3d363d73{code}"
    "5af43d82803e903d91602b57fd5bf352e831dd" + f"{32:064x}" + "0" * 64
)
_UUPS_CODE = (
    "61003d3d8160233d3973{code}60095155f3363d3d373d3d363d7f360894a13ba1a3210667c828492db98dca3e2076"
    "cc3735a920a3ca505d382bbc545af43d6000803e6038573d6000fd5b3d6000f3"
)
_BEACON_CODE = (
    "6100523d8160233d3973{code}60195155f3363d3d373d3d363d602036600436635c60da1b60e01b36527fa3f0ad74e5423aebfd80d3ef"
    "4346578335a9a72aeaee59ff6cb3582b35133d50545afa5036515af43d6000803e604d573d6000fd5b3d6000f3"
)


def wallets_of(signer: str) -> dict[str, str]:
    """Return the wallets that the venue's factories make for a signer: kind -> address."""
    padded = bytes.fromhex(signer[2:]).rjust(32, b"\x00")
    arguments = bytes.fromhex(DEPOSIT_FACTORY[2:]).rjust(32, b"\x00") + padded
    proxy = bytes.fromhex(_PROXY_CODE.format(factory=PROXY_FACTORY[2:], code=PROXY_IMPLEMENTATION[2:]))
    safe = bytes.fromhex(SAFE_INIT_CODE_HASH)
    beacon, uups = (
        _deposit(_BEACON_CODE, DEPOSIT_BEACON, arguments),
        _deposit(_UUPS_CODE, DEPOSIT_IMPLEMENTATION, arguments),
    )
    return {
        "deposit wallet": _create2(DEPOSIT_FACTORY, keccak256(arguments), beacon),
        "deposit wallet (earlier kind)": _create2(DEPOSIT_FACTORY, keccak256(arguments), uups),
        "Safe": _create2(SAFE_FACTORY, keccak256(padded), safe),
        "proxy wallet": _create2(PROXY_FACTORY, keccak256(bytes.fromhex(signer[2:])), keccak256(proxy)),
    }


def _deposit(template: str, code: str, arguments: bytes) -> bytes:
    """Return the hash of a deposit wallet's code: the arguments' length is part of its first bytes."""
    made = bytearray(bytes.fromhex(template.format(code=code[2:])))
    length = int.from_bytes(made[1:3], "big") + len(arguments)
    made[1:3] = length.to_bytes(2, "big")
    return keccak256(bytes(made) + arguments)


def _create2(factory: str, salt: bytes, code_hash: bytes) -> str:
    return "0x" + keccak256(b"\xff" + bytes.fromhex(factory[2:]) + salt + code_hash)[12:].hex()
