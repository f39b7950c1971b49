"""Log lines are named events on stderr, and no secret is in them (pitfall 30)."""

import json
import logging
from typing import Any

import pytest
from pydantic import SecretStr

from shared import logs
from shared.domain.redaction import redact_secrets, redact_text

PRIVATE_KEY = "0x" + "4c" * 32
TX_HASH = "0x" + "ab" * 32
HEX = "0123456789abcdef" * 2
MIXED = "AbC_dEfGhIjKlMnOpQrStUv-01"


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_is_a_named_event_with_fields_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure_logs(form="json")

    logs.get_logger("detector", shard=1).info("poll_failed", source="data_api")

    output = capsys.readouterr()
    assert output.out == ""
    (line,) = lines(output.err)
    assert {
        "part": "detector",
        "shard": 1,
        "event": "poll_failed",
        "level": "info",
        "source": "data_api",
    }.items() <= line.items()


def test_a_logger_nobody_configured_still_keeps_off_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    logs.get_logger("embedded").warning("callback_failed")

    output = capsys.readouterr()
    assert output.out == ""
    assert "callback_failed" in output.err


def test_lines_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure_logs(level="warning", form="json")

    logs.get_logger("buyer").info("skipped")

    assert capsys.readouterr().err == ""


def test_text_is_one_readable_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure_logs(form="text")

    logs.get_logger("buyer").info("order_placed", price="0.52")

    output = capsys.readouterr().err
    assert "order_placed" in output
    assert "price=0.52" in output


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_is_shown_without_the_key_in_its_message(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Pitfall 30."""
    logs.configure_logs(form=form)

    error = ValueError(f"bad private key {PRIVATE_KEY}")

    logs.get_logger("buyer").error("signing_failed", exc_info=error)

    output = capsys.readouterr().err
    assert "ValueError" in output
    assert PRIVATE_KEY not in output


def test_warnings_of_libraries_come_out_as_our_lines_redacted(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure_logs(form="json")

    logging.getLogger("rq.worker").warning("connecting to %s", "redis://user:hunter2@db:6379/0")

    (line,) = lines(capsys.readouterr().err)
    assert line["part"] == "rq.worker"
    assert line["message"] == "connecting to redis://***@db:6379/0"


@pytest.mark.parametrize(
    "name",
    [
        "private_key",
        "PRIVATE_KEY",
        "apiKey",
        "metrics_token",
        "passphrase",
        "client-secret",
        "password",
        "mnemonic",
        "Authorization",
    ],
)
def test_secret_names_are_hidden_whatever_they_hold(name: str) -> None:
    assert redact_secrets({name: PRIVATE_KEY}) == {name: "***"}


@pytest.mark.parametrize("name", ["token_id", "live_tokens", "tx_hash", "signal_id", "keyword", "tokens"])
def test_the_venues_public_ids_stay_readable(name: str) -> None:
    assert redact_secrets({name: TX_HASH}) == {name: TX_HASH}


def test_secrets_are_found_at_any_depth() -> None:
    config = {"wallets": [{"label": "a", "private_key": PRIVATE_KEY}], "token": SecretStr("hunter2"), "n": 1}

    assert redact_secrets(config) == {"wallets": [{"label": "a", "private_key": "***"}], "token": "***", "n": 1}


def test_a_fencing_token_is_a_count_and_a_key_as_a_number_is_not() -> None:
    assert redact_secrets({"token": 7, "private_key": int(PRIVATE_KEY, 16)}) == {"token": 7, "private_key": "***"}


def test_a_setting_that_is_not_given_is_shown_as_such() -> None:
    assert redact_secrets({"metrics_token": None, "private_key": ""}) == {"metrics_token": None, "private_key": ""}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:hunter2@db:6379/0 is away", "redis://***@db:6379/0 is away"),
        ("Authorization: Bearer abcdefgh12345", "Authorization: Bearer ***"),
        ("https://polygon.example.com/v2/AbCdEfGhIjKlMnOpQrStUv", "https://polygon.example.com/v2/***"),
        (f"https://xxx.quiknode.pro/{HEX}/ is away", "https://xxx.quiknode.pro/***/ is away"),
        (
            f"https://lb.drpc.org/ogrpc?network=polygon&dkey={MIXED}",
            "https://lb.drpc.org/ogrpc?network=polygon&dkey=***",
        ),
        (f"wss://polygon-mainnet.infura.io/ws/v3/{HEX}", "wss://polygon-mainnet.infura.io/ws/v3/***"),
        (f"https://{HEX}.node.example/", "https://***.node.example/"),
        ("https://x.io/550e8400-e29b-41d4-a716-446655440000", "https://x.io/***"),
        (f"Max retries exceeded with url: /v2/{MIXED} (Caused by", "Max retries exceeded with url: /v2/*** (Caused by"),
        ("GET /x?api_key=hunter2&b=1", "GET /x?api_key=***&b=1"),
        (f"key is {PRIVATE_KEY}", "key is ***"),
        (f"PRIVATE_KEY={PRIVATE_KEY}", "PRIVATE_KEY=***"),
        (f"transaction {TX_HASH} of token_id=123 is mined", f"transaction {TX_HASH} of token_id=123 is mined"),
    ],
)
def test_secrets_inside_text_are_cut_out(text: str, shown: str) -> None:
    assert redact_text(text) == shown


@pytest.mark.pitfall(30)
@pytest.mark.parametrize(
    "piece", ["a", "key_", "a-", "http://", "x://", "secret ", "0123456789abcdef", "url: /a", "https://a/"]
)
def test_a_long_text_from_outside_costs_no_more_than_its_length(piece: str) -> None:
    text = piece * (200_000 // len(piece))

    assert len(redact_text(text)) > 0


@pytest.mark.parametrize(
    "url",
    [
        f"https://gamma.example/markets?slug=will-it-rain-on-2024-11-05-in-new-york&condition_ids={TX_HASH}",
        f"https://data.example/activity?user=0x{'1a' * 20}&limit=500&market={TX_HASH}",
        f"https://clob.example/book?token_id={'7' * 77}",
        "https://polymarket.com/event/btc-updown-15m-1764500000",
        "http://127.0.0.1:8545/healthz",
    ],
)
def test_public_ids_and_slugs_in_a_url_stay_readable(url: str) -> None:
    assert redact_text(url) == url


@pytest.mark.parametrize(
    "said",
    [
        "--metrics-token: python -m buyer has no such flag",
        "API_KEY, API_SECRET, API_PASSPHRASE: set all three or none",
        "FAILED api key: Rejected: not you",
        "PRIVATE_KEY: python needs it",
    ],
)
def test_a_sentence_about_a_key_keeps_its_words(said: str) -> None:
    assert redact_text(said) == said


@pytest.mark.pitfall(30)
@pytest.mark.parametrize(
    "said", ["token=python", '"token": "python"', "{'secret': 'python'}", "password: python", "API_KEY: 550e8400-e29b"]
)
def test_what_stands_behind_a_name_as_its_value_is_hidden_whatever_it_is(said: str) -> None:
    assert redact_text(said) != said
