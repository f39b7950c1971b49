"""The password of a keystore: from a file, an open file descriptor, or what a command prints."""

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from shared.domain.errors import BadConfig
from shared.domain.secret_settings import without_secrets
from shared.process.private_file import read_private

ANSWERS_WITHIN_S = 60
"""A person may have to touch a token or type a passphrase meanwhile."""
_LONGEST = 65_536


@dataclass(frozen=True)
class PasswordSource:
    """Where the password is; one of them at most."""

    file: Path | None = None
    fd: int | None = None
    command: str = ""

    def read(self) -> str:
        """Return the password, without the line's end.

        Raises:
            BadConfig: none or several are set, or it cannot be read there; the message never holds it.
            RefusedForSafety: others can read the file.
        """
        given = [name for name, value in self._named().items() if value not in {None, ""}]
        if len(given) != 1:
            raise BadConfig(
                f"the keystore needs its password: set one of {', '.join(self._named())} ({len(given)} are set)"
            )
        password = self._text().split("\n", 1)[0].removesuffix("\r")
        if not password:
            raise BadConfig(f"{given[0]} gives an empty password")
        return password

    def _named(self) -> dict[str, object]:
        names = ("PRIVATE_KEY_PASSWORD_FILE", "PRIVATE_KEY_PASSWORD_FD", "PRIVATE_KEY_PASSWORD_COMMAND")
        return dict(zip(names, (self.file, self.fd, self.command), strict=True))

    def _text(self) -> str:
        if self.file is not None:
            return read_private(self.file, "PRIVATE_KEY_PASSWORD_FILE")
        return _read_fd(self.fd) if self.fd is not None else _printed_by(self.command)


def _read_fd(number: int) -> str:
    try:
        with os.fdopen(number, encoding="utf-8", closefd=True) as opened:
            return opened.read(_LONGEST)
    except (OSError, UnicodeDecodeError) as error:
        fix = "a descriptor can be read once, by the process that inherits it"
        raise BadConfig(f"PRIVATE_KEY_PASSWORD_FD={number}: cannot be read ({type(error).__name__}); {fix}") from None


def _printed_by(command: str) -> str:
    """Run a command without our keys in its environment; what it says on stderr is its own to show."""
    try:
        ran = subprocess.run(  # noqa: S603 - the operator's own command, without a shell
            shlex.split(command),
            env=without_secrets(os.environ),
            stdout=subprocess.PIPE,
            text=True,
            timeout=ANSWERS_WITHIN_S,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise BadConfig(f"PRIVATE_KEY_PASSWORD_COMMAND cannot be run ({type(error).__name__}): {command!r}") from None
    if ran.returncode:
        raise BadConfig(f"PRIVATE_KEY_PASSWORD_COMMAND ended with {ran.returncode}: {command!r}")
    return ran.stdout
