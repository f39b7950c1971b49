"""What stays outside: foreign hosts and origins, bodies without end; and what each answer forbids a browser."""

import pytest

from tests.ops.web.web_rig import ADDRESS, PAGES, WebRig

pytestmark = pytest.mark.server


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:8701", "127.0.0.1.evil.example:8700", ""])
def test_another_hosts_name_is_refused(desk: WebRig, host: str) -> None:
    """A page elsewhere whose name was turned to this machine (DNS rebinding) reads nothing."""
    answer = desk.browser.get("/", headers={"host": host})

    assert answer.status_code == 421
    assert "equity" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:8700", "localhost:8700", "[::1]:8700"])
def test_each_name_of_this_machine_is_ours(web: WebRig, host: str) -> None:
    assert web.browser.get("/login", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:8701", "https://127.0.0.1:8700"])
def test_a_form_of_another_origin_is_refused(desk: WebRig, origin: str) -> None:
    given = desk.form("/", "/controls/kill")

    answer = desk.browser.post("/controls/kill", data=given, headers={"origin": origin})

    assert answer.status_code == 403
    assert desk.turned() == []


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("none", 403), ("same-origin", 303)]
)
def test_without_an_origin_the_browsers_own_word_counts(desk: WebRig, site: str, status: int) -> None:
    given = desk.form("/", "/controls/kill")

    assert desk.browser.post("/controls/kill", data=given, headers={"sec-fetch-site": site}).status_code == status


def test_a_form_that_says_nothing_of_where_it_is_from_is_refused(desk: WebRig) -> None:
    assert desk.browser.post("/controls/kill", data=desk.form("/", "/controls/kill")).status_code == 403


def test_a_form_without_the_word_of_its_session_does_nothing(desk: WebRig) -> None:
    other = desk.log_in(name="eve", browser=desk.new_browser())
    theirs = desk.parts.keeper.form_word(desk.parts.keeper.session_of(other.cookies[desk.parts.cookie]))  # type: ignore[arg-type] - logged in

    for csrf in ("", "x", theirs):
        assert desk.send("/controls/kill", {"csrf": csrf}).status_code == 403
    assert desk.turned() == []


def test_a_body_without_end_is_not_read(desk: WebRig) -> None:
    headers = {"origin": ADDRESS, "content-type": "application/x-www-form-urlencoded"}

    assert desk.browser.post("/login", content=b"x" * 70_000, headers=headers).status_code == 413
    assert desk.browser.post("/login", content=iter([b"link=x"]), headers=headers).status_code == 411


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_no_other_method_is_answered(desk: WebRig, method: str) -> None:
    assert desk.browser.request(method, "/").status_code == 405


@pytest.mark.parametrize("page", [*PAGES, "/login", "/nothing", "/static/live.js"])
def test_each_answer_forbids_frames_and_foreign_or_inline_code(desk: WebRig, page: str) -> None:
    headers = desk.get(page).headers

    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == ("no-store" if "static" not in page else "private, max-age=31536000, immutable")


@pytest.mark.parametrize("page", [*PAGES, "/login"])
def test_no_page_holds_inline_code_or_asks_anybody_else(desk: WebRig, page: str) -> None:
    text = desk.get(page).text

    for word in (" style=", "<style", " onclick=", " onload=", "javascript:", "<script>", 'src="http', 'href="http'):
        assert word not in text


def test_a_viewer_sees_every_page_and_acts_on_none(web: WebRig) -> None:
    web.log_in("viewer")
    csrf = web.form("/", "/logout")["csrf"]

    assert all(web.get(page).status_code == 200 for page in PAGES)
    assert 'action="/controls' not in web.get("/").text
    for action in (
        "/controls/kill",
        "/controls/resume",
        "/positions/sell",
        "/leaders/follow",
        "/money/redeem",
        "/reports",
    ):
        answer = web.send(action, {"csrf": csrf, "once": "a" * 32, "typed": "resume"})
        assert answer.status_code == 403, action
        assert "may only look" in answer.text
    assert web.turned() == []
