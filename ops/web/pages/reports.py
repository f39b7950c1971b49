"""Reports on leaders, as jobs with their progress, and the jobs of every page."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, Response

from ops.operator.leaders import checked
from ops.web.access import Operator, Viewer
from ops.web.actions.acting import start_once
from ops.web.jobs import allowed_jobs
from ops.web.pages.page import show_page
from ops.web.web_parts import parts_of
from shared.domain.errors import BadConfig

router = APIRouter()
_NAME = re.compile(r"\d{13}-0x[0-9a-f]{40}")
_SHOWN = 50


@dataclass(frozen=True)
class WrittenReport:
    """A report that is there, with the figures it holds."""

    name: str
    figures: dict[str, Any]


@router.get("/reports")
def reports(request: Request, session: Viewer, address: str = "") -> HTMLResponse:
    """Show the reports that are there, those under way, and the form of a new one."""
    files = sorted(_folder(request).glob("*.json"), reverse=True)[:_SHOWN]
    written = [WrittenReport(file.stem, _read(file)) for file in files if _NAME.fullmatch(file.stem)]
    jobs = [job for job in parts_of(request).jobs.reports() if job.title.startswith("report")]
    return show_page(request, session, "reports.html", written=written, jobs=jobs, address=address)


@router.post("/reports")
def start_report(
    request: Request, person: Operator, address: Annotated[str, Form()] = "", days: Annotated[str, Form()] = "7"
) -> Response:
    """Start the report on a wallet, as `hybrid wallet ADDRESS --history api --days` does."""
    job = allowed_jobs.wallet_report(checked(address), days, _folder(request))
    return start_once(request, person, job)


@router.get("/reports/{name}")
def report(request: Request, session: Viewer, name: str) -> HTMLResponse:
    """Show one report."""
    file = _folder(request) / f"{name}.json"
    if not _NAME.fullmatch(name) or not file.is_file():
        raise BadConfig(f"{name}: no such report; /reports lists them")
    return show_page(request, session, "report.html", report=_read(file), name=name)


@router.get("/jobs/{name}")
def job(request: Request, session: Viewer, name: str) -> HTMLResponse:
    """Show how a job stands; a page asks again while it runs."""
    found = parts_of(request).jobs.report(name)
    if found is None:
        raise BadConfig(f"{name}: no such job; those of before a restart are forgotten")
    template = "parts/job.html" if request.headers.get("hx-request") else "job.html"
    return show_page(request, session, template, job=found)


def _folder(request: Request) -> Path:
    return parts_of(request).settings.data_dir.resolve() / "web" / "reports"


def _read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8"))
