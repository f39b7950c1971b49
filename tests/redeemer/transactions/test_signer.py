"""The key is read from one place, by nobody else, and never shown."""

import re

import pytest

from redeemer.config import parse_args
from redeemer.transactions.signer import KeylessSigner, TransactionSigner, wallet_of
from shared.domain.errors import BadConfig, RefusedForSafety
from shared.polymarket.wire.wallets import wallets_of

SIGNER, OTHER = "0x" + "5a" * 20, "0x" + "6b" * 20


class Account:
    address = SIGNER


@pytest.mark.pitfall(26)
def test_the_wallet_is_the_one_its_factory_makes_unless_another_is_given() -> None:
    signer = TransactionSigner(Account())

    assert wallet_of(signer, "eoa", None) == SIGNER
    assert wallet_of(signer, "safe", None) == wallets_of(SIGNER)["Safe"]
    assert wallet_of(signer, "deposit", OTHER) == OTHER
    with pytest.raises(BadConfig, match="is not the signer"):
        wallet_of(signer, "eoa", OTHER)


@pytest.mark.pitfall(30)
def test_settings_are_published_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIVATE_KEY", "beef" * 16)
    monkeypatch.setenv("RELAYER_API_KEY", "cafe" * 8)

    published = repr(parse_args([]).published())

    assert not re.search("beef|cafe", published)
    assert repr(TransactionSigner(Account())) == f"Signer({SIGNER})"


def test_who_only_watches_knows_the_address_and_can_sign_nothing() -> None:
    watching = KeylessSigner(SIGNER)

    assert (watching.address, wallet_of(watching, "eoa", None)) == (SIGNER, SIGNER)
    with pytest.raises(RefusedForSafety, match="the worker signs"):
        watching.sign_digest(bytes(32))


def test_settings_without_the_signing_key_keep_the_relayers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIVATE_KEY", "beef" * 16)
    monkeypatch.setenv("RELAYER_API_KEY", "cafe" * 8)

    kept = parse_args([]).without_signing_key()

    assert kept.private_key is None
    assert kept.relayer_api_key is not None
