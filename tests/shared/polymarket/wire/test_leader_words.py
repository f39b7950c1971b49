"""Leaders are taken as people have them."""

import pytest

from shared.config import Addresses, Settings, parse
from shared.domain.errors import BadConfig
from shared.polymarket.wire.leader_words import LeaderWord, read_leader, split_words

ADDRESS = "0x" + "aB" * 20
OURS = LeaderWord(address="0x" + "ab" * 20)


@pytest.mark.parametrize(
    "word",
    [
        ADDRESS,
        ADDRESS[2:],
        ADDRESS.upper().replace("0X", "0X"),
        f"https://polymarket.com/profile/{ADDRESS}",
        f"https://polymarket.com/profile/{ADDRESS}?tab=activity",
        f"polymarket.com/profile/{ADDRESS}/",
        f"https://www.polymarket.com/de/profile/{ADDRESS}#top",
    ],
)
def test_an_address_is_found_in_whatever_form_it_comes(word: str) -> None:
    assert read_leader(word) == OURS


@pytest.mark.parametrize("word", ["@some.Trader-1", "https://polymarket.com/@some.Trader-1?via=x"])
def test_a_handle_is_known_as_one_that_has_to_be_looked_up(word: str) -> None:
    assert read_leader(word) == LeaderWord(handle="some.Trader-1")


@pytest.mark.parametrize("word", ["", "whale", "0x12", ADDRESS + "0", "https://example.org/profile/" + ADDRESS, "@"])
def test_what_names_nobody_is_nobody(word: str) -> None:
    assert read_leader(word) is None


def test_words_are_separated_by_commas_spaces_semicolons_and_lines() -> None:
    assert split_words(" a,b; c\n\td ,, e ") == ("a", "b", "c", "d", "e")


class _Leaders(Settings):
    """Settings with leaders."""

    tracked_wallets: Addresses = ()


def test_settings_take_lists_as_people_write_them() -> None:
    found = parse(_Leaders, [], tracked_wallets=f"{ADDRESS[2:]}; https://polymarket.com/profile/0x{'cd' * 20}\n")

    assert found.tracked_wallets == ("0x" + "ab" * 20, "0x" + "cd" * 20)


def test_a_handle_in_the_settings_is_refused_with_what_to_do() -> None:
    with pytest.raises(BadConfig, match="hybrid follow @whale"):
        parse(_Leaders, [], tracked_wallets="@whale")
