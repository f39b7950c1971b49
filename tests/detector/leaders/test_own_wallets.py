"""A wallet of ours is no leader, whoever names it: refused where it is given, left out where it is known later."""

from typing import cast

import fakeredis
import pytest
from redis import Redis

from detector.config import parse_args
from shared.domain.errors import BadConfig
from shared.redis.pipeline_record import note_own
from tests.detector.builders import LEADER, OTHER
from tests.detector.leaders.test_leader_assignment import Detector

pytestmark = pytest.mark.pitfall(44)


@pytest.fixture
def redis() -> Redis:
    return cast("Redis", fakeredis.FakeRedis(decode_responses=True))


@pytest.mark.parametrize("name", ["--wallet", "--own-wallets"])
def test_an_own_wallet_among_the_tracked_is_refused_with_the_fix(name: str) -> None:
    given = ["--tracked-wallets", f"{LEADER},{OTHER}", name, OTHER.upper().replace("0X", "0x")]

    with pytest.raises(BadConfig, match=f"{OTHER}, a wallet of yours .* CHECK_OWN_WALLETS=false"):
        parse_args(given)

    assert parse_args([*given, "--no-check-own-wallets"]).leaders == (LEADER, OTHER)


def test_a_wallet_that_a_buyer_notes_as_its_own_is_left_out_from_the_next_beat_and_said_once(
    redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    one = Detector(redis, "one", LEADER, OTHER)
    before = one.beat_once()

    note_own(redis, [OTHER])
    after = [one.beat_once(), one.beat_once()]

    assert (before, after) == ({LEADER, OTHER}, [{LEADER}, {LEADER}])
    assert capsys.readouterr().err.count("own_wallet_left_out") == 1


def test_who_asks_for_it_watches_a_wallet_of_ours(redis: Redis) -> None:
    note_own(redis, [OTHER])

    assert Detector(redis, "one", OTHER, check_own=False).beat_once() == {OTHER}
