"""Every program and every command says in one line what its server has against us, and how that is mended."""

import pytest

from tests.started import started

pytestmark = [pytest.mark.process, pytest.mark.server]

LEADER = "0x1111111111111111111111111111111111111111"
PROGRAMS = [("detector",), ("buyer",), ("redeemer",), ("redeemer.worker",), ("ops.run_service",), ("ops.cli", "up")]
COMMANDS = [("status", "--once"), ("kill",), ("leaders",), ("capture", "x.jsonl", "--once"), ("sweep-worker",)]


@pytest.mark.parametrize("words", [*PROGRAMS, *(("ops.cli", *command) for command in COMMANDS)], ids=" ".join)
def test_a_database_that_is_not_there_is_one_line_and_2(valkey_url: str, words: tuple[str, ...]) -> None:
    url = valkey_url.replace("/0?", "/99?")
    with started(*words, REDIS_URL=url, TRACKED_WALLETS=LEADER, LOG_LEVEL="error") as process:
        out, said = process.communicate(timeout=60)

    assert (process.returncode, out) == (2, "")
    assert said.count("\n") == 1
    assert "DB index is out of range; REDIS_URL names a database that it does not have: end the URL with /0" in said
