"""Every route with wrong, missing, huge and hostile values: an answer in plain words, never a fault of ours."""

import json
from collections.abc import Iterator
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ops.web.jobs.allowed_jobs import AllowedJob
from ops.web.jobs.job_runner import JobReport, JobRunner
from tests.ops.web.web_rig import ADDRESS, WebRig, hold

pytestmark = [pytest.mark.server, pytest.mark.slow]
_NEVER_ENDS = {"/stream"}
_EXAMPLES = 5


def noted(_: JobRunner, job: AllowedJob, who: str) -> JobReport:
    return JobReport("0" * 16, job.title, who, 0)


@pytest.fixture
def rig(desk: WebRig, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebRig]:
    """Give a dashboard with a lot to lose, whose jobs are noted and not run."""
    hold(desk.redis)
    monkeypatch.setattr(JobRunner, "start", noted)
    yield desk
    desk.browser.close()


def routes(rig: WebRig) -> list[Any]:
    """Return every route of the application as schemathesis reads it."""
    document = rig.app.openapi()
    schema: Any = schemathesis.openapi.from_dict(json.loads(json.dumps(document)))
    found: list[Any] = [operation.ok() for operation in schema.get_all_operations()]
    assert len(found) >= 20
    return [operation for operation in found if operation.path not in _NEVER_ENDS]


def test_no_route_fails_whatever_it_is_sent(rig: WebRig) -> None:
    """As an operator, with a form of this session: what is asked reaches the code behind it."""
    csrf = rig.form("/", "/controls/flatten")["csrf"]

    for operation in routes(rig):
        if operation.path in {"/logout", "/login"}:
            continue
        _ask(rig, operation, csrf)


def encodable(words: dict[str, str]) -> dict[str, str]:
    """Return words as a browser can send them: no halves of characters."""
    return {name: word.encode("utf-8", "replace").decode() for name, word in words.items()}


def _ask(rig: WebRig, operation: Any, csrf: str) -> None:
    @given(case=operation.as_strategy(), once=st.sampled_from(["a" * 32, "", "\x00"]) | st.text(max_size=40))
    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    def holds(case: Any, once: str) -> None:
        told = cast("dict[str, Any]", case.body if isinstance(case.body, dict) else {})
        asked: dict[str, Any] = case.query or {}
        form = {name: str(value) for name, value in told.items()} | {"csrf": csrf, "once": once}
        query = encodable({name: str(value) for name, value in asked.items()})
        address = str(case.formatted_path).encode("utf-8", "replace").decode()
        if case.method.upper() == "POST":
            answer = rig.browser.post(address, data=encodable(form), params=query, headers={"origin": ADDRESS})
        else:
            answer = rig.browser.get(address, params=query)

        assert answer.status_code < 500, f"{operation.label}: {answer.text[:2000]}"
        assert answer.status_code in {200, 303, 400, 403, 404}, f"{operation.label}: {answer.status_code}"

    holds()


@pytest.mark.parametrize(
    "value", ["\x00", "\u202e" * 50, "9" * 5000, "<script>", "../../etc/passwd", "%00", "{{7*7}}", "'"]
)
def test_a_hostile_word_in_each_field_of_each_form_is_refused_in_plain_words(rig: WebRig, value: str) -> None:
    forms = {
        "/controls/flatten": ("typed", "why"),
        "/controls/resume": ("typed",),
        "/positions/sell": ("lot", "mode", "floor"),
        "/leaders/follow": ("wallets",),
        "/leaders/unfollow": ("address", "lots"),
        "/money/reconcile": ("mode", "what"),
        "/reports": ("address", "days"),
        "/detection/audit": ("hours",),
    }
    csrf = rig.form("/", "/controls/flatten")["csrf"]

    for action, fields in forms.items():
        for field in fields:
            answer = rig.send(action, {"csrf": csrf, "once": "b" * 32, field: value})
            assert answer.status_code == 400, (action, field, answer.text[-500:])
            assert 'class="problem"' in answer.text
            assert "49" not in answer.text.partition('class="problem"')[2][:40]
    assert rig.browser.get("/why-not", params={"leader": value}).status_code < 500
    assert rig.turned() == []


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
def test_a_form_in_another_shape_is_refused(rig: WebRig, kind: str) -> None:
    headers = {"origin": ADDRESS, "content-type": kind}

    answer = rig.browser.post("/controls/kill", content=b'{"csrf": "x"}', headers=headers)

    assert answer.status_code in {400, 403}
    assert rig.turned() == []
