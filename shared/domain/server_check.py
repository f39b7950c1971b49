"""Judge whether a Redis server keeps what it is given: eviction, append-only file, fsync, version.

A server that refuses CONFIG (a managed one) is not judged by what it does not say: that is `unknown`, not "no".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

OLDEST_SERVER = (7, 0)
POLICY, APPEND, FSYNC = "maxmemory-policy", "appendonly", "appendfsync"
SETTINGS = (POLICY, APPEND, FSYNC)


@dataclass(frozen=True)
class ServerFindings:
    """What was found: each setting as it is (`unknown` where it was not told), and what follows, each with its fix."""

    settings: Mapping[str, str]
    forgets: tuple[str, ...] = ()
    too_old: str = ""
    unknown: str = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return everything that an operator should change, each with its fix."""
        return (self.too_old, *self.forgets) if self.too_old else self.forgets


def judge_settings(config: Mapping[str, str], info: Mapping[str, object]) -> ServerFindings:
    """Return what the answers to CONFIG GET and INFO say; either may be empty, where it was refused."""
    told = {**_told_by(info), **{name: config[name] for name in SETTINGS if config.get(name)}}
    silent = [name for name in SETTINGS if name not in told and not (name == FSYNC and told.get(APPEND) == "no")]
    return ServerFindings(
        {**dict.fromkeys(silent, "unknown"), **told},
        tuple(filter(None, (_eviction(told.get(POLICY, "")), _forgetting(told)))),
        _too_old(info),
        _not_told(silent),
    )


def _told_by(info: Mapping[str, object]) -> dict[str, str]:
    """Return what INFO knows of the settings. That it writes no file says little of a managed server: it may copy."""
    told = {POLICY: str(info.get("maxmemory_policy", ""))}
    if str(info.get("aof_enabled", "")) == "1":
        told[APPEND] = "yes"
    return {name: value for name, value in told.items() if value}


def _eviction(policy: str) -> str:
    if policy in {"", "noeviction"}:
        return ""
    return f"maxmemory-policy is {policy}: a full server would evict streams. Set maxmemory-policy noeviction."


def _forgetting(told: Mapping[str, str]) -> str:
    if told.get(APPEND) == "no":
        return "appendonly is no: a restart loses every signal. Set appendonly yes and appendfsync always."
    fsync = told.get(FSYNC, "")
    if fsync in {"", "always"}:
        return ""
    return f"appendfsync is {fsync}: a power cut loses the last signals. Set appendfsync always."


def _too_old(info: Mapping[str, object]) -> str:
    found = re.match(r"(\d+)\.(\d+)", str(info.get("redis_version", "")))
    if info.get("valkey_version") or found is None or (int(found[1]), int(found[2])) >= OLDEST_SERVER:
        return ""
    return f"Redis {found[0]} is too old: 7.0 or newer, or Valkey, is needed."


def _not_told(silent: list[str]) -> str:
    if not silent:
        return ""
    return f"the server does not tell {', '.join(silent)}: unknown whether it keeps all; ask who runs it"
