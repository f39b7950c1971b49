"""The fields of an HTTP answer's head, found by name without regard to case (RFC 9110, 5.1). Pure."""

from collections.abc import Iterator, Mapping
from typing import Any


class HeaderFields(Mapping[str, str]):
    """Every field once; those that were sent several times are joined by commas, as RFC 9110, 5.3 allows."""

    __slots__ = ("_fields",)

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}

    def add(self, name: str, value: str) -> None:
        """Take a field in."""
        name = name.lower()
        before = self._fields.get(name)
        self._fields[name] = value if before is None else f"{before}, {value}"

    def clear(self) -> None:
        """Forget all: they were an interim answer's."""
        self._fields.clear()

    def get(self, name: str, default: Any = None, /) -> Any:  # noqa: ANN401 - as every mapping
        """Return a field's value, `default` where it was not sent."""
        return self._fields.get(name.lower(), default)

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)
