"""The local venue as settings in the environment, and what the doctor says of it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from ops.setup.doctor import examine
from ops.setup.domain.check_line import CheckLine
from ops.setup.readable_settings import find_settings
from shared.clock import SystemClock
from shared.setting_names import KNOWN
from simulator import Simulator

KEY = "11" * 31 + "12"
LIMIT_S = 4.0


def venue_settings(sim: Simulator) -> dict[str, str]:
    """Return every upstream's setting."""
    names = {"data_api_url", "gamma_url", "clob_url", "subgraph_url", "rpc_url", "rtds_url", "geoblock_url"}
    same = {name.upper(): sim.urls[name] for name in names}
    sockets = {"CLOB_MARKET_URL": sim.urls["clob_ws_url"], "CLOB_USER_URL": sim.urls["clob_user_ws_url"]}
    return {**same, **sockets, "RELAYER_URL": sim.urls["relayer_url"]}


def settle_in(monkeypatch: pytest.MonkeyPatch, folder: Path, settings: Mapping[str, str]) -> None:
    """Make `settings` all there is, and `folder` the place of the server's data."""
    for name in KNOWN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(folder))
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


def examined(limit_s: float = LIMIT_S, env_file: str | None = None) -> list[CheckLine]:
    return examine(find_settings(env_file), env_file, SystemClock(), limit_s)


def told(lines: list[CheckLine], name: str) -> list[CheckLine]:
    found = [line for line in lines if line.name == name]
    assert found, f"no line of {name} in {[line.name for line in lines]}"
    return found
