"""What every page has: who looks at it, how the pipeline stands, and what came of the last form."""

from fastapi import Request
from starlette.responses import HTMLResponse

from ops.web.actions.once import OnceForms, Said
from ops.web.live.board_feed import BoardLook
from ops.web.security.tokens import Pass
from ops.web.web_parts import parts_of
from shared.domain.errors import HybridError

PAGES = (
    ("/", "Now"),
    ("/positions", "Positions"),
    ("/decisions", "Decisions"),
    ("/why-not", "Why not"),
    ("/leaders", "Leaders"),
    ("/detection", "Detection"),
    ("/money", "Money"),
    ("/reports", "Reports"),
    ("/shadows", "Shadows"),
    ("/settings", "Settings"),
)


def show_page(request: Request, session: Pass | None, template: str, code: int = 200, **shown: object) -> HTMLResponse:
    """Return a page with its own values and those that every page has."""
    parts = parts_of(request)
    look = parts.feed.look() if session else BoardLook()
    common = {
        "session": session,
        "csrf": parts.keeper.form_word(session) if session else "",
        "path": request.url.path,
        "pages": PAGES,
        "board": look.board,
        "away": look.away,
        "read_at_ms": look.read_at_ms,
        "now_ms": parts.clock.now_ms(),
        "live": False,
        "said": _said(request),
        "labels": {row.address: row.label for row in look.board.leaders} if look.board else {},
    }
    return HTMLResponse(parts.writer.write(template, {**common, **shown}), code)


def _said(request: Request) -> Said | None:
    word = request.query_params.get("said", "")
    try:
        return OnceForms(parts_of(request).redis).said(word) if word else None
    except HybridError:
        return None
