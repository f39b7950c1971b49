"""The public orderbook subgraph: it indexes the V1 exchanges and, for V2 fills, sees nothing."""

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from graphql import DocumentNode, GraphQLError, GraphQLResolveInfo, GraphQLSchema, execute_sync
from graphql import build_schema, parse, validate  # fmt: skip
from graphql.type import GraphQLScalarType

from simulator.subgraph_schema import ENTITIES, schema_text
from simulator.subgraph_store import Store
from simulator.web import Answer, Call, Route, answer
from simulator.world import World

_MAX_FIRST = 1000
_MAX_SKIP = 5000
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "": lambda have, want: have == want,
    "not": lambda have, want: have != want,
    "gt": lambda have, want: have > want,
    "gte": lambda have, want: have >= want,
    "lt": lambda have, want: have < want,
    "lte": lambda have, want: have <= want,
    "in": lambda have, want: have in want,
    "not_in": lambda have, want: have not in want,
}


class Subgraph:
    """Serve the GraphQL endpoint."""

    def __init__(self, world: World) -> None:
        """Index a world."""
        self._world = world
        self._store = Store(world)
        self._schema = _schema()

    def routes(self) -> list[Route]:
        """Return what is served."""
        return [Route("POST", "/orderbook-subgraph/{}/gn", self.handle)]

    def handle(self, call: Call) -> Answer:
        """Execute a query; GraphQL errors come with status 200."""
        asked: dict[str, Any] = call.json()
        try:
            document = _parsed(str(asked.get("query", "")))
        except GraphQLError as error:
            return answer({"errors": [{"message": error.message}]})
        problems = validate(self._schema, document)
        if problems:
            return answer({"errors": [{"message": each.message} for each in problems]})
        root = self._root(call.now_ms)
        result = execute_sync(
            self._schema,
            document,
            root_value=root,
            variable_values=asked.get("variables"),
            operation_name=asked.get("operationName"),
        )
        return Answer(json.dumps(result.formatted))

    def _root(self, now_ms: int) -> dict[str, Any]:
        rows = self._store.rows(now_ms)
        root: dict[str, Any] = {"_meta": lambda info, **_: self._meta(now_ms)}
        for name, (one, many, _) in ENTITIES.items():
            root[many] = _finder(name, rows)
            root[one] = _getter(name, rows)
        return root

    def _meta(self, now_ms: int) -> dict[str, Any]:
        chain, faults = self._world.chain, self._world.faults
        block = self._store.head(now_ms)
        errors = faults.find("indexing_errors", "subgraph", "", now_ms) is not None
        at = {"number": block, "timestamp": chain.timestamp(block), "hash": chain.hash(block)}
        return {"block": at, "hasIndexingErrors": errors, "deployment": "QmSimulatedOrderbook"}


def _finder(entity: str, rows: Callable[[str, dict[str, Any]], list[dict[str, Any]]]) -> Any:
    def find(info: GraphQLResolveInfo, **asked: Any) -> list[dict[str, Any]]:
        first, skip = asked.get("first", 100), asked.get("skip", 0)
        _within("first", first, _MAX_FIRST)
        _within("skip", skip, _MAX_SKIP)
        where: dict[str, Any] = asked.get("where") or {}
        found = [row for row in rows(entity, where) if _fits(row, where)]
        by = asked.get("orderBy") or "id"
        found.sort(key=lambda row: (row[by], row["id"]))
        if asked.get("orderDirection") == "desc":
            found.reverse()
        return found[skip : skip + first]

    return find


def _getter(entity: str, rows: Callable[[str, dict[str, Any]], list[dict[str, Any]]]) -> Any:
    def get(info: GraphQLResolveInfo, **asked: Any) -> dict[str, Any] | None:
        return next((row for row in rows(entity, {}) if row["id"] == asked["id"]), None)

    return get


def _fits(row: dict[str, Any], where: dict[str, Any]) -> bool:
    for name, want in where.items():
        field, _, suffix = name.partition("_")
        if want is not None and not _COMPARE[suffix](row[field], want):
            return False
    return True


def _within(name: str, value: int, high: int) -> None:
    if not 0 <= value <= high:
        msg = f"The value of the `{name}` argument must be between 0 and {high}, but is {value}"
        raise GraphQLError(msg)


@lru_cache(maxsize=256)
def _parsed(text: str) -> DocumentNode:
    return parse(text)


def _schema() -> GraphQLSchema:
    schema = build_schema(schema_text())
    for name in ("BigInt", "BigDecimal"):
        scalar = schema.get_type(name)
        if isinstance(scalar, GraphQLScalarType):
            scalar.serialize = str
            scalar.parse_value = int
            scalar.parse_literal = lambda node, variables=None: int(getattr(node, "value", "0"))
    return schema
