"""The local venue with one funded key pair, and the settings of a live redeemer for it."""

from collections.abc import Generator
from pathlib import Path

import pytest

from redeemer.config import RedeemerSettings, parse_args
from simulator.core.clock import ManualClock as VenueTime
from simulator.core.settings import Settings
from simulator.gateway.server import Simulator, serve
from tests.redeemer.live_venue import KEY, OWNER


@pytest.fixture
def venue() -> Generator[Simulator]:
    with serve(Settings(fills_per_minute=0, resolve_after_s=1e9), VenueTime()) as simulator:
        simulator.fund(OWNER, "100", kind="eoa")
        yield simulator


@pytest.fixture
def settings(venue: Simulator, valkey_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RedeemerSettings:
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text(KEY, encoding="utf-8")
    told = {
        "REDIS_URL": valkey_url,
        "RPC_URL": venue.urls["rpc_url"],
        "DATA_API_URL": venue.urls["data_api_url"],
        "LIVE": "true",
        "DRY_RUN": "false",
        "WALLET_TYPE": "eoa",
        "PRIVATE_KEY_FILE": str(key),
        "RPC_RATE_PER_S": "1000",
        "RESOLUTIONS_RATE_PER_S": "200",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    return parse_args([])
