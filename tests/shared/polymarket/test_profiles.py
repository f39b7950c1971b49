"""A handle becomes a wallet only where exactly one profile has that name."""

from typing import Any, cast

import pytest

from shared.domain.errors import BadConfig
from shared.http.client import Upstream
from shared.polymarket.profiles import wallet_of_handle

WALLET = "0x" + "ab" * 20


class FakeGamma:
    """Answers a search with these profiles."""

    def __init__(self, *profiles: dict[str, Any]) -> None:
        self.profiles, self.asked = profiles, list[tuple[str, dict[str, Any]]]()

    def get(self, path: str, params: dict[str, Any], **_: object) -> dict[str, Any]:
        self.asked.append((path, params))
        return {"events": [], "profiles": list(self.profiles)}


def found(gamma: FakeGamma, handle: str) -> str:
    return wallet_of_handle(cast("Upstream", gamma), handle)


def test_the_profile_of_exactly_this_name_is_found_by_one_question() -> None:
    gamma = FakeGamma({"name": "Whale2", "proxyWallet": "0x" + "cd" * 20}, {"name": "whale", "proxyWallet": WALLET})

    assert found(gamma, "Whale") == WALLET
    assert [path for path, _ in gamma.asked] == ["/public-search"]


def test_nobody_is_followed_for_a_name_that_is_only_like_it() -> None:
    with pytest.raises(BadConfig, match="no profile of this name"):
        found(FakeGamma({"name": "whale2", "proxyWallet": WALLET}), "whale")


def test_nobody_is_followed_where_two_have_the_name() -> None:
    two = ({"name": "whale", "proxyWallet": WALLET}, {"name": "Whale", "proxyWallet": "0x" + "cd" * 20})

    with pytest.raises(BadConfig, match="2 profiles"):
        found(FakeGamma(*two), "whale")
