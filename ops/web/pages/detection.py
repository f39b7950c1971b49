"""Detection: the sources and how late each is, the budget they share, and the audit of what was missed."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, Response

from ops.web.access import Operator, Viewer
from ops.web.actions.acting import start_once
from ops.web.jobs import allowed_jobs
from ops.web.pages.page import show_page
from ops.web.web_parts import parts_of
from shared.rate_limit.gate import read_gates

router = APIRouter()


@router.get("/detection")
def detection(request: Request, session: Viewer) -> HTMLResponse:
    """Show sources, gates and the last audits."""
    parts = parts_of(request)
    audits = [job for job in parts.jobs.reports() if job.title.startswith("audit")]
    return show_page(request, session, "detection.html", gates=read_gates(parts.redis), audits=audits)


@router.post("/detection/audit")
def audit(request: Request, person: Operator, hours: Annotated[str, Form()] = "1") -> Response:
    """Count what was missed in the last hours, at the audit's slow pace."""
    return start_once(request, person, allowed_jobs.audit(hours))
