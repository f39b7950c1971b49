"""Where the venue's contracts live on Polygon, in lower case."""

from simulator.settings import Era

CHAIN_ID = 137
CONDITIONAL_TOKENS = "0x4d97dcd97ec945f40cf65f87097ace5ea0476045"
NEG_RISK_ADAPTER = "0xd91e80cf2e7be2e162c6513ced06f1dd0da35296"
USDC_E = "0x2791bca1f2de4661ed88a30c99a7a9449aa84174"
PUSD = "0xc011a7e12a19f7b1f670d46f03b03f3342e82dfb"
UMA_ADAPTER = "0x6a9d222616c90fca5754cd1333cfd9b7fb6a4f74"
EXCHANGE_V3 = "0xe3333700ca9d93003f00f0f71f8515005f6c00aa"

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
    {CONDITIONAL_TOKENS, NEG_RISK_ADAPTER, USDC_E, PUSD, UMA_ADAPTER, EXCHANGE_V3}
    | {each for pair in _EXCHANGES.values() for each in pair}
)


def exchange(era: Era, *, neg_risk: bool) -> str:
    """Return the exchange that settles a market of this kind."""
    return _EXCHANGES[era][neg_risk]
