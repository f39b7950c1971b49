"""The regions of a page that are sent anew when they change: each is a template of its own."""

from collections.abc import Mapping

from ops.board.board import Board
from ops.web.templating import PageWriter

REGIONS = ("state", "alarms", "figures", "positions", "health", "caps", "latest", "leaders")


def draw_regions(writer: PageWriter, board: Board | None, away: str, read_at_ms: int) -> Mapping[str, str]:
    """Return every region as HTML; without a board only the state, which says why there is none."""
    shown = {"board": board, "away": away, "now_ms": read_at_ms, "live": True}
    names = REGIONS if board is not None else ("state",)
    return {name: writer.write(f"regions/{name}.html", shown) for name in names}
