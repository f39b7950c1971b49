"""The signing key in an encrypted keystore, and where its password is: in memory until all questions are answered."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from ops.setup.guide.env_writer import write_private
from ops.setup.guide.questions import Questions
from shared.domain.errors import BadConfig, HybridError
from shared.key_password import PasswordSource
from shared.signing_key import KeySource, make_keystore, read_digits

_BY_FILE, _BY_COMMAND = "file", "command"
_WAYS = {
    _BY_FILE: "file     a new password in a file that only you can read; keep it out of backups of the keystore",
    _BY_COMMAND: "command  what a command of yours prints: `pass show trading`, a keyring, a token",
}


@dataclass(frozen=True)
class StoredKey:
    """A key, the settings that lead to it, and the files to write first; none where all is there already."""

    key: SecretStr
    settings: dict[str, str]
    files: dict[Path, str] = field(repr=False, default_factory=dict[Path, str])

    def write(self) -> None:
        """Write the files, and open the keystore as every program will.

        Raises:
            HybridError: it does not open; what was written is gone again.
        """
        written: list[Path] = []
        try:
            for file, text in self.files.items():
                written.append(file)
                write_private(file, text)
            self._demand_key()
        except BaseException:
            for file in written:
                file.unlink(missing_ok=True)
            raise

    def _demand_key(self) -> None:
        if self.source().read().get_secret_value() != self.key.get_secret_value():
            raise BadConfig("the keystore does not hold the key that was typed")

    def source(self) -> KeySource:
        """Return where a program finds the key."""
        password, command = self.settings["PRIVATE_KEY_PASSWORD_FILE"], self.settings["PRIVATE_KEY_PASSWORD_COMMAND"]
        how = PasswordSource(file=Path(password) if password else None, command=command)
        return KeySource(None, Path(self.settings["PRIVATE_KEY_FILE"]), how)


def ask_key(ask: Questions, folder: Path) -> StoredKey:
    """Ask for the key and for its password; a keystore that is there is used as it is.

    Raises:
        BadConfig: a flag's answer does not fit.
        DependencyMissing: the extra `live` is not installed.
    """
    question = "File of the signing key (64 hex digits, or a keystore); nothing: I type the key:"
    given = ask.text("key-file", question, problem=_file_problem)
    if given and Path(given).read_text(encoding="utf-8").lstrip().startswith("{"):
        settings, _ = _password(ask, folder, new=False)
        found = StoredKey(SecretStr(""), {"PRIVATE_KEY_FILE": str(Path(given).resolve()), **settings})
        return StoredKey(found.source().read(), found.settings)
    key = _plain(given) if given else read_digits(ask.secret("The signing key:", problem=_key_problem), "the key")
    store = _new_file(ask, "keystore", "Keystore to write:", folder / "keystore.json")
    settings, files = _password(ask, folder, new=True)
    made = StoredKey(key, {"PRIVATE_KEY_FILE": str(store), **settings}, files)
    text = make_keystore(key, _password_of(made))
    if given:
        ask.tell(f"Once it trades, delete {given}: the keystore holds the key.")
    return StoredKey(key, made.settings, {**files, store: text})


def _password(ask: Questions, folder: Path, *, new: bool) -> tuple[dict[str, str], dict[Path, str]]:
    """Return the settings of the keystore's password, and the file to write for it."""
    how = ask.choose("password-by", "Where do the programs find the keystore's password?", _WAYS, default=_BY_FILE)
    if how == _BY_COMMAND:
        question = "Command that prints it (run without a shell):"
        command = ask.text("password-command", question, problem=_command_problem)
        return {"PRIVATE_KEY_PASSWORD_FILE": "", "PRIVATE_KEY_PASSWORD_COMMAND": command}, {}
    place = "File of the password (made where there is none):" if new else "File of its password:"
    default = str(folder / "keystore-password.txt")
    problem = _password_file_problem if new else _there_problem
    file = Path(ask.text("password-file", place, default=default, problem=problem)).resolve()
    settings = {"PRIVATE_KEY_PASSWORD_FILE": str(file), "PRIVATE_KEY_PASSWORD_COMMAND": ""}
    return settings, {} if file.exists() else {file: secrets.token_urlsafe(32) + "\n"}


def _password_of(made: StoredKey) -> str:
    for text in made.files.values():
        return text.rstrip("\n")
    return made.source().password.read()


def _new_file(ask: Questions, flag: str, question: str, default: Path) -> Path:
    return Path(ask.text(flag, question, default=str(default), problem=_taken_problem)).resolve()


def _plain(given: str) -> SecretStr:
    return read_digits(Path(given).read_text(encoding="utf-8"), f"--key-file {given}")


def _file_problem(given: str) -> str:
    if not given:
        return ""
    try:
        text = Path(given).read_text(encoding="utf-8")
        return "" if text.lstrip().startswith("{") else _key_problem(text)
    except (OSError, UnicodeDecodeError) as error:
        return f"{given}: cannot be read ({type(error).__name__})"


def _key_problem(text: str) -> str:
    try:
        read_digits(text, "this")
    except BadConfig as error:
        return str(error)
    return ""


def _taken_problem(given: str) -> str:
    if not given or not Path(given).resolve().parent.is_dir():
        return "a file in a folder that is there"
    return f"{given} is there already: nothing is written over a keystore" if Path(given).exists() else ""


def _there_problem(given: str) -> str:
    return _source_problem(PasswordSource(file=Path(given)))


def _password_file_problem(given: str) -> str:
    if not given or not Path(given).resolve().parent.is_dir():
        return "a file in a folder that is there"
    return _there_problem(given) if Path(given).exists() else ""


def _command_problem(given: str) -> str:
    return _source_problem(PasswordSource(command=given)) if given else "a command that prints the password"


def _source_problem(source: PasswordSource) -> str:
    try:
        source.read()
    except HybridError as error:
        return str(error)
    return ""
