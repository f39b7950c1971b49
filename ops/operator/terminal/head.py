"""The head of a screen: state, money, limits, each on lines of its own, as many as fit."""

from rich.console import Console, Group
from rich.text import Text

from ops.operator.terminal.banner import (
    MOST_LINES,
    alarm_line,
    counts_line,
    limits_line,
    money_line,
    state_line,
    whole_parts,
)
from ops.operator.terminal.screen_frame import ScreenPicture

ALARMS_BELOW = 100
"""Columns from which on the alarms have a panel."""
LEAST_BODY = 6
"""Lines that are left to the panels before a line of the head is."""


class ScreenHead:
    """The first lines of a screen of some width and height, and how many they are."""

    def __init__(self, picture: ScreenPicture, console: Console, width: int, height: int) -> None:
        state = state_line(picture)
        lines = [*state.wrap(console, width)][: max(1, min(MOST_LINES, height - 1))]
        money = whole_parts(money_line(picture), width, 2)
        limits = whole_parts(limits_line(picture), width, 1)
        for line in (*money, *limits, _one_line(_last_line(picture, width), width)):
            if line.plain and len(lines) + LEAST_BODY < height:
                lines.append(line)
        self.lines, self.text = len(lines), Group(*lines)


def page_head(picture: ScreenPicture) -> Group:
    """Return the head of a page, which is as long as it takes."""
    lines = (state_line(picture), money_line(picture), limits_line(picture), counts_line(picture))
    return Group(*(line for line in lines if line.plain))


def _last_line(picture: ScreenPicture, width: int) -> Text:
    """Return counts and where this is, on a screen that shows the alarms elsewhere; else the first of those."""
    if width >= ALARMS_BELOW:
        return counts_line(picture).append(f"   {picture.title}", "dim")
    return alarm_line(picture)


def _one_line(line: Text, width: int) -> Text:
    line.truncate(width, overflow="ellipsis")
    line.no_wrap = True
    return line
