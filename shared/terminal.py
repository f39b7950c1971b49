"""The one console that prints for people: text is text, whatever it looks like.

Everything that reaches a terminal through it is plain (`shared/domain/plain_text`), and nothing is markup: colours are
given by `Text` and `style`, in our own code only.
"""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.panel import Panel
from rich.protocol import rich_cast
from rich.segment import Segment
from rich.text import Text

from shared.domain.plain_text import make_plain


class Terminal(Console):
    """A console without markup and emoji codes; what it is given to print is made plain, titles of panels too."""

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - whatever the console takes
        super().__init__(**given, markup=False, emoji=False)

    def render_str(self, text: str, **given: Any) -> Text:  # noqa: ANN401 - as the base class's
        """Return a string as plain text."""
        for markup in ("markup", "emoji"):
            given[markup] = False
        return super().render_str(make_plain(text), **given)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render what may hold strings from outside."""
        return super().render(_plain(renderable), options)


def _plain(renderable: RenderableType) -> RenderableType:
    found: Any = rich_cast(renderable)
    if isinstance(found, Text):
        return _plain_text(found)
    if isinstance(found, Panel):
        found.title, found.subtitle = _title(found.title), _title(found.subtitle)
    return found


def _plain_text(text: Text) -> Text:
    """Return a text made plain; styles stay where they are, as no character comes or goes."""
    if (shown := make_plain(text.plain)) == text.plain:
        return text
    copy = text.copy()
    copy.plain = shown
    return copy


def _title(title: Text | str | None) -> Text | None:
    """Return a panel's title as text: the panel would read a string as markup, whatever the console says."""
    return Text(title) if isinstance(title, str) else title
