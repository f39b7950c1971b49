"""Answers as values: whom people name, what they spend, and the file that holds both."""

from decimal import Decimal
from io import StringIO

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from buyer.strategy.limits import checked_limits, find_contradiction
from ops.setup.domain.env_lines import env_text, shown_lines
from ops.setup.domain.leader_answer import answer_problem, read_answer
from ops.setup.domain.local_venue import local_venue
from ops.setup.domain.spending import PRESETS, Spending, day_problem, read_amount, stake_problem
from shared.setting_names import KNOWN
from tests.buyer.builders import some_limits

A, B = "0x" + "1a" * 20, "0x" + "2b" * 20


@pytest.mark.parametrize(
    "text",
    [
        f"{A},{B}",
        f" {A.upper().replace('X', 'x')} ;\n{B} ",
        f"{A[2:]} {B[2:]}",
        f"https://polymarket.com/profile/{A}?tab=activity polymarket.com/{B}",
        f"https://www.polymarket.com/de/profile/{A}, {B}; {A}",
    ],
)
def test_leaders_are_read_as_people_have_them_each_once(text: str) -> None:
    found = read_answer(text)

    assert (found.addresses, found.handles) == ((A, B), ())
    assert answer_problem(text) == ""


def test_handles_are_read_from_links_and_with_an_at() -> None:
    assert read_answer("@whale, https://polymarket.com/@big.fish").handles == ("whale", "big.fish")


@pytest.mark.parametrize("text", ["", "  ,; ", "somebody", A + "ff", "0x12", "https://example.com/profile/" + A])
def test_who_is_no_trader_is_named_with_what_to_give(text: str) -> None:
    assert "profile link" in answer_problem(text)


def test_a_private_key_among_them_is_not_shown() -> None:
    assert "ab" * 32 not in answer_problem("0x" + "ab" * 32)


AMOUNTS = st.decimals(min_value="0.000001", max_value="100000", places=6)


@given(stake=AMOUNTS, day=AMOUNTS)
def test_whatever_is_spent_the_caps_hold_together(stake: Decimal, day: Decimal) -> None:
    if day_problem(str(day), stake):
        assert day < stake
        return

    caps = {name.lower(): value for name, value in Spending(stake=stake, day=day).settings.items()}

    kept = some_limits().plain() | caps
    assert find_contradiction(checked_limits(kept)) == ""
    assert {name.upper() for name in caps} <= KNOWN


def test_the_usual_preset_is_what_the_programs_do_by_themselves() -> None:
    from buyer.config import BuyerSettings  # noqa: PLC0415 - the defaults alone are needed

    fields = BuyerSettings.model_fields

    assert {name: str(fields[name.lower()].default) for name in PRESETS["usual"].settings} == PRESETS["usual"].settings


def test_a_preset_says_its_money_in_words() -> None:
    assert PRESETS["small"].words == (
        "2 pUSD a trade (raised where a market takes 5 shares at least); at most 20 in one market, 20 a day, 50 in "
        "all; a day's loss of 10 stops buying until the next day"
    )


@pytest.mark.parametrize("text", ["a lot", "", "-5", "0", "nan", "inf", "1e9", "0.0000001"])
def test_what_is_no_amount_says_what_one_is(text: str) -> None:
    assert stake_problem(text)


def test_an_amount_is_read_as_people_write_it() -> None:
    assert read_amount(" $2.50 pUSD") == Decimal("2.50")


@given(
    st.dictionaries(st.sampled_from(sorted(KNOWN)), st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))))
)
def test_what_is_written_is_read_back_to_the_letter(settings: dict[str, str]) -> None:
    read = dotenv_values(stream=StringIO(env_text(settings)), interpolate=False)

    assert dict(read) == settings


def test_a_screen_shows_no_secret() -> None:
    url = "https://polygon.node.example/v2/0123456789abcdef0123456789abcdef"
    secrets = {"RPC_URL": url, "PRIVATE_KEY": "11" * 32, "ALERT_URLS": "tgram://1234:abc/5", "METRICS_TOKEN": "geheim"}

    shown = "\n".join(shown_lines({**secrets, "STAKE_USDC": "5", "PRIVATE_KEY_FILE": "keystore.json"}))

    assert not [secret for secret in ("0123456789abcdef", "11" * 32, "tgram", "geheim") if secret in shown]
    assert "STAKE_USDC=5" in shown
    assert "PRIVATE_KEY_FILE=keystore.json" in shown


def test_a_local_venue_names_every_upstream_that_we_have() -> None:
    named = local_venue("http://127.0.0.1:8600").keys()

    assert named <= KNOWN
    upstreams = {name for name in KNOWN if name.endswith("_URL")}
    assert upstreams - named == {"REDIS_URL", "RQ_URL", "SECOND_RPC_URL", "TELEGRAM_URL", "HEARTBEAT_URL"}, "no venue's"


@pytest.mark.parametrize("base", ["", "127.0.0.1:8600", "ftp://h", "http://h:1/data"])
def test_what_is_no_address_of_a_venue_is_refused(base: str) -> None:
    with pytest.raises(ValueError, match=r"http://127\.0\.0\.1:8600"):
        local_venue(base)
