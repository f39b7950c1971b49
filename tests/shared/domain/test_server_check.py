"""What a server says of itself is judged; what it does not say is unknown, which is not "no"."""

import pytest

from shared.domain.server_check import judge_settings

GOOD = {"maxmemory-policy": "noeviction", "appendonly": "yes", "appendfsync": "always"}


def test_a_server_that_keeps_all_has_nothing_against_it() -> None:
    found = judge_settings(GOOD, {"valkey_version": "9.1.2", "redis_version": "7.2.4"})

    assert (found.settings, found.warnings, found.unknown) == (GOOD, (), "")


@pytest.mark.parametrize(
    ("name", "value", "fix"),
    [
        ("maxmemory-policy", "volatile-lru", "Set maxmemory-policy noeviction"),
        ("appendonly", "no", "Set appendonly yes and appendfsync always"),
        ("appendfsync", "everysec", "Set appendfsync always"),
    ],
)
def test_what_would_forget_is_said_with_its_fix(name: str, value: str, fix: str) -> None:
    found = judge_settings({**GOOD, name: value}, {})

    assert len(found.forgets) == 1
    assert fix in found.forgets[0]


def test_a_server_that_refuses_config_is_unknown_and_forgets_nothing() -> None:
    found = judge_settings({}, {"aof_enabled": 0, "redis_version": "7.0.4"})

    assert (found.forgets, found.too_old) == ((), "")
    assert found.settings == dict.fromkeys(GOOD, "unknown")
    assert "does not tell maxmemory-policy, appendonly, appendfsync" in found.unknown


def test_info_tells_what_config_does_not() -> None:
    found = judge_settings({}, {"aof_enabled": 1, "maxmemory_policy": "allkeys-lru"})

    assert found.settings == {"maxmemory-policy": "allkeys-lru", "appendonly": "yes", "appendfsync": "unknown"}
    assert len(found.forgets) == 1
    assert "does not tell appendfsync" in found.unknown


def test_a_server_that_is_too_old_is_said_but_valkey_is_not() -> None:
    assert "too old" in judge_settings(GOOD, {"redis_version": "6.2.14"}).warnings[0]
    assert judge_settings(GOOD, {"redis_version": "6.2.14", "valkey_version": "8.0.0"}).warnings == ()
