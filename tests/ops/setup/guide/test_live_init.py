"""`hybrid init --live`: the key ends in a keystore, the wallet is the one with the money, and nothing starts by it."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import requests
from eth_account import Account

from ops.setup.guide import live_init
from ops.setup.guide.env_writer import read_settings, write_settings
from ops.setup.guide.questions import Questions
from ops.setup.guide.wallet_finder import EARLIER, find_wallets, likeliest
from ops.setup.readable_settings import find_settings
from shared.clock import SystemClock
from shared.domain.errors import BadConfig, HybridError, RefusedForSafety
from shared.signing_key import make_keystore, read_digits
from simulator import Settings, Simulator, WallClock, serve
from tests.ops.setup.local_venue import KEY, settle_in, venue_settings
from tests.ops.setup.typed_terminal import CTRL_C, TypedTerminal
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.simulator, pytest.mark.pitfall(26)]
CLOCK = SystemClock()
OWNER = Account.from_key(KEY).address


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with serve(Settings(fills_per_minute=0), WallClock()) as world:
        world.fund(OWNER, "250", kind="proxy")
        yield world


@pytest.fixture
def file(sim: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give the settings of paper, as `hybrid init` left them, and the key beside them."""
    settle_in(monkeypatch, tmp_path / "var", {})
    # A second for each keystore is its point, but not the tests'; those at a terminal make a real one.
    monkeypatch.setattr(Account, "encrypt", partial(Account.encrypt, kdf="pbkdf2", iterations=1000))
    (tmp_path / "key.txt").write_text(KEY)
    (tmp_path / "key.txt").chmod(0o600)
    paper = {**venue_settings(sim), "TRACKED_WALLETS": sim.leaders[0].address}
    write_settings(tmp_path / ".env", paper, lambda _draft: None)
    return tmp_path / ".env"


def run(file: Path, **flags: str) -> str:
    said: list[str] = []
    given = {"key-file": str(file.with_name("key.txt")), "overwrite": "yes"}
    given |= {name.replace("_", "-"): value for name, value in flags.items()}
    live_init.main(Questions(given, yes=True, tell=said.append), file, CLOCK)
    return "\n".join(said)


def test_the_wallet_with_the_money_is_found_and_the_key_is_kept_encrypted(file: Path) -> None:
    said = run(file)

    found = find_settings(str(file))
    assert (found.buyer.wallet_type, found.problems, found.wants_live) == ("proxy", (), False)
    assert found.buyer.key_source.read().get_secret_value() == KEY
    assert "250.00 pUSD" in said
    assert KEY not in said
    for name in (".env", "keystore.json", "keystore-password.txt"):
        assert file.with_name(name).stat().st_mode & 0o777 == 0o600, name
        assert KEY not in file.with_name(name).read_text(), name
    assert json.loads(file.with_name("keystore.json").read_text())["version"] == 3


def test_a_command_gives_the_password_where_no_file_may_hold_it(file: Path) -> None:
    run(file, password_by="command", password_command="echo correct horse")

    assert not file.with_name("keystore-password.txt").exists()
    assert find_settings(str(file)).buyer.key_source.read().get_secret_value() == KEY


def test_a_keystore_that_is_there_is_used_as_it_is(file: Path) -> None:
    store, password = file.with_name("my-keystore.json"), file.with_name("my-password.txt")
    store.write_text(make_keystore(read_digits(KEY, "it"), "pass"))
    password.write_text("pass\n")
    for each in (store, password):
        each.chmod(0o600)

    run(file, key_file=str(store), password_file=str(password))

    assert read_settings(file)["PRIVATE_KEY_FILE"] == str(store)
    assert not file.with_name("keystore.json").exists()


def test_nothing_is_written_where_a_live_start_would_be_refused(sim: Simulator, file: Path) -> None:
    requests.post(f"{sim.urls['control_url']}/account", json={"wallet": wallet(sim), "closed_only": True}, timeout=5)
    before = file.read_text()

    with pytest.raises(RefusedForSafety, match="nothing was written: account: closed only"):
        run(file)

    assert file.read_text() == before
    assert sorted(each.name for each in file.parent.iterdir()) == [".env", "key.txt"]
    run(file, any_preflight="yes")
    requests.post(f"{sim.urls['control_url']}/account", json={"wallet": wallet(sim), "closed_only": False}, timeout=5)
    assert read_settings(file)["WALLET_TYPE"] == "proxy"


def wallet(sim: Simulator) -> str:
    found = requests.get(f"{sim.urls['control_url']}/accounts", timeout=PATIENCE_S).json()["accounts"]
    return next(each["wallet"] for each in found if each["owner"] == OWNER.lower())


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"key_file": "no-such-file"}, "--key-file: no-such-file: cannot be read"),
        ({"key_file": ""}, "The signing key:: cannot be asked with --yes"),
        ({"keystore": "/no/such/folder/keystore.json"}, "--keystore: a file in a folder"),
        ({"password_by": "heart"}, "--password-by: one of file, command"),
        ({"password_by": "command", "password_command": "false"}, "--password-command: .* ended with 1"),
        ({"wallet_type": "purse"}, "--wallet-type: one of deposit"),
        ({"relayer_key_file": "no-such-file"}, "--relayer-key-file: no-such-file"),
    ],
)
def test_a_flag_that_does_not_fit_ends_it_and_writes_nothing(file: Path, flags: dict[str, str], words: str) -> None:
    before = file.read_text()

    with pytest.raises(HybridError, match=words):
        run(file, **flags)

    assert file.read_text() == before
    assert sorted(each.name for each in file.parent.iterdir()) == [".env", "key.txt"]


def test_a_keystore_is_never_written_over(file: Path) -> None:
    run(file)
    kept = file.with_name("keystore.json").read_bytes()

    with pytest.raises(BadConfig, match="nothing is written over a keystore"):
        run(file)

    assert file.with_name("keystore.json").read_bytes() == kept


def test_real_money_is_a_second_step(file: Path) -> None:
    file.unlink()

    with pytest.raises(BadConfig, match="`hybrid init` first"):
        run(file)


def test_a_key_that_stood_in_the_file_itself_leaves_it(file: Path) -> None:
    file.write_text(file.read_text() + f"PRIVATE_KEY={KEY}\n")

    run(file)

    assert KEY not in file.read_text()


def test_without_money_the_kind_of_new_accounts_is_proposed(sim: Simulator) -> None:
    nobody = Account.from_key("33" * 32).address

    found = find_wallets(nobody, sim.urls["rpc_url"], CLOCK)

    assert [each.name for each in found] == ["deposit", EARLIER, "safe", "proxy", "eoa"]
    assert likeliest(found) == "deposit"
    assert found[1].settings == {"WALLET_TYPE": "deposit", "WALLET": found[1].address}
    away = find_wallets(nobody, "http://127.0.0.1:1", CLOCK)
    assert {each.cash for each in away} == {None}


QUESTIONS = (
    ("is there already", "y"),
    ("File of the signing key", ""),
    ("The signing key:", KEY),
    ("Keystore to write", ""),
    ("Where do the programs find", ""),
    ("File of the password", ""),
    ("Which one holds the money", ""),
    ("relayer's API key", ""),
    ("for your eyes only", "y"),
)


@pytest.mark.process
@pytest.mark.parametrize("number", [0, 4, len(QUESTIONS) - 1])
def test_ctrl_c_at_a_question_leaves_the_folder_as_it_was(file: Path, number: int) -> None:
    before = file.read_text()
    terminal = TypedTerminal(["init", "--live"], file.parent)

    for question, words in QUESTIONS[:number]:
        terminal.answer_default(question) if not words else terminal.answer(question, words)
    terminal.until(QUESTIONS[number][0])
    terminal.type(CTRL_C)

    assert terminal.ended() == 1, terminal.text
    assert "nothing was written" in terminal.text
    assert KEY not in terminal.text
    assert file.read_text() == before
    assert sorted(each.name for each in file.parent.iterdir()) == [".env", "key.txt"]


@pytest.mark.process
def test_each_answer_wrong_once_is_said_and_asked_again(file: Path) -> None:
    terminal = TypedTerminal(["init", "--live"], file.parent)

    terminal.answer("is there already", "y")
    terminal.answer("File of the signing key", "no-such-file")
    terminal.until("cannot be read")
    terminal.answer("File of the signing key", "")
    terminal.answer("The signing key:", "beef")
    terminal.until("64 hex digits")
    terminal.answer("The signing key:", KEY)
    terminal.answer("Keystore to write", "key.txt")
    terminal.until("nothing is written over")
    terminal.answer("Keystore to write", "a-keystore.json")
    terminal.answer_default("Where do the programs find")
    terminal.answer("File of the password", "/no/such/folder/x")
    terminal.until("a folder that is there")
    terminal.answer("File of the password", "a-password.txt")
    terminal.answer_default("Which one holds the money")
    terminal.answer("relayer's API key", "no-such-file")
    terminal.until("no-such-file: cannot be read")
    terminal.answer("relayer's API key", "")
    terminal.answer("for your eyes only", "y")

    assert terminal.ended() == 0, terminal.text
    assert find_settings(str(file)).buyer.key_source.read().get_secret_value() == KEY
    assert KEY not in terminal.text
