"""A ledger belongs to one wallet, chain and mode, and says so."""

import json

import pytest

from shared.domain.errors import RefusedForSafety
from shared.ledger.ledger_owner import LedgerOwner, claim_ledger, note_paper
from shared.ledger.redis_ledger import RedisLedger
from shared.redis.client import connect_redis
from shared.redis.pipeline_record import note_wallet

pytestmark = pytest.mark.server

OURS, THEIRS = LedgerOwner("0x" + "a1" * 20, "live"), LedgerOwner("0x" + "b2" * 20, "live")


@pytest.mark.pitfall(51)
def test_another_wallet_is_refused_with_the_fix_and_ours_comes_back(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    claim_ledger(redis, OURS)

    with pytest.raises(RefusedForSafety, match=f"that of live trading of {OURS.wallet}.*REDIS_URL"):
        claim_ledger(redis, THEIRS)

    claim_ledger(redis, OURS)


@pytest.mark.pitfall(51)
def test_a_ledger_of_before_is_taken_by_the_wallet_that_its_server_noted(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    note_wallet(redis, "live", OURS.wallet.upper().replace("X", "x"))

    with pytest.raises(RefusedForSafety, match="is that of"):
        claim_ledger(redis, THEIRS)

    claim_ledger(redis, OURS)


@pytest.mark.pitfall(51)
def test_the_same_wallet_on_another_chain_is_another_owner(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    claim_ledger(redis, OURS)

    with pytest.raises(RefusedForSafety, match="chain 80002"):
        claim_ledger(redis, LedgerOwner(OURS.wallet, "live", 80002))


@pytest.mark.pitfall(51)
def test_two_paper_installations_on_one_server_notice_each_other(
    valkey_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    redis = connect_redis(valkey_url)
    starts = [note_paper(redis, name) for name in ("aaaa0001", "aaaa0001", "bbbb0002", "aaaa0001")]

    assert starts == [False, False, True, True]
    assert capsys.readouterr().err.count("paper_ledger_shared") == 2


@pytest.mark.pitfall(51)
def test_a_paper_ledger_names_its_mode_and_chain_and_is_never_a_live_wallets(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    note_paper(redis, "aaaa0001")

    assert json.loads(RedisLedger(redis, "paper").records("owner")["paper"]) == {
        "wallet": "paper",
        "mode": "paper",
        "chain_id": 137,
        "installation": "aaaa0001",
    }
    claim_ledger(redis, OURS)
