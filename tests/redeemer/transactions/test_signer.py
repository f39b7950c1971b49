"""The key is read from one place, by nobody else, and never shown."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from redeemer.config import parse_args
from redeemer.transactions.signer import TransactionSigner, read_key, wallet_of
from shared.domain.errors import BadConfig, RefusedForSafety
from shared.polymarket.wire.wallets import wallets_of

SIGNER, OTHER = "0x" + "5a" * 20, "0x" + "6b" * 20


class Account:
    address = SIGNER


def a_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "key"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


@pytest.mark.pitfall(30)
def test_a_key_that_cannot_be_read_is_refused_without_being_shown(tmp_path: Path) -> None:
    with pytest.raises(BadConfig) as refused:
        read_key(a_file(tmp_path, "beef" * 15))

    assert "beef" not in str(refused.value)
    assert "64 hex digits" in str(refused.value)


@pytest.mark.pitfall(26)
def test_a_key_file_that_others_can_read_is_refused_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(RefusedForSafety, match="chmod 600"):
        read_key(a_file(tmp_path, "11" * 32, 0o644))


def test_a_missing_key_and_two_keys_are_both_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="no such file"):
        read_key(None)
    with pytest.raises(BadConfig, match="both set"):
        read_key(a_file(tmp_path, "11" * 32), SecretStr("11" * 32))


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
