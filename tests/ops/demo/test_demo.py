"""The demo ends, with its reason, when what it shows does; and it asks nobody but the local venue."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
import requests
from websockets.sync.client import connect

from buyer.config import parse_args as buyer_args
from ops.demo import demo
from ops.demo.demo import DemoWorld
from ops.docs_generator import settings_sections
from ops.supervisor.pipeline import ProcessPipeline, running
from shared.clock import SystemClock
from shared.domain.errors import BadConfig
from simulator import ManualClock, Settings, Simulator, serve
from tests.ops.compose_file import settings_in
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[3]
URLS = sorted(name for name in settings_in(ROOT / "deploy" / "demo.env") if name.endswith("_URL"))


class Broken:
    """A pipeline whose program cannot start."""

    def run(self, _: Any) -> None:
        raise BadConfig("HEALTH_PORT=80: taken")


def test_a_pipeline_that_ends_by_itself_ends_the_demo_with_its_reason() -> None:
    ended = threading.Event()

    with pytest.raises(BadConfig, match="HEALTH_PORT"), running(cast("ProcessPipeline", Broken()), ended):
        assert ended.wait(PATIENCE_S)


@pytest.fixture(scope="module")
def venue() -> Iterator[Simulator]:
    with serve(Settings(fills_per_minute=0), ManualClock()) as sim:
        yield sim


@pytest.mark.simulator
def test_the_demo_points_every_program_at_the_local_venue(venue: Simulator) -> None:
    """Every setting that has a real host by default."""
    told = DemoWorld({**venue.urls, "leaders": []}, SystemClock()).environment
    defaults = {name.upper(): str(field.default) for part in settings_sections() for name, field in part.fields.items()}
    hosts = {name: urlsplit(default).hostname for name, default in defaults.items() if "://" in default}
    messengers = {"TELEGRAM_URL"}  # asked by nobody without a token
    real = {name for name, host in hosts.items() if host not in {"127.0.0.1", "localhost"}} - messengers

    assert real == set(URLS), "deploy/demo.env names the same"
    assert {urlsplit(told[name]).hostname for name in real} == {"127.0.0.1"}


@pytest.mark.simulator
def test_the_compose_files_demo_and_make_demo_ask_the_same_places(venue: Simulator) -> None:
    told = DemoWorld({**venue.urls, "leaders": []}, SystemClock()).environment
    compose = settings_in(ROOT / "deploy" / "demo.env")

    for name in URLS:
        assert urlsplit(compose[name])._replace(netloc="") == urlsplit(told[name])._replace(netloc=""), name


@pytest.mark.simulator
@pytest.mark.parametrize("name", URLS)
def test_the_local_venue_serves_what_the_demo_names(venue: Simulator, name: str) -> None:
    asked = urlsplit(settings_in(ROOT / "deploy" / "demo.env")[name])
    place = asked._replace(netloc=urlsplit(venue.base).netloc).geturl()

    if asked.scheme == "ws":
        with connect(place) as socket:
            assert socket.ping().wait(PATIENCE_S)
        return
    paths = {
        "CLOB_URL": "/time",
        "DATA_API_URL": "/v2/status",
        "GAMMA_URL": "/markets",
        "RELAYER_URL": f"/relay-payload?address=0x{'1a' * 20}&type=PROXY",
    }
    posts: dict[str, Any] = {
        "RPC_URL": {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []},
        "SUBGRAPH_URL": {"query": "{ _meta { block { number } } }"},
    }
    method = "POST" if name in posts else "GET"
    answer = requests.request(method, place + paths.get(name, ""), json=posts.get(name), timeout=PATIENCE_S)

    assert answer.status_code == 200, answer.text
    assert '"error' not in answer.text


@pytest.mark.simulator
def test_the_demos_programs_read_no_file_of_settings_and_never_trade_live(
    venue: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever the shell exports."""
    world = DemoWorld({**venue.urls, "leaders": [{"address": "0x" + "1a" * 20}]}, SystemClock())
    (tmp_path / "mine.env").write_text("LIVE=true\nDRY_RUN=false\nSTAKE_USDC=77\n")
    for name, value in {"LIVE": "true", "DRY_RUN": "false", "HYBRID_ENV_FILE": str(tmp_path / "mine.env")}.items():
        monkeypatch.setenv(name, value)

    for name, value in demo.environment(world, "redis://127.0.0.1:1/0", tmp_path).items():
        monkeypatch.setenv(name, value)
    settings = buyer_args([])

    assert (settings.live, settings.dry_run) == (False, True)
    assert settings.stake_usdc == 5
