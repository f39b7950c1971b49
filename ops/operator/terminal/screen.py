"""The live view in a terminal: state, money and limits above; positions, decisions and sources below.

One column below `TWO_COLUMNS` columns; beside each other above.
"""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.layout import Layout
from rich.text import Text

from ops.operator.terminal import panels, source_panels
from ops.operator.terminal.head import ScreenHead, page_head
from ops.operator.terminal.screen_frame import ScreenPicture

TWO_COLUMNS = 100
WIDE = 140
"""From here on there is room for the signals and the redemptions, too."""


def full_screen(picture: ScreenPicture, height: int) -> RenderableType:
    """Return the picture as one screen of `height` lines, of whatever width it is drawn in."""
    return _Screen(picture, height)


def page(picture: ScreenPicture) -> Group:
    """Return the picture as plain sections, for a pipe or one look."""
    parts = (
        panels.alarms,
        source_panels.processes,
        source_panels.leaders,
        source_panels.sources,
        panels.signals,
        panels.decisions,
        panels.positions,
        panels.redemptions,
    )
    return Group(page_head(picture), Text(picture.title, "dim"), *(part(picture) for part in parts))


@dataclass(frozen=True)
class _Screen:
    picture: ScreenPicture
    height: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        head = ScreenHead(self.picture, console, width, self.height)
        layout = Layout()
        left = max(1, self.height - head.lines)
        body = _one_column if width < TWO_COLUMNS else _two_columns if width < WIDE else _wide
        layout.split_column(Layout(head.text, size=head.lines), *body(self.picture, left))
        yield layout


def _one_column(picture: ScreenPicture, left: int) -> list[Layout]:
    """Return what matters most, one below the other: side by side, markets and reasons would have no room."""
    sources = len(picture.view.progress.sources) if picture.view.progress else 0
    low = min(max(1, sources) + 3, max(3, left // 3))
    picture.rows = max(1, (left - low) // 2 - 3)
    return [
        Layout(panels.positions(picture)),
        Layout(panels.decisions(picture)),
        Layout(source_panels.short_sources(picture), size=low),
    ]


def _two_columns(picture: ScreenPicture, left: int) -> list[Layout]:
    """Return positions over the whole width, and who works beside what was decided."""
    third = max(4, left // 3)
    picture.rows = max(1, third - 3)
    middle, low = Layout(name="middle"), Layout(name="low", size=third)
    middle.split_row(
        Layout(source_panels.leaders(picture, short=True), ratio=4), Layout(panels.decisions(picture), ratio=7)
    )
    low.split_row(Layout(source_panels.short_sources(picture), ratio=3), Layout(panels.alarms(picture), ratio=2))
    return [Layout(panels.positions(picture), size=third), middle, low]


def _wide(picture: ScreenPicture, left: int) -> list[Layout]:
    progress = picture.view.progress
    leaders, sources = (len(progress.leaders), len(progress.sources)) if progress else (0, 0)
    top = min(max(leaders + 3, sources + len(picture.gates) + 4, 8), left // 3 + 1)
    picture.rows = max(4, (left - top) // 2 - 3)
    above, middle, low = Layout(name="top", size=top), Layout(name="middle"), Layout(name="low")
    above.split_row(Layout(source_panels.leaders(picture)), Layout(source_panels.sources(picture), ratio=2))
    middle.split_row(Layout(panels.signals(picture)), Layout(panels.decisions(picture)))
    low.split_row(Layout(panels.positions(picture), ratio=3), Layout(panels.redemptions(picture), ratio=2))
    return [above, middle, low]
