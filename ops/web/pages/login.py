"""The login: by a link that works once, or by the token where one is set."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from ops.web.access import Viewer
from ops.web.pages.page import show_page
from ops.web.security.tokens import Pass
from ops.web.web_parts import parts_of

router = APIRouter()
_OVER = "This link was used, or is over. `hybrid web --link` prints a new one."
_WRONG = "That is not the token (WEB_TOKEN)."
_ENDED = "Your session is over. Log in again."


@router.get("/login")
def login(request: Request, link: str = "", page: str = "/", ended: str = "") -> HTMLResponse:
    """Ask for the name that the record shows; nothing is used up by looking, so no preview spoils a link."""
    found = parts_of(request).keeper.read_link(link) if link else None
    problem = _OVER if link and found is None else _ENDED if ended else ""
    return _ask(request, link if found else "", found.name if found else "", page, problem)


@router.post("/login")
def enter(
    request: Request,
    link: Annotated[str, Form()] = "",
    token: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    page: Annotated[str, Form()] = "/",
) -> Response:
    """Let in who has the link or the token."""
    keeper = parts_of(request).keeper
    session = keeper.use_link(link, name) if link else keeper.use_token(token, name)
    if session is None:
        return _ask(request, "", name, page, _OVER if link else _WRONG, 403)
    answer = RedirectResponse(safe_page(page), 303)
    set_session(request, answer, session)
    return answer


@router.get("/session")
def standing(session: Viewer) -> Response:
    """Say that the session stands, to a page whose stream broke."""
    return PlainTextResponse(session.role)


@router.post("/logout")
def leave(request: Request, session: Viewer, csrf: Annotated[str, Form()] = "") -> Response:
    """End the session, in every window."""
    parts = parts_of(request)
    if parts.keeper.is_form_word(session, csrf):
        parts.keeper.end_session(session)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(parts.cookie, path="/")
    return answer


def set_session(request: Request, answer: Response, session: Pass) -> None:
    """Give a session to a browser: no script reads it, and no other site sends it."""
    parts = parts_of(request)
    lasts_s = max(0, session.ends_ms - parts.clock.now_ms()) // 1000
    answer.set_cookie(
        parts.cookie,
        parts.keeper.cookie_of(session),
        max_age=lasts_s,
        path="/",
        secure=parts.settings.https,
        httponly=True,
        samesite="strict",
    )


def safe_page(page: str) -> str:
    """Return a page of ours to go on with; anything that could lead elsewhere is the first one."""
    leads_here = page.startswith("/") and not page.startswith(("//", "/\\")) and page.isprintable()
    return page if leads_here and "\\" not in page else "/"


def _ask(request: Request, link: str, name: str, page: str, problem: str, status: int = 200) -> HTMLResponse:
    keeper = parts_of(request).keeper
    shown = {"link": link, "name": name, "page": safe_page(page), "problem": problem, "asks_token": keeper.asks_token}
    return show_page(request, None, "login.html", status, **shown)
