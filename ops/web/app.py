"""The dashboard as an application: its pages, its actions, and how it says what is wrong."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from ops.web.access import LoginNeeded, NotAllowed
from ops.web.actions import controls as control_actions
from ops.web.actions import leaders as leader_actions
from ops.web.actions import lots as lot_actions
from ops.web.pages import (
    config_page,
    decisions,
    detection,
    leaders,
    login,
    money,
    now,
    positions,
    reports,
    shadows,
    why_not,
)
from ops.web.pages.page import show_page
from ops.web.templating import STATIC
from ops.web.web_parts import WebParts, session_of
from shared import logs
from shared.domain.errors import HybridError, RefusedForSafety, TryAgain
from shared.domain.redaction import redact_secrets

_ROUTERS = (
    login.router,
    now.router,
    positions.router,
    decisions.router,
    why_not.router,
    leaders.router,
    detection.router,
    money.router,
    reports.router,
    shadows.router,
    config_page.router,
    control_actions.router,
    lot_actions.router,
    leader_actions.router,
)
_DATA = ("/stream", "/equity.json", "/session")
"""Asked for by scripts: who is not logged in is told so, and not led to a page."""


def build_app(parts: WebParts) -> FastAPI:
    """Return the application; nothing of it is started."""
    app = FastAPI(title="Hybrid Signals", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.parts = parts
    for router in _ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for error, answer in _ANSWERS.items():
        app.add_exception_handler(error, answer)
    return app


def _lead_to_login(request: Request, _: Exception) -> Response:
    if request.url.path in _DATA or request.headers.get("hx-request"):
        return PlainTextResponse("log in first\n", 401)
    page = quote(request.url.path if request.method == "GET" else "/")
    ended = "&ended=1" if request.cookies else ""
    return RedirectResponse(f"/login?page={page}{ended}", 303)


def _not_allowed(request: Request, error: Exception) -> Response:
    return _say(request, 403, str(error))


def _refused(request: Request, error: Exception) -> Response:
    """Say what the command says: whoever asked has to fix it, or wait."""
    status = 503 if isinstance(error, TryAgain) else 403 if isinstance(error, RefusedForSafety) else 400
    return _say(request, status, str(error))


def _unreadable(request: Request, error: Exception) -> Response:
    problems: Sequence[Any] = error.errors() if isinstance(error, RequestValidationError) else []
    said = "; ".join(f"{problem['loc'][-1]}: {problem['msg']}" for problem in problems)
    return _say(request, 400, said or "this request cannot be read")


def _not_there(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    words = {404: "There is no such page.", 405: "That page takes no such request."}
    return _say(request, status, words.get(status, "This request cannot be read."))


def _crashed(request: Request, error: Exception) -> Response:
    """Say that something is wrong with us or with the server; the log has the whole of it."""
    if type(error).__module__.startswith("redis."):
        return _say(request, 503, f"the server refuses a command: {error}; is it a Redis 7.0+ or Valkey?")
    logs.get_logger("web").error("page_crashed", path=request.url.path, exc_info=error)
    return _say(request, 500, "This page has a fault of its own: it is in the log. `hybrid status` shows the same.")


def _say(request: Request, status: int, text: str) -> HTMLResponse:
    session = session_of(request)
    return show_page(request, session, "problem.html", status, problem=str(redact_secrets(text)), status=status)


_ANSWERS: dict[type[Exception], Callable[[Request, Exception], Response]] = {
    LoginNeeded: _lead_to_login,
    NotAllowed: _not_allowed,
    HybridError: _refused,
    RequestValidationError: _unreadable,
    HTTPException: _not_there,
    Exception: _crashed,
}
