"""The relayer tells nonces and carries nothing for somebody without a key."""

from typing import Any

import pytest

pytestmark = pytest.mark.simulator
OWNER = "0x" + "1a" * 20


@pytest.mark.parametrize("path", ["/relay-payload", "/v1/account/transactions/params"])
def test_a_nonce_can_be_asked(venue: Any, path: str) -> None:
    told = venue.get("relayer", path, address=OWNER, type="SAFE").json()

    assert told["nonce"] == "0"
    assert told["address"].startswith("0x")


@pytest.mark.parametrize("wrong", [{"address": "0x12"}, {"type": "EOA"}])
def test_a_wrong_question_is_refused(venue: Any, wrong: dict[str, str]) -> None:
    answer = venue.get("relayer", "/relay-payload", **{"address": OWNER, "type": "SAFE", **wrong})

    assert answer.status_code == 400


def test_nothing_is_carried_without_a_key(venue: Any) -> None:
    assert venue.post("relayer", "/submit", {"type": "SAFE"}).status_code == 401
    assert venue.get("relayer", "/v1/account/transactions/some-id").status_code == 404


def test_submissions_are_limited(venue: Any) -> None:
    codes = [venue.post("relayer", "/submit", {}).status_code for _ in range(26)]

    assert codes[-1] == 429
