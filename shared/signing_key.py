"""The signing key: from the environment, a file of mode 0600, or an eth keystore (JSON, version 3) and its password."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from string import hexdigits
from typing import Any, Self

from pydantic import Field, SecretStr

from shared.config import Settings
from shared.domain.errors import BadConfig, DependencyMissing
from shared.domain.secret_settings import SECRETS
from shared.key_password import PasswordSource
from shared.process.private_file import read_private

_DIGITS = 64


class SigningSettings(Settings):
    """Where a program that signs finds its key."""

    private_key: SecretStr | None = Field(
        None, description="Signing key, 64 hex digits, for --live; a file is safer, and a flag can be seen by others."
    )
    private_key_file: Path | None = Field(
        None, description="File of the signing key: 64 hex digits, or an eth keystore (JSON, version 3); chmod 600."
    )
    private_key_password_file: Path | None = Field(None, description="File of the keystore's password; chmod 600.")
    private_key_password_fd: int | None = Field(
        None, ge=3, description="Open file descriptor that the keystore's password is read from, once."
    )
    private_key_password_command: str = Field(
        "", description="Command that prints the keystore's password: `pass show trading`; run without a shell."
    )

    def without_keys(self) -> Self:
        """Return these settings for a process that signs nothing: on paper nobody holds a key."""
        fields = type(self).model_fields
        kept = {name: fields[name].default for name in map(str.lower, SECRETS) if name in fields}
        return self.model_copy(update=kept)

    def without_signing_key(self) -> Self:
        """Return these settings without what leads to the signing key; other secrets stay."""
        fields = SigningSettings.model_fields
        kept = {name: field.default for name, field in fields.items() if name.startswith("private_key")}
        return self.model_copy(update=kept)

    @property
    def key_source(self) -> "KeySource":
        """Return where the key is."""
        password = PasswordSource(
            self.private_key_password_file, self.private_key_password_fd, self.private_key_password_command
        )
        return KeySource(self.private_key, self.private_key_file, password)


@dataclass(frozen=True)
class KeySource:
    """Where the signing key is."""

    key: SecretStr | None = None
    file: Path | None = None
    password: PasswordSource = field(default_factory=PasswordSource)

    def read(self) -> SecretStr:
        """Return the key, 64 hex digits.

        Raises:
            BadConfig: none is set, both are, or what is there is no key; no message ever holds it.
            RefusedForSafety: others can read the file.
            DependencyMissing: a keystore needs the extra `live`.
        """
        if self.key is not None and self.file is not None:
            raise BadConfig("PRIVATE_KEY and PRIVATE_KEY_FILE are both set: keep the file, unset PRIVATE_KEY")
        if self.key is not None:
            return read_digits(self.key.get_secret_value(), "PRIVATE_KEY")
        if self.file is None:
            raise BadConfig("PRIVATE_KEY_FILE is not set: write the signing key to a file, chmod 600, name it there")
        text = read_private(self.file, "PRIVATE_KEY_FILE")
        if text.lstrip().startswith("{"):
            return _decrypted(text, self.file, self.password)
        return read_digits(text, f"PRIVATE_KEY_FILE={self.file}")


def read_digits(text: str, place: str) -> SecretStr:
    """Read 64 hex digits, 0x before them or not.

    Raises:
        BadConfig: naming `place`; the message never holds what was read.
    """
    digits = text.strip().removeprefix("0x").removeprefix("0X")
    if len(digits) != _DIGITS or set(digits) - set(hexdigits) or not int(digits, 16):
        raise BadConfig(f"{place} (hidden) is no signing key: 64 hex digits, 0x before them or not, and nothing else")
    return SecretStr(digits)


def make_keystore(key: SecretStr, password: str) -> str:
    """Return a keystore (JSON, version 3, scrypt) that the password opens; making one takes about a second.

    Raises:
        DependencyMissing: it needs the extra `live`.
    """
    try:
        from eth_account import Account  # noqa: PLC0415 - only where a keystore is made
    except ImportError as error:
        raise DependencyMissing("a keystore needs eth-account, of the extra `live`: `make install`") from error
    return json.dumps(Account.encrypt(bytes.fromhex(key.get_secret_value()), password))


def _decrypted(text: str, file: Path, password: PasswordSource) -> SecretStr:
    """Open a keystore: https://ethereum.org/developers/docs/data-structures-and-encoding/web3-secret-storage."""
    try:
        keystore: dict[str, Any] = json.loads(text)
    except ValueError:
        raise BadConfig(f"PRIVATE_KEY_FILE={file}: begins as a keystore and is no JSON") from None
    if keystore.get("version") != 3:  # noqa: PLR2004 - the one there is
        raise BadConfig(f"PRIVATE_KEY_FILE={file}: no keystore of version 3 (it says {keystore.get('version')!r})")
    try:
        from eth_account import Account  # noqa: PLC0415 - only where a keystore is opened
    except ImportError as error:
        raise DependencyMissing("a keystore needs eth-account, of the extra `live`: `make install`") from error
    said = password.read()
    try:
        return SecretStr(bytes(Account.decrypt(keystore, said)).hex())
    except ValueError:
        raise BadConfig(f"PRIVATE_KEY_FILE={file}: the password does not open this keystore") from None
    except (KeyError, TypeError) as error:
        raise BadConfig(f"PRIVATE_KEY_FILE={file}: not a whole keystore ({type(error).__name__})") from None
