"""One action: once for each form, in the name of who sent it, and then the page it came from."""

import contextlib
from collections.abc import Callable
from urllib.parse import urlencode

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from ops.operator.controls import acting_as
from ops.web.access import ActingPerson
from ops.web.actions.once import OnceForms
from ops.web.jobs.allowed_jobs import AllowedJob
from ops.web.web_parts import parts_of
from shared.domain.errors import HybridError


def act_once(request: Request, person: ActingPerson, page: str, act: Callable[[], str]) -> Response:
    """Do what a form asks for, unless it was done, and lead to `page`, which shows what was said.

    Raises:
        HybridError: it was not done; the text is the command's.
    """
    parts = parts_of(request)
    forms = OnceForms(parts.redis)
    if forms.begin(person.once):
        try:
            with acting_as(person.who):
                said = act()
        except HybridError as error:
            with contextlib.suppress(HybridError):
                forms.give_back(person.once, error)
            raise
        forms.finish(person.once, said)
        parts.feed.look_anew()
    return RedirectResponse(f"{page}?{urlencode({'said': person.once})}", 303)


def start_once(request: Request, person: ActingPerson, job: AllowedJob) -> Response:
    """Start a job, once for each form, and lead to its page.

    Raises:
        RefusedForSafety: as many run as may.
    """
    parts = parts_of(request)
    forms = OnceForms(parts.redis)
    if forms.begin(person.once):
        try:
            name = parts.jobs.start(job, person.who).id
        except HybridError as error:
            forms.give_back(person.once, error)
            raise
        forms.finish(person.once, name)
    said = forms.said(person.once)
    return RedirectResponse(f"/jobs/{said.text}" if said and said.state == "done" else "/reports", 303)


def act_always(request: Request, person: ActingPerson, page: str, act: Callable[[], str]) -> Response:
    """Do what stops: however often it is sent, and never held back by a form that was used before.

    Raises:
        HybridError: it was not done.
    """
    parts = parts_of(request)
    with acting_as(person.who):
        act()
    parts.feed.look_anew()
    return RedirectResponse(page, 303)
