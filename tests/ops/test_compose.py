"""What each documented `docker compose` command runs, and with which settings: resolved as compose does it."""

import json
import re
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from ops.docs_generator import settings_sections
from ops.web.settings import WebSettings
from shared import setting_names
from shared.config import parse
from shared.domain.errors import RefusedForSafety
from shared.unknown_settings import unknown_in_environment, unknown_in_file
from tests.ops.compose_file import Service, read_command, resolve, settings_in

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = {"access", "redis", "detector", "buyer", "redeemer", "worker"}
OURS = PIPELINE - {"access", "redis"}
LEADER, OTHER = "0x" + "1a" * 20, "0x" + "2b" * 20
SERVER = "redis://redis:6379/0?password_file=/run/access/password"
SIMULATOR = re.compile(r"(http|ws)://simulator:8600/\S*")


def commands_in(text: str) -> list[str]:
    """Return the `docker compose ... up` commands of a text, with leaders where it leaves them open."""
    found = re.findall(r"((?:[A-Z_]+=\S+ )*docker compose (?:--[\w-]+ \S+ )*up)\b", text)
    return [re.sub(r"0x\.\.\.\S*", LEADER, command) for command in found]


README = commands_in((ROOT / "README.md").read_text())
HEADER = commands_in((ROOT / "docker-compose.yml").read_text())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a checkout without a .env."""
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    return tmp_path


def real_hosts() -> set[str]:
    """Return the settings of all programs whose default is a real host."""
    fields = {name.upper(): field.default for section in settings_sections() for name, field in section.fields.items()}
    urls = {name: str(value) for name, value in fields.items() if re.match(r"\w+://", str(value))}
    return {name for name, url in urls.items() if not re.match(r"\w+://(127\.0\.0\.1|localhost)\b", url)}


@pytest.mark.pitfall(63)
def test_the_readmes_commands_are_those_of_the_file() -> None:
    assert len(README) >= 2
    assert set(README) <= set(HEADER)


@pytest.mark.pitfall(63)
@pytest.mark.parametrize("command", [each for each in README if "TRACKED_WALLETS" in each])
def test_the_readmes_command_follows_the_leaders_it_names(project: Path, command: str) -> None:
    services = resolve(project, read_command(command))

    assert set(services) == PIPELINE
    assert {name: services[name].environment.get("TRACKED_WALLETS") for name in OURS} == dict.fromkeys(OURS, LEADER)


@pytest.mark.pitfall(63)
def test_leaders_of_the_shell_beat_those_of_dot_env(project: Path) -> None:
    (project / ".env").write_text(f"TRACKED_WALLETS={OTHER}\nSTAKE_USDC=7\n")

    assert leaders(resolve(project, read_command("docker compose up"))) == OTHER
    told = resolve(project, read_command(f"TRACKED_WALLETS={LEADER} docker compose up"))
    assert leaders(told) == LEADER
    assert told["buyer"].environment["STAKE_USDC"] == "7"


def test_the_example_copied_and_not_filled_in_hides_no_leader_of_the_shell(project: Path) -> None:
    shutil.copy(ROOT / ".env.example", project / ".env")

    assert leaders(resolve(project, read_command(f"TRACKED_WALLETS={LEADER} docker compose up"))) == LEADER


def test_another_file_brings_its_own_leaders(project: Path) -> None:
    (project / "prod.env").write_text(f"TRACKED_WALLETS={OTHER}\n")

    assert leaders(resolve(project, read_command("ENV_FILE=prod.env docker compose up"))) == OTHER


@pytest.mark.pitfall(63)
@pytest.mark.parametrize(
    "command",
    [*[each for each in README if "demo" in each], "ENV_FILE=deploy/demo.env docker compose --profile demo up"],
)
def test_the_demo_runs_the_local_venue_and_asks_nobody_else(project: Path, command: str) -> None:
    """Each setting of each program that has a real host by default names the simulator."""
    services = resolve(project, read_command(command))

    assert set(services) == PIPELINE | {"simulator"}
    for name in OURS:
        told = services[name].environment
        asked = real_hosts() - {"TELEGRAM_URL"}  # nobody asks it without a token
        assert {each for each in asked if not SIMULATOR.fullmatch(told.get(each, ""))} == set(), name
        assert len(told["TRACKED_WALLETS"].split(",")) == 3


def test_the_demo_is_the_same_beside_a_dot_env_of_ones_own(project: Path) -> None:
    (project / ".env").write_text(f"TRACKED_WALLETS={OTHER}\nLIVE=true\nRPC_URL=https://node.example\n")
    command = next(each for each in README if "demo" in each)

    told = resolve(project, read_command(command))["buyer"].environment

    assert OTHER not in told["TRACKED_WALLETS"]
    assert "LIVE" not in told
    assert told["RPC_URL"].startswith("http://simulator:8600/")


def test_there_are_real_hosts_to_name() -> None:
    """The test above would pass with none."""
    assert real_hosts() >= {"DATA_API_URL", "CLOB_USER_URL", "GEOBLOCK_URL", "RELAYER_URL", "RTDS_URL", "SUBGRAPH_URL"}


@pytest.mark.parametrize("command", [*README, *HEADER])
def test_a_container_is_told_no_setting_that_nobody_knows(project: Path, command: str) -> None:
    for service in resolve(project, read_command(command)).values():
        assert unknown_in_environment(service.environment, setting_names.KNOWN) == []
    assert unknown_in_file(settings_in(ROOT / "deploy" / "demo.env"), setting_names.KNOWN) == []


@pytest.mark.parametrize("command", README)
def test_the_containers_own_server_is_used_whatever_a_file_says(project: Path, command: str) -> None:
    (project / ".env").write_text("REDIS_URL=redis://127.0.0.1:6379/0\nHEALTH_PORT=0\n")

    services = resolve(project, read_command(command))

    assert {services[name].environment["REDIS_URL"] for name in OURS} == {SERVER}
    assert {services[name].environment["HEALTH_PORT"] for name in OURS} == {"9100"}


WEB_COMMAND = "docker compose --profile web up"


def web_settings(services: dict[str, Service], monkeypatch: pytest.MonkeyPatch) -> WebSettings:
    """Return the settings as the dashboard's program reads them in its container."""
    for name, value in services["web"].environment.items():
        monkeypatch.setenv(name, value)
    return parse(WebSettings, services["web"].command[3:])


def test_the_dashboard_runs_when_asked_for_and_is_reached_from_this_machine_alone(project: Path) -> None:
    services = resolve(project, read_command(WEB_COMMAND))

    assert set(services) == PIPELINE | {"web", "certificate"}
    assert services["web"].raw["ports"] == ["127.0.0.1:8700:8700"]
    assert [name for name, one in services.items() if one.raw.get("ports")] == ["web"]
    assert services["certificate"].raw["network_mode"] == "none"


def test_the_dashboard_has_no_key_whatever_dot_env_holds(project: Path) -> None:
    (project / ".env").write_text("PRIVATE_KEY=0x1\nRELAYER_API_KEY=abc\n")

    told = resolve(project, read_command(WEB_COMMAND))["web"].environment

    assert (told["PRIVATE_KEY"], told["RELAYER_API_KEY"]) == ("", "")


def test_the_dashboard_starts_with_a_token_and_by_no_other_word(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    services = resolve(project, read_command(WEB_COMMAND))
    with pytest.raises(RefusedForSafety, match="WEB_TOKEN"):
        web_settings(services, monkeypatch).check_place()
    (project / ".env").write_text(f"WEB_TOKEN={'a1' * 32}\nWEB_HOST=127.0.0.1\nWEB_PORT=9\n")

    settings = web_settings(resolve(project, read_command(WEB_COMMAND)), monkeypatch)

    settings.check_place()
    assert settings.origin(8700) == "https://127.0.0.1:8700"
    assert "127.0.0.1:8700" in settings.hosts(8700)


@pytest.mark.process
def test_the_dashboards_certificate_is_made_once_and_for_its_address(project: Path, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed here; the image has it")
    volume = tmp_path / "certificate"
    volume.mkdir()
    (script,) = resolve(project, read_command(WEB_COMMAND))["certificate"].command
    words = ["sh", "-c", script.replace("/app/certificate", str(volume))]

    first = subprocess.run(words, check=True, capture_output=True, text=True)
    again = subprocess.run(words, check=True, capture_output=True, text=True)

    assert first.stdout == again.stdout
    assert "ingerprint=" in first.stdout
    assert (volume / "key.pem").stat().st_mode & 0o777 == 0o600
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(volume / "cert.pem", volume / "key.pem")
    asked = ["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", str(volume / "cert.pem")]
    assert "IP Address:127.0.0.1" in subprocess.run(asked, check=True, capture_output=True, text=True).stdout


@pytest.mark.process
@pytest.mark.parametrize("command", [*README, "ENV_FILE=deploy/demo.env docker compose --profile demo up"])
def test_compose_itself_resolves_the_same(project: Path, command: str) -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not installed here")
    words = f"env {command.removesuffix('up')}config --format json".split()

    result = subprocess.run(words, cwd=project, capture_output=True, text=True, timeout=60, check=True)

    theirs = json.loads(result.stdout)["services"]
    ours = resolve(project, read_command(command))
    assert set(theirs) == set(ours)
    assert {name: theirs[name].get("environment", {}) for name in OURS} == {
        name: dict(ours[name].environment) for name in OURS
    }


@pytest.mark.pitfall(49)
def test_the_servers_password_is_made_once_and_only_in_the_volume(project: Path, tmp_path: Path) -> None:
    services = resolve(project, read_command(README[0]))
    volume = tmp_path / "access"
    volume.mkdir()
    (script,) = services["access"].command
    words = ["sh", "-c", script.replace("/data", str(volume))]

    subprocess.run(words, check=True)
    made = {name: (volume / name).read_text() for name in ("password", "valkey.conf")}
    subprocess.run(words, check=True)

    assert re.fullmatch(r"[0-9a-f]{64}\n", made["password"])
    assert made["valkey.conf"] == f"requirepass {made['password']}"
    assert made == {name: (volume / name).read_text() for name in made}
    assert "/run/access/valkey.conf" in services["redis"].command
    assert all("access:/run/access:ro" in services[name].raw["volumes"] for name in {*OURS, "redis"})


def leaders(services: dict[str, Service]) -> str:
    return services["detector"].environment["TRACKED_WALLETS"]
