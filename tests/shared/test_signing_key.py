"""The key is read from one place, by nobody else, and never shown."""

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from pydantic import SecretStr

from shared.domain.errors import BadConfig, RefusedForSafety
from shared.domain.secret_settings import SECRETS, without_secrets
from shared.key_password import PasswordSource
from shared.signing_key import KeySource, SigningSettings

pytestmark = [pytest.mark.pitfall(26), pytest.mark.pitfall(30)]

KEY = "11" * 32
PASSWORD = "correct horse"


def a_file(folder: Path, text: str, mode: int = 0o600, name: str = "key") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


@pytest.fixture(scope="module")
def keystore() -> str:
    return json.dumps(Account.encrypt(bytes.fromhex(KEY), PASSWORD, kdf="pbkdf2", iterations=1000))


def opened(key_file: Path, **source: Any) -> str:
    return KeySource(None, key_file, PasswordSource(**source)).read().get_secret_value()


@pytest.mark.parametrize("text", [KEY, f"0x{KEY}", f"{KEY.upper()}\n"])
def test_a_file_of_the_owners_alone_holds_the_key(tmp_path: Path, text: str) -> None:
    assert int(opened(a_file(tmp_path, text)), 16) == int(KEY, 16)


@pytest.mark.parametrize("text", ["beef" * 15, "beef" * 17, "zz" * 32, "0" * 64, ""])
def test_what_is_no_key_is_refused_without_being_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadConfig, match="64 hex digits") as refused:
        opened(a_file(tmp_path, text))

    assert not text or text not in str(refused.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused_with_the_fix(tmp_path: Path, mode: int) -> None:
    with pytest.raises(RefusedForSafety, match="chmod 600"):
        opened(a_file(tmp_path, KEY, mode))


def test_no_key_two_keys_and_no_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="is not set"):
        KeySource().read()
    with pytest.raises(BadConfig, match="both set"):
        KeySource(SecretStr(KEY), a_file(tmp_path, KEY)).read()
    with pytest.raises(BadConfig, match="no such file"):
        opened(tmp_path / "missing")


def test_a_keystore_is_opened_by_a_password_from_a_file(tmp_path: Path, keystore: str) -> None:
    file = a_file(tmp_path, keystore)

    assert opened(file, file=a_file(tmp_path, f"{PASSWORD}\n", name="password")) == KEY
    with pytest.raises(RefusedForSafety, match=r"PRIVATE_KEY_PASSWORD_FILE.*chmod 600"):
        opened(file, file=a_file(tmp_path, PASSWORD, 0o644, name="seen"))


def test_a_keystore_is_opened_by_a_password_from_a_descriptor_once(tmp_path: Path, keystore: str) -> None:
    reader, writer = os.pipe()
    os.write(writer, f"{PASSWORD}\n".encode())
    os.close(writer)
    file = a_file(tmp_path, keystore)

    assert opened(file, fd=reader) == KEY
    with pytest.raises(BadConfig, match="can be read once"):
        opened(file, fd=reader)


@pytest.mark.process
def test_a_keystore_is_opened_by_what_a_command_prints(tmp_path: Path, keystore: str) -> None:
    file = a_file(tmp_path, keystore)

    assert opened(file, command=f"{sys.executable} -c 'print(\"{PASSWORD}\")'") == KEY
    with pytest.raises(BadConfig, match="ended with 3"):
        opened(file, command=f"{sys.executable} -c 'raise SystemExit(3)'")
    with pytest.raises(BadConfig, match="cannot be run"):
        opened(file, command=str(tmp_path / "no-such-program"))


@pytest.mark.process
def test_the_command_gets_no_key_in_its_environment(
    tmp_path: Path, keystore: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_SECRET", "hunter2")
    ask = f"""{sys.executable} -c 'import os; print("{PASSWORD}" if "API_SECRET" not in os.environ else "seen")'"""

    assert opened(a_file(tmp_path, keystore), command=ask) == KEY


def test_the_wrong_password_none_and_two_say_so_and_show_nothing(tmp_path: Path, keystore: str) -> None:
    file, wrong = a_file(tmp_path, keystore), a_file(tmp_path, "hunter2", name="wrong")
    with pytest.raises(BadConfig, match="does not open") as refused:
        opened(file, file=wrong)
    assert "hunter2" not in str(refused.value)
    with pytest.raises(BadConfig, match="set one of PRIVATE_KEY_PASSWORD_FILE"):
        opened(file)
    with pytest.raises(BadConfig, match="2 are set"):
        opened(file, file=wrong, command="true")


@pytest.mark.parametrize("text", ["{", '{"version": 1}', '{"version": 3}'])
def test_what_is_no_whole_keystore_is_bad_config(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadConfig):
        opened(a_file(tmp_path, text), file=a_file(tmp_path, PASSWORD, name="password"))


def test_a_file_is_private_by_its_mode_whatever_a_link_says(tmp_path: Path) -> None:
    file = a_file(tmp_path, KEY, 0o644)
    (tmp_path / "link").symlink_to(file)

    with pytest.raises(RefusedForSafety):
        opened(tmp_path / "link")
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_every_setting_that_leads_to_a_key_is_known_as_one() -> None:
    own = {name.upper() for name in SigningSettings.model_fields if name.startswith("private_key")}

    assert own <= SECRETS
    assert without_secrets({**dict.fromkeys(own, "x"), "private_key": "x", "PATH": "/bin"}) == {"PATH": "/bin"}
