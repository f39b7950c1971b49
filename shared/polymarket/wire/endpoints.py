"""Where the venue is, what it allows, and its contracts on Polygon: one table, pure data.

Sources are sections of the venue's documentation as copied 2026-07-25 and 2026-08-05 (rate limits), the official SDK
`polymarket-client` 0.14.0 (addresses), and keccak over the event signatures (topics). Addresses and topics are lower
case, as everywhere in this project.
"""

from dataclasses import dataclass

DATA_API_URL = "https://data-api.polymarket.com"
GAMMA_URL = "https://gamma-api.polymarket.com"
CLOB_URL = "https://clob.polymarket.com"
RELAYER_URL = "https://relayer-v2.polymarket.com"
RPC_URL = "https://polygon.drpc.org"
"""The SDK's default. `polygon-rpc.com` answers 401 without a key."""
RTDS_URL = "wss://ws-live-data.polymarket.com"
CLOB_MARKET_URL = "wss://ws-subscriptions-clob.polymarket.com/ws/market"
CLOB_USER_URL = "wss://ws-subscriptions-clob.polymarket.com/ws/user"
GEOBLOCK_URL = "https://polymarket.com/api/geoblock"
"""Says whether the caller's region may trade; it stands on the site's host, not on an API's."""
SUBGRAPH_URL = (
    "https://api.goldsky.com/api/public/project_cl6mb8i9h0003e201j6li0diw/subgraphs/orderbook-subgraph/0.0.1/gn"
)
"""Indexes the V1 exchanges only: it has no trade made after 2026-04-28."""

CHAIN_ID = 137
TARGET_SHARE = 0.5
"""The share of a published limit we aim for: others use the same address, and limits change unannounced."""


@dataclass(frozen=True)
class RequestBudget:
    """What an upstream allows in one window; the gate of this name stands before it."""

    name: str
    url: str
    allowed: int
    per_s: float
    note: str = ""

    @property
    def published_per_s(self) -> float:
        """Return the upstream's own limit."""
        return self.allowed / self.per_s

    @property
    def target_per_s(self) -> float:
        """Return our default target."""
        return self.published_per_s * TARGET_SHARE


_TABLE = (
    # docs.polymarket.com/api-reference/rate-limits: sliding windows of 10 s at Cloudflare, per address
    RequestBudget("data", DATA_API_URL, 800, 10, "all of v2; unexplained 429 seen at 30/s"),
    RequestBudget("data_activity", DATA_API_URL, 200, 10, "/v2/activity; 400 measured clean"),
    RequestBudget("data_trades", DATA_API_URL, 300, 10, "/v2/trades; 200 measured clean"),
    RequestBudget("data_positions", DATA_API_URL, 200, 10, "/v2/positions"),
    RequestBudget("gamma", GAMMA_URL, 4_000, 10, "all of Gamma"),
    RequestBudget("gamma_events", GAMMA_URL, 500, 10, "/events"),
    RequestBudget("gamma_markets", GAMMA_URL, 300, 10, "/markets"),
    RequestBudget("gamma_listings", GAMMA_URL, 900, 10, "all listings together"),
    RequestBudget("gamma_search", GAMMA_URL, 350, 10, "/public-search"),
    RequestBudget("gamma_tags", GAMMA_URL, 200, 10, "/tags, /comments"),
    RequestBudget("clob", CLOB_URL, 9_000, 10, "all of the CLOB"),
    RequestBudget("clob_reads", CLOB_URL, 1_500, 10, "/book, /price, /midpoint, each"),
    RequestBudget("clob_batches", CLOB_URL, 500, 10, "/books, /prices, /midpoints, each"),
    RequestBudget("clob_history", CLOB_URL, 1_000, 10, "/prices-history"),
    RequestBudget("clob_tick_size", CLOB_URL, 200, 10, "/tick-size"),
    RequestBudget("clob_balance", CLOB_URL, 200, 10, "GET /balance-allowance"),
    RequestBudget("clob_ledger", CLOB_URL, 900, 10, "/data/orders and /data/trades together; each 500"),
    RequestBudget("clob_auth", CLOB_URL, 100, 10, "API keys"),
    # docs.polymarket.com/api-reference/trading-rate-limits: token buckets per signer, orders counted, Standard tier
    RequestBudget("clob_orders", CLOB_URL, 40, 1, "orders; bucket of 60; the address limit of 350/s is far above"),
    RequestBudget("clob_cancels", CLOB_URL, 80, 1, "cancels; bucket of 120"),
    RequestBudget("relayer", RELAYER_URL, 25, 60, "/submit; daily quotas besides"),
    # docs.goldsky.com/subgraphs/graphql-endpoints
    RequestBudget("subgraph", SUBGRAPH_URL, 50, 10, "public endpoint"),
    RequestBudget("rpc", RPC_URL, 100, 10, "nothing published for public nodes: our own careful choice"),
)

BUDGETS = {budget.name: budget for budget in _TABLE}
"""Every upstream budget by the name of its gate."""

# polymarket-client 0.14.0, polymarket/environments.py
CTF_EXCHANGE_V2 = "0xe111180000d2663c0091e4f400237545b87b996b"
NEG_RISK_CTF_EXCHANGE_V2 = "0xe2222d279d744050d28e00520010520000310f59"
EXCHANGE_V3 = "0xe3333700ca9d93003f00f0f71f8515005f6c00aa"
EXCHANGES = (CTF_EXCHANGE_V2, NEG_RISK_CTF_EXCHANGE_V2, EXCHANGE_V3)
"""The exchanges that trade today; all three emit `ORDER_FILLED`."""

# py-clob-client 0.34.6 and the subgraph's networks.yaml; no trade since 2026-04-28
CTF_EXCHANGE_V1 = "0x4bfb41d5b3570defd03c39a9a4d8de6bd8b8982e"
NEG_RISK_CTF_EXCHANGE_V1 = "0xc5d563a36ae78145c45a50134d48a1215220f80a"
EXCHANGES_V1 = (CTF_EXCHANGE_V1, NEG_RISK_CTF_EXCHANGE_V1)

CONDITIONAL_TOKENS = "0x4d97dcd97ec945f40cf65f87097ace5ea0476045"
PUSD = "0xc011a7e12a19f7b1f670d46f03b03f3342e82dfb"
"""Collateral of the venue since CLOB V2, 6 decimals."""
USDC_E = "0x2791bca1f2de4661ed88a30c99a7a9449aa84174"
"""What position ids of plain markets still derive from, 6 decimals."""
WRAPPED_COLLATERAL = "0x3a3bd7bb9528e159577f7c2e685cc81a765002e2"
"""What position ids of neg-risk markets derive from, 6 decimals."""
NEG_RISK_ADAPTER = "0xd91e80cf2e7be2e162c6513ced06f1dd0da35296"
CTF_COLLATERAL_ADAPTER = "0xada100db00ca00073811820692005400218fce1f"
"""Redeployed once already: configurable where it is used."""
NEG_RISK_CTF_COLLATERAL_ADAPTER = "0xada2005600dec949baf300f4c6120000bdb6eaab"
"""Redeployed once already: configurable where it is used."""

POSITION_MANAGER = "0x006f54f7f9a22e0000cc2ab60031000000ae9fef"
"""Keeps the positions of Protocol V2 (ERC-1155) and says what they pay."""
ROUTER = "0x12121212006e4cd160d18e3f00711da5c3372600"
"""Redeems positions of Protocol V2; the wallet approves it on the PositionManager."""

SAFE_MULTISEND = "0xa238cbeb142c10ef7ad8442c6d1f9e89e07e7761"
"""Several calls in one Safe transaction (delegate call)."""
RELAY_HUB = "0xd216153c06e857cd7f72665e0af1d7d82172f494"
"""Named in what the owner of a proxy wallet signs."""

ORDER_FILLED_SIGNATURE = "OrderFilled(bytes32,address,address,uint8,uint256,uint256,uint256,uint256,bytes32,bytes32)"
ORDER_FILLED = "0xd543adfd945773f1a62f74f0ee55a5e3b9b1a28262980ba90b1a89f2ea84d8ee"
"""Topic 0 of a fill on the V2 and V3 exchanges; topics 1-3: order hash, maker, taker."""
ORDER_FILLED_V1 = "0xd0a08e8c493f9c94f29311604c9de1b4e8c8d4c06bd0c789af57f2d65bfec0f6"
ORDERS_MATCHED = "0x174b3811690657c217184f89418266767c87e4805d09680c39fc9c031c0cab7c"
ORDERS_MATCHED_V1 = "0x63bf4d16b7fa898ef4c4b2b6d90fd201e9c56313b65638af6088d149d2ce956c"
FEE_CHARGED = "0x55bb3cade9d43b798a4fe5ffdd05024b2d7870df53920673bfc7e68047cd0ab1"
CONDITION_RESOLUTION = "0xb44d84d3289691f71497564b85d4233648d9dbae8cbdbb4329f301c3a0185894"
PAYOUT_REDEMPTION = "0x2682012a4a4f1973119f1c9b90745d1bd91fa2bab387344f044cb3586864d18d"
"""ConditionalTokens' event; through an adapter it names the adapter as redeemer."""
PAYOUT_REDEMPTION_NEG_RISK = "0x9140a6a270ef945260c03894b3c6b3b2695e9d5101feef0ff24fec960cfd3224"
POSITIONS_MERGE = "0x6f13ca62553fcc2bcd2372180a43949c1e4cebba603901ede2f4e14f36b282ca"
TRANSFER_SINGLE = "0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62"
TRANSFER_BATCH = "0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb"
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""ERC-20; topics 1 and 2: from, to."""
