"""Who gets in, for how long, and who does not."""

import stat
from pathlib import Path
from typing import Any

import pytest

from ops.web.settings import WebSettings
from shared.config import parse
from shared.domain.errors import BadConfig, RefusedForSafety
from tests.ops.web.web_rig import ADDRESS, PAGES, WebRig, problem

pytestmark = pytest.mark.server
TOKEN = "t" * 32


@pytest.mark.parametrize("page", PAGES)
def test_nobody_sees_a_page_without_a_session(web: WebRig, page: str) -> None:
    answer = web.get(page)

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?page=")


@pytest.mark.parametrize("data", ["/stream", "/equity.json", "/session"])
def test_a_script_without_a_session_is_told_so(web: WebRig, data: str) -> None:
    assert web.get(data).status_code == 401


def test_a_link_logs_in_once_and_a_preview_of_it_uses_nothing_up(web: WebRig) -> None:
    link = web.parts.keeper.new_link("anna", "operator")

    assert link in web.get(f"/login?link={link}").text
    first = web.send("/login", {"link": link, "name": "bert", "page": "/money"})
    again = web.new_browser().post("/login", data={"link": link}, headers={"origin": ADDRESS})

    assert (first.status_code, first.headers["location"]) == (303, "/money")
    assert "bert, operator" in web.get("/").text
    assert (again.status_code, problem(again)) == (
        403,
        "This link was used, or is over. `hybrid web --link` prints a new one.",
    )


def test_a_used_link_stays_used_over_a_restart_and_the_session_lives_on(
    web: WebRig, valkey_url: str, tmp_path: Path
) -> None:
    link = web.parts.keeper.new_link("anna", "operator")
    web.send("/login", {"link": link})

    later = WebRig(valkey_url, tmp_path, web.clock)
    later.browser.cookies = web.browser.cookies

    assert later.get("/").status_code == 200
    assert later.parts.keeper.read_link(link) is None


def test_a_link_ends_after_its_minutes(web: WebRig) -> None:
    link = web.parts.keeper.new_link("anna", "operator")

    web.clock.advance(web.settings.web_link_minutes * 60 + 1)

    assert web.send("/login", {"link": link}).status_code == 403


def test_the_cookie_is_read_by_no_script_and_sent_by_no_other_site(web: WebRig) -> None:
    answer = web.send("/login", {"link": web.parts.keeper.new_link("anna", "operator")})

    words = {word.strip().lower() for word in answer.headers["set-cookie"].split(";")}
    assert {"httponly", "samesite=strict", "path=/"} <= words
    assert "max-age=43200" in words


def test_an_expired_session_leads_to_the_login(desk: WebRig) -> None:
    desk.clock.advance(desk.settings.web_session_hours * 3600 + 1)

    answer = desk.get("/money")

    assert answer.headers["location"] == "/login?page=/money&ended=1"
    assert problem(desk.get(answer.headers["location"])) == "Your session is over. Log in again."


def test_a_logout_ends_every_copy_of_the_cookie(desk: WebRig) -> None:
    copy = desk.new_browser()
    copy.cookies = desk.browser.cookies

    desk.act("/", "/logout")

    assert copy.get("/").status_code == 303


@pytest.mark.parametrize("cookie", ["", "x", "a.b", "e30.0000"])
def test_a_forged_cookie_is_nobody(web: WebRig, cookie: str) -> None:
    web.browser.cookies.set(web.parts.cookie, cookie)

    assert web.get("/").status_code == 303


def test_what_was_signed_for_a_link_is_no_session(web: WebRig) -> None:
    web.browser.cookies.set(web.parts.cookie, web.parts.keeper.new_link("anna", "operator"))

    assert web.get("/").status_code == 303


@pytest.mark.parametrize("page", ["//evil.example/", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_a_login_leads_nowhere_else(web: WebRig, page: str) -> None:
    answer = web.send("/login", {"link": web.parts.keeper.new_link("a", "viewer"), "page": page})

    assert answer.headers["location"] == "/"


def test_the_key_is_its_owners_alone_and_one_that_others_read_is_refused(
    web: WebRig, valkey_url: str, tmp_path: Path
) -> None:
    key = tmp_path / "web" / "session.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600

    key.chmod(0o644)

    with pytest.raises(RefusedForSafety, match="others can read it"):
        WebRig(valkey_url, tmp_path, web.clock)


def test_a_token_logs_in_where_one_is_set_and_a_wrong_one_does_not(valkey_url: str, tmp_path: Path) -> None:
    web = WebRig(valkey_url, tmp_path, web_token=TOKEN)

    wrong = web.send("/login", {"token": "u" * 32, "name": "eve"})
    right = web.send("/login", {"token": TOKEN, "name": "anna"})

    assert (wrong.status_code, problem(wrong)) == (403, "That is not the token (WEB_TOKEN).")
    assert right.status_code == 303
    assert "anna, operator" in web.get("/").text


def test_without_a_token_an_empty_one_logs_nobody_in(web: WebRig) -> None:
    assert web.send("/login", {"token": ""}).status_code == 403


PROXY: dict[str, Any] = {"web_trusted_proxy": ("10.0.0.1",), "web_address": "https://hybrid.example"}


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({}, True),
        ({"web_token": TOKEN}, True),
        ({"web_token": TOKEN, "web_address": "https://hybrid.example"}, True),
        ({"web_token": TOKEN, "web_trusted_proxy": ("10.0.0.1",), "web_address": "http://x"}, True),
        (PROXY, True),
        ({"web_token": TOKEN, **PROXY}, False),
        ({"web_token": TOKEN, "web_tls_cert": Path("c"), "web_tls_key": Path("k")}, False),
    ],
)
def test_another_host_needs_a_token_and_tls_or_a_proxy(given: dict[str, object], *, refused: bool) -> None:
    settings = parse(WebSettings, [], web_host="0.0.0.0", **given)  # noqa: S104 - what is refused

    if refused:
        with pytest.raises(RefusedForSafety, match="WEB_TOKEN, and WEB_TLS_CERT"):
            settings.check_place()
    else:
        settings.check_place()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"web_token": "short"}, "WEB_TOKEN: 5 characters; give 32"),
        ({"web_tls_cert": Path("c")}, "give both, or none"),
        ({"web_address": "hybrid.example"}, "no address; give https://name"),
    ],
)
def test_a_setting_that_cannot_be_meant_says_the_fix(given: dict[str, object], says: str) -> None:
    with pytest.raises(BadConfig, match=says):
        parse(WebSettings, [], **given).check_place()


def test_behind_a_proxy_only_the_proxy_connects_and_cookies_go_by_https_alone(valkey_url: str, tmp_path: Path) -> None:
    web = WebRig(valkey_url, tmp_path, web_token=TOKEN, web_host="0.0.0.0", **PROXY)  # noqa: S104 - as in a container
    address = "https://hybrid.example"
    headers = {"origin": address, "x-forwarded-proto": "https"}

    stranger = web.new_browser(address).post("/login", data={"token": TOKEN}, headers=headers)
    from_proxy = web.new_browser(address)
    from_proxy._transport.client = ("10.0.0.1", 1)  # type: ignore[attr-defined] - where it connects from
    let_in = from_proxy.post("/login", data={"token": TOKEN}, headers=headers)

    assert stranger.status_code == 403
    assert let_in.status_code == 303
    assert let_in.headers["set-cookie"].startswith("__Host-hybrid_8700=")
    assert "secure" in let_in.headers["set-cookie"].lower()
    assert let_in.headers["strict-transport-security"]
