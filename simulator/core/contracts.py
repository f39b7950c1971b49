"""Addresses of the venue's contracts on Polygon, in lower case."""

from simulator.core.settings import Era

CHAIN_ID = 137
CONDITIONAL_TOKENS = "0x4d97dcd97ec945f40cf65f87097ace5ea0476045"
NEG_RISK_ADAPTER = "0xd91e80cf2e7be2e162c6513ced06f1dd0da35296"
USDC_E = "0x2791bca1f2de4661ed88a30c99a7a9449aa84174"
PUSD = "0xc011a7e12a19f7b1f670d46f03b03f3342e82dfb"
WRAPPED_COLLATERAL = "0x3a3bd7bb9528e159577f7c2e685cc81a765002e2"
CTF_COLLATERAL_ADAPTER = "0xada100db00ca00073811820692005400218fce1f"
NEG_RISK_CTF_COLLATERAL_ADAPTER = "0xada2005600dec949baf300f4c6120000bdb6eaab"
UMA_ADAPTER = "0x6a9d222616c90fca5754cd1333cfd9b7fb6a4f74"
EXCHANGE_V3 = "0xe3333700ca9d93003f00f0f71f8515005f6c00aa"
POSITION_MANAGER = "0x006f54f7f9a22e0000cc2ab60031000000ae9fef"
PROXY_FACTORY = "0xab45c5a4b0c941a2f231c04c3f49182e1a254052"
PROXY_IMPLEMENTATION = "0x44e999d5c2f66ef0861317f9a4805ac2e90aeb4f"
SAFE_FACTORY = "0xaacfeea03eb1561c4e67d661e40682bd20e3541b"
DEPOSIT_FACTORY = "0x00000000000fb5c9adea0298d729a0cb3823cc07"
DEPOSIT_BEACON = "0x7a18edfe055488a3128f01f563e5b479d92ffc3a"
DEPOSIT_IMPLEMENTATION = "0x58ca52ebe0dadfdf531cde7062e76746de4db1eb"

_EXCHANGES: dict[Era, tuple[str, str]] = {
    "v1": (
        "0x4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e",
        "0xc5d563a36ae78145c45a50134d48a1215220f80a",
    ),
    "v2": (
        "0xe111180000d2663c0091e4f400237545b87b996b",
        "0xe2222d279d744050d28e00520010520000310f59",
    ),
}

PROTOCOL = frozenset(
    {CONDITIONAL_TOKENS, NEG_RISK_ADAPTER, USDC_E, PUSD, UMA_ADAPTER, EXCHANGE_V3, POSITION_MANAGER}
    | {WRAPPED_COLLATERAL, CTF_COLLATERAL_ADAPTER, NEG_RISK_CTF_COLLATERAL_ADAPTER}
    | {each for pair in _EXCHANGES.values() for each in pair}
)


EXCHANGES_V2 = _EXCHANGES["v2"]
EXCHANGES = (*EXCHANGES_V2, EXCHANGE_V3)
"""Who may be asked to move a trader's pUSD and tokens."""
ROUTER = "0x12121212006e4cd160d18e3f00711da5c3372600"
AUTO_REDEEMER = "0xa1200000d0002264c9a1698e001292d00e1b00af"
BINARY_MODULE = "0x1000008dd9001b968442c1000017eae6e0da00ba"
NEG_RISK_MODULE = "0x200000900045e3b6259600682756002200028933"
PERPS_DEPOSIT = "0xdca4af75705dbb50f62437045aff9921947917d2"
_ADAPTERS = (CTF_COLLATERAL_ADAPTER, NEG_RISK_CTF_COLLATERAL_ADAPTER)
APPROVALS = {
    PUSD: (*_EXCHANGES["v2"], *_ADAPTERS, ROUTER, EXCHANGE_V3, PERPS_DEPOSIT),
    CONDITIONAL_TOKENS: (*_EXCHANGES["v2"], *_ADAPTERS, AUTO_REDEEMER, BINARY_MODULE, NEG_RISK_MODULE),
    POSITION_MANAGER: (ROUTER, EXCHANGE_V3, AUTO_REDEEMER),
}
"""Token -> who is approved for it where an account is set up to trade."""
SPENDERS = (*EXCHANGES, NEG_RISK_ADAPTER)
"""Whose allowance of pUSD the venue lists."""

_RESERVED = ((1 << 64) - 1) << 40


def is_position(token_id: str) -> bool:
    """Tell whether a token is a Protocol V2 position: 64 bits of its id are zero, its first byte names a module."""
    number = int(token_id)
    return number & _RESERVED == 0 and number >> 248 in {1, 2, 3}


def exchange(era: Era, *, neg_risk: bool, token_id: str) -> str:
    """Return the exchange that settles a market of this kind, or a Protocol V2 position."""
    return EXCHANGE_V3 if is_position(token_id) else _EXCHANGES[era][neg_risk]
