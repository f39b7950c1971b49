"""Errors of a command line without what may be a private key: who types one at a wrong place must not log it."""

import contextlib
from collections.abc import Generator
from typing import Any

from typer import TyperException
from typer.core import TyperCommand, TyperGroup

from shared.domain.redaction import without_keys

_MESSAGE = "message"


@contextlib.contextmanager
def keys_hidden() -> Generator[None]:
    """Take what may be a private key out of the error that the block raises."""
    try:
        yield
    except TyperException as error:
        said = vars(error)
        if _MESSAGE in said:
            said[_MESSAGE] = without_keys(str(said[_MESSAGE]))
        raise


class HidingCommand(TyperCommand):
    """A command whose errors show no key."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - typer's own
        """Read the words, as typer does."""
        with keys_hidden():
            return super().make_context(*args, **kwargs)


class HidingGroup(TyperGroup):
    """A group of commands whose errors, its own too, show no key."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - typer's own
        """Read the words, as typer does."""
        with keys_hidden():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's own
        """Run the command, which reads its own words."""
        with keys_hidden():
            return super().invoke(ctx)
