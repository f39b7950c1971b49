"""The orderbook subgraph's schema, with the filters graph-node derives from it."""

_EVENT = {
    "id": "ID!",
    "transactionHash": "Bytes!",
    "timestamp": "BigInt!",
    "orderHash": "Bytes!",
    "maker": "String!",
    "taker": "String!",
    "makerAssetId": "String!",
    "takerAssetId": "String!",
    "makerAmountFilled": "BigInt!",
    "takerAmountFilled": "BigInt!",
    "fee": "BigInt!",
}
_MATCH = {
    "id": "ID!",
    "timestamp": "BigInt!",
    "makerAssetID": "BigInt!",
    "takerAssetID": "BigInt!",
    "makerAmountFilled": "BigInt!",
    "takerAmountFilled": "BigInt!",
}
_MARKET = {"id": "ID!", "condition": "String!", "outcomeIndex": "BigInt"}
_COUNTS = {"tradesQuantity": "BigInt!", "buysQuantity": "BigInt!", "sellsQuantity": "BigInt!"}
_VOLUMES = {
    "collateralVolume": "BigInt!",
    "collateralBuyVolume": "BigInt!",
    "collateralSellVolume": "BigInt!",
    "scaledCollateralVolume": "BigDecimal!",
    "scaledCollateralBuyVolume": "BigDecimal!",
    "scaledCollateralSellVolume": "BigDecimal!",
}
_GLOBAL_VOLUMES = dict.fromkeys(_VOLUMES, "BigDecimal!")

ENTITIES: dict[str, tuple[str, str, dict[str, str]]] = {
    "OrderFilledEvent": ("orderFilledEvent", "orderFilledEvents", _EVENT),
    "OrdersMatchedEvent": ("ordersMatchedEvent", "ordersMatchedEvents", _MATCH),
    "Orderbook": ("orderbook", "orderbooks", {"id": "ID!"} | _COUNTS | _VOLUMES),
    "MarketData": ("marketData", "marketDatas", _MARKET),
    "OrdersMatchedGlobal": (
        "ordersMatchedGlobal",
        "ordersMatchedGlobals",
        {"id": "ID!"} | _COUNTS | _GLOBAL_VOLUMES,
    ),
}

_COMMON = """
scalar BigInt
scalar BigDecimal
scalar Bytes
enum OrderDirection { asc desc }
input Block_height { hash: Bytes number: Int number_gte: Int }
type _Block_ { number: Int! hash: Bytes timestamp: Int }
type _Meta_ { block: _Block_! deployment: String! hasIndexingErrors: Boolean! }
"""


def schema_text() -> str:
    """Return the schema in GraphQL's own language."""
    types = "".join(_type(name, fields) for name, (_, _, fields) in ENTITIES.items())
    queries = "".join(_queries(name, one, many) for name, (one, many, _) in ENTITIES.items())
    meta = "  _meta(block: Block_height): _Meta_\n"
    return f"{_COMMON}{types}type Query {{\n{queries}{meta}}}\n"


def _type(name: str, fields: dict[str, str]) -> str:
    lines = "".join(f"  {field}: {kind}\n" for field, kind in fields.items())
    filters = "".join(_filters(field, kind.rstrip("!")) for field, kind in fields.items())
    orders = " ".join(fields)
    return f"type {name} {{\n{lines}}}\ninput {name}_filter {{\n{filters}}}\nenum {name}_orderBy {{ {orders} }}\n"


def _filters(field: str, kind: str) -> str:
    single = "".join(f"  {field}{s}: {kind}\n" for s in ("", "_not", "_gt", "_gte", "_lt", "_lte"))
    return single + f"  {field}_in: [{kind}!]\n  {field}_not_in: [{kind}!]\n"


def _queries(name: str, one: str, many: str) -> str:
    paging = "first: Int = 100, skip: Int = 0"
    order = f"orderBy: {name}_orderBy, orderDirection: OrderDirection"
    return (
        f"  {one}(id: ID!, block: Block_height): {name}\n"
        f"  {many}({paging}, {order}, where: {name}_filter, block: Block_height): [{name}!]!\n"
    )
