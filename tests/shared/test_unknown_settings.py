"""A setting with a typo stops the start, and other programs' variables do not."""

import os
from pathlib import Path

import pytest

from buyer.config import BuyerSettings
from detector.config import DetectorSettings
from ops.config import UpSettings
from shared import setting_names
from shared.config import Settings, parse
from shared.domain.errors import BadConfig
from shared.unknown_settings import (
    doubtful_in_environment,
    nearest_setting,
    unknown_in_environment,
    unknown_in_file,
)

KNOWN = setting_names.KNOWN
TYPOS = {
    "STAKE_USD": "STAKE_USDC",
    "STAKE": "STAKE_USDC",
    "MAX_SLIPAGE_TICKS": "MAX_SLIPPAGE_TICKS",
    "MAX_SLIPPAGE_TICK": "MAX_SLIPPAGE_TICKS",
    "MAX_DAILY_USDC": "MAX_DAY_USDC",
    "MAX_DAY_LOSS": "MAX_DAY_LOSS_USDC",
    "STOP_LOSS": "STOP_LOSS_PCT",
    "POLL_EVERY_MS": "POLL_EVERY_S",
    "TRACKED_WALETS": "TRACKED_WALLETS",
    "DRYRUN": "DRY_RUN",
    "MAX_DAY_USCD": "MAX_DAY_USDC",
    "HYBRID_STAKE_USDC": "STAKE_USDC",
    "stake_usd": "STAKE_USDC",
}
OTHERS = """
PATH HOME USER SHELL LANG LC_ALL PWD HOSTNAME TERM EDITOR DISPLAY XDG_DATA_DIRS XDG_RUNTIME_DIR SSH_AUTH_SOCK
GPG_KEY TMPDIR VIRTUAL_ENV PYTHONPATH PYTHON_VERSION PIP_INDEX_URL NODE_ENV NODE_OPTIONS JAVA_HOME RUST_LOG CI
GITHUB_TOKEN GITHUB_RUN_ID RUNNER_TEMP RUNNER_WORKSPACE CI_JOB_ID BUILD_ID WORKSPACE KUBERNETES_SERVICE_HOST
KUBERNETES_PORT_443_TCP REDIS_PORT REDIS_SERVICE_HOST REDIS_HOST REDIS_PASSWORD REDIS_TLS_URL
BUYER_SERVICE_HOST BUYER_PORT BUYER_PORT_9100_TCP_ADDR DATABASE_URL POSTGRES_PASSWORD AWS_REGION
AWS_SECRET_ACCESS_KEY OPENAI_API_KEY SENTRY_DSN PORT HOST DEBUG ENV LOG_FILE LOG_DIR WEB_CONCURRENCY
SOURCE_DATE_EPOCH HTTP_PROXY https_proxy NO_PROXY SSL_CERT_FILE MAKEFLAGS LEADERS SECONDS PYTHON
SUPERVISOR_PROCESS_NAME INVOCATION_ID JOURNAL_STREAM NOTIFY_SOCKET STATE_DIRECTORY DOCKER_HOST
COMPOSE_PROFILES ENV_FILE PYTEST_CURRENT_TEST PYTEST_XDIST_WORKER WALLET_ADDRESS CLOB_API_KEY POLYGON_RPC_URL
API_URL API_TOKEN CHAIN_ID MODE SIDE STDOUT INSTANCE_ID QUEUE_NAME WORKER_ID GAS_PRICE MAX_SIZE
HYBRID_ENV_FILE HYBRID_DIE_WITH_PARENT
"""


ANYBODYS = """
SOURCE WORKER MERGE CONTRACT GRPC_URL API_KEYS DATA_API_KEY LOGLEVEL REDIS_URI HTTP_TIMEOUT PRIVATE_KEY_PASSPHRASE
LEADER_ELECTION_ENABLED LEADER_ELECTION_ID
"""


@pytest.fixture(autouse=True)
def _nobodys_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the environment of whoever runs the tests out."""
    given = list(os.environ)
    for name in (
        *unknown_in_environment(given, KNOWN),
        *doubtful_in_environment(given, KNOWN),
        "HYBRID_ENV_FILE",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.pitfall(63)
@pytest.mark.parametrize(("typo", "meant"), TYPOS.items())
def test_a_typo_in_the_environment_stops_the_start_and_says_what_was_meant(
    monkeypatch: pytest.MonkeyPatch, typo: str, meant: str
) -> None:
    monkeypatch.setenv(typo, "5")

    with pytest.raises(BadConfig, match=rf"^{typo} \(the environment\): .*did you mean {meant}\?") as refused:
        parse(BuyerSettings, [])
    assert "\n" not in str(refused.value)


@pytest.mark.pitfall(63)
@pytest.mark.parametrize(("typo", "meant"), TYPOS.items())
def test_a_typo_in_a_file_stops_the_start_and_says_where_it_stands(tmp_path: Path, typo: str, meant: str) -> None:
    file = tmp_path / "my.env"
    file.write_text(f"# limits\nMAX_DAY_USDC=100\nexport {typo}=5\n")

    with pytest.raises(BadConfig, match=rf"^{typo} \({file}, line 3\): .*did you mean {meant}\?"):
        parse(BuyerSettings, ["--env-file", str(file)])


@pytest.mark.pitfall(63)
def test_a_name_like_no_setting_stops_a_start_from_a_file_too(tmp_path: Path) -> None:
    file = tmp_path / "my.env"
    file.write_text("LEVERAGE=10\nSTAKE_USD=5\n")

    with pytest.raises(BadConfig, match=r"(?s)LEVERAGE .*remove it.*STAKE_USD .*did you mean STAKE_USDC"):
        parse(DetectorSettings, ["--env-file", str(file)])


@pytest.mark.parametrize("line", ["STAKE_USDC 5", "STAKE_USDC", "=5", 'STAKE_USDC="5'])
def test_a_line_that_sets_nothing_stops_the_start(tmp_path: Path, line: str) -> None:
    file = tmp_path / "my.env"
    file.write_text(f"{line}\n")

    with pytest.raises(BadConfig, match=r"line 1: not a setting; expected NAME=VALUE"):
        parse(BuyerSettings, ["--env-file", str(file)])


def test_a_file_that_is_no_text_is_one_clear_line(tmp_path: Path) -> None:
    file = tmp_path / "my.env"
    file.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(BadConfig, match="cannot be read as text"):
        parse(Settings, ["--env-file", str(file)])


def test_the_message_holds_no_value_since_it_may_be_a_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "my.env"
    file.write_text("PRIVATE_KY=verysecret\n")
    monkeypatch.setenv("PRIVATE_KEYS", "verysecret")

    with pytest.raises(BadConfig) as refused:
        parse(BuyerSettings, ["--env-file", str(file)])
    assert "verysecret" not in str(refused.value)


@pytest.mark.parametrize("name", OTHERS.split())
def test_a_variable_of_another_program_is_none_of_our_business(name: str) -> None:
    assert unknown_in_environment([name], KNOWN) == doubtful_in_environment([name], KNOWN) == []


@pytest.mark.pitfall(63)
@pytest.mark.parametrize("name", ANYBODYS.split())
def test_what_could_be_any_programs_is_said_and_stops_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, "verysecret")

    parse(BuyerSettings, [])

    said = capsys.readouterr().err
    assert f"{name} (the environment): " in said
    assert "Passed over." in said
    assert "verysecret" not in said


@pytest.mark.pitfall(63)
@pytest.mark.parametrize("name", ANYBODYS.split())
def test_in_a_file_of_ours_it_stops_the_start(name: str, tmp_path: Path) -> None:
    file = tmp_path / "my.env"
    file.write_text(f"{name}=5\n")

    with pytest.raises(BadConfig, match=rf"^{name} "):
        parse(BuyerSettings, ["--env-file", str(file)])


def test_an_empty_variable_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAKE_USD", "")

    parse(BuyerSettings, [])


def test_one_file_serves_every_program_and_compose(tmp_path: Path) -> None:
    file = tmp_path / "my.env"
    file.write_text("ENV_FILE=my.env\nCOMPOSE_PROFILES=demo\nTZ=UTC\nSTAKE_USDC=7\nPOLL_EVERY_S=2\nAUDIT_LATE_S=9\n")

    assert parse(DetectorSettings, ["--env-file", str(file)]).poll_every_s == 2
    assert str(parse(BuyerSettings, ["--env-file", str(file)]).stake_usdc) == "7"
    assert parse(UpSettings, ["--env-file", str(file)]).leaders == ()


def test_every_setting_is_known_and_no_setting_is_a_typo_of_another() -> None:
    assert unknown_in_file(KNOWN, KNOWN) == []
    assert unknown_in_environment([name.lower() for name in KNOWN], KNOWN) == []


def test_what_nothing_is_like_has_no_guess() -> None:
    assert nearest_setting("LEVERAGE", KNOWN) is None


@pytest.mark.pitfall(63)
@pytest.mark.parametrize("flag", ["--stake-usd", "--stake_usd", "--stake-usd=5"])
def test_a_flag_with_a_typo_is_one_line_that_says_what_was_meant(flag: str) -> None:
    with pytest.raises(
        BadConfig, match=r"^--stake-usd: python -m buyer has no such flag; did you mean --stake-usdc\?$"
    ):
        parse(BuyerSettings, [flag, "5"])


def test_a_flag_of_another_program_is_refused() -> None:
    with pytest.raises(BadConfig, match="--poll-every-s: python -m buyer has no such flag"):
        parse(BuyerSettings, ["--poll-every-s", "2"])


def test_every_way_to_give_a_flag_is_still_one() -> None:
    settings = parse(BuyerSettings, ["--stake_usdc=6", "--max_day_usdc", "77", "--no-bump-to-minimum", "--stdin"])

    assert (settings.stake_usdc, settings.max_day_usdc) == (6, 77)
    assert (settings.bump_to_minimum, settings.stdin) == (False, True)


@pytest.mark.parametrize("prefix", ["", "0x"])
def test_a_private_key_at_a_wrong_place_is_never_printed(prefix: str, tmp_path: Path) -> None:
    key = prefix + "ab" * 32
    (tmp_path / "env").write_text(f"{key}=PRIVATE_KEY\n")
    for words in (["--tracked-wallets", key], ["--env-file", str(tmp_path / "env")], [f"--{key}"], [key]):
        with pytest.raises(BadConfig) as refused:
            parse(DetectorSettings, words)
        assert "ab" * 32 not in str(refused.value).lower()
        assert "(hidden)" in str(refused.value)
