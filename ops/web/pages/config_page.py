"""Settings: each effective value and where it comes from; nothing is changed here, and no secret shown."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from ops.web.access import Viewer
from ops.web.pages.page import show_page
from ops.web.web_parts import parts_of

router = APIRouter()


@router.get("/settings")
def settings(request: Request, session: Viewer) -> HTMLResponse:
    """Show what each program that runs was told."""
    return show_page(request, session, "settings.html", programs=parts_of(request).told.read())
