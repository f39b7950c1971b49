"""Values reckoned once: `functools.cached_property` without the lock it takes before Python 3.12. Pure."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

T = TypeVar("T")


class cached_property(Generic[T]):  # noqa: N801 - named as what it stands in for
    """An attribute that its function gives at the first look and that stays; for objects that one thread owns."""

    def __init__(self, reckon: Callable[[Any], T]) -> None:
        self._reckon = reckon
        self.__doc__ = reckon.__doc__
        self.__isabstractmethod__ = getattr(reckon, "__isabstractmethod__", False)

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> "cached_property[T]": ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    if TYPE_CHECKING:

        def __set__(self, instance: object, value: T) -> None:
            """Set what is reckoned already: to the type checker alone, as a setter would slow every look."""

    def __get__(self, instance: object, owner: type) -> "T | cached_property[T]":
        if instance is None:
            return self
        value = self._reckon(instance)
        setattr(instance, self._name, value)  # not by its `__dict__`, which would slow every other attribute
        return value
