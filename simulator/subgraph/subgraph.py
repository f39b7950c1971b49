"""The public orderbook subgraph: it indexes the V1 exchanges and, for V2 fills, sees nothing."""

import json
from collections.abc import Callable, Mapping
from functools import cache, lru_cache

import graphql
from graphql import DocumentNode, GraphQLError, GraphQLSchema

from simulator.core.world import World
from simulator.gateway.http_messages import Answer, Call, Json, Route, answer
from simulator.subgraph.subgraph_schema import ENTITIES, schema_text
from simulator.subgraph.subgraph_store import Store

_MAX_FIRST = 1000
_MAX_SKIP = 5000
_COMPARE: dict[str, Callable[[Json, Json], bool]] = {
    "": lambda have, want: have == want,
    "not": lambda have, want: have != want,
    "gt": lambda have, want: have > want,
    "gte": lambda have, want: have >= want,
    "lt": lambda have, want: have < want,
    "lte": lambda have, want: have <= want,
    "in": lambda have, want: have in want,
    "not_in": lambda have, want: have not in want,
}
Row = dict[str, Json]
Reader = Callable[[str, Row], list[Row]]
Resolver = Callable[..., Json]


class Subgraph:
    """Serve the GraphQL endpoint."""

    def __init__(self, world: World) -> None:
        """Index a world."""
        self._world = world
        self._store = Store(world)

    def routes(self) -> list[Route]:
        """Return what is served."""
        return [Route("POST", "/orderbook-subgraph/{}/gn", self.handle)]

    def handle(self, call: Call) -> Answer:
        """Execute a query; GraphQL errors come with status 200."""
        asked: dict[str, Json] = call.json()
        try:
            document = _parsed(str(asked.get("query", "")))
        except GraphQLError as error:
            return answer({"errors": [{"message": error.message}]})
        problems = graphql.validate(_schema(), document)
        if problems:
            return answer({"errors": [{"message": each.message} for each in problems]})
        result = graphql.execute_sync(
            _schema(),
            document,
            root_value=self._root(call.now_ms),
            variable_values=asked.get("variables"),
            operation_name=asked.get("operationName"),
        )
        return Answer(json.dumps(result.formatted))

    def _root(self, now_ms: int) -> dict[str, Resolver]:
        rows = self._store.rows(now_ms)

        def meta(_info: object, **_asked: Json) -> Row:
            return self._meta(now_ms)

        root: dict[str, Resolver] = {"_meta": meta}
        for name, (one, many, fields) in ENTITIES.items():
            root[many] = _finder(name, fields, rows)
            root[one] = _getter(name, fields, rows)
        return root

    def _meta(self, now_ms: int) -> Row:
        chain, faults = self._world.chain, self._world.faults
        block = self._store.head(now_ms)
        errors = faults.find("indexing_errors", "subgraph", "", now_ms) is not None
        at = {"number": block, "timestamp": chain.timestamp(block), "hash": chain.hash(block)}
        return {"block": at, "hasIndexingErrors": errors, "deployment": "QmSimulatedOrderbook"}


def _finder(entity: str, fields: Mapping[str, str], rows: Reader) -> Resolver:
    def find(_info: object, **asked: Json) -> list[Row]:
        first, skip = asked.get("first", 100), asked.get("skip", 0)
        _within("first", first, _MAX_FIRST)
        _within("skip", skip, _MAX_SKIP)
        where: Row = asked.get("where") or {}
        found = [row for row in rows(entity, where) if _fits(row, where)]
        by = asked.get("orderBy") or "id"
        found.sort(key=lambda row: (row[by], row["id"]))
        if asked.get("orderDirection") == "desc":
            found.reverse()
        return [_served(row, fields) for row in found[skip : skip + first]]

    return find


def _getter(entity: str, fields: Mapping[str, str], rows: Reader) -> Resolver:
    def get(_info: object, **asked: Json) -> Row | None:
        found = (row for row in rows(entity, {}) if row["id"] == asked["id"])
        return next((_served(row, fields) for row in found), None)

    return get


def _fits(row: Row, where: Row) -> bool:
    for name, want in where.items():
        field, _, suffix = name.partition("_")
        have = row[field]
        if want is not None and not _COMPARE[suffix](have, _like(have, want)):
            return False
    return True


def _like(have: Json, want: Json) -> Json:
    """Return a filter's value as the field's own type: BigInts arrive as strings or numbers."""
    if isinstance(want, list):
        return [_like(have, each) for each in want]  # pyright: ignore[reportUnknownVariableType]
    return int(want) if isinstance(have, int) else want


def _served(row: Row, fields: Mapping[str, str]) -> Row:
    """Return a row with every big number as a string."""
    big = {name for name, kind in fields.items() if kind.startswith("Big")}
    return {name: str(value) if name in big else value for name, value in row.items()}


def _within(name: str, value: int, high: int) -> None:
    if not 0 <= value <= high:
        raise GraphQLError(f"The value of the `{name}` argument must be between 0 and {high}, but is {value}")


@cache
def _schema() -> GraphQLSchema:
    """Build the schema once, and only where somebody asks: it takes as long as all else of a venue's start."""
    return graphql.build_schema(schema_text())


@lru_cache(maxsize=256)
def _parsed(text: str) -> DocumentNode:
    return graphql.parse(text)
