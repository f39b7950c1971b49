"""The compose files of `deploy/` that are laid over docker-compose.yml: each form does what its first lines say."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shared import setting_names
from shared.domain.secret_settings import SECRETS
from shared.unknown_settings import unknown_in_environment
from tests.ops.compose_file import Command, Service, read_command, resolve, resolve_project
from tests.ops.compose_merge import mounted_at

ROOT = Path(__file__).resolve().parents[2]
OURS = {"detector", "buyer", "redeemer", "worker"}
SIGNING = {"buyer", "redeemer", "worker"}
KEY = "/etc/hybrid/signing-key"
SETTINGS = {
    "compose.live.yml": {"PRIVATE_KEY_FILE": KEY},
    "compose.metrics.yml": {"METRICS_TOKEN": "t" * 32},
    "compose.own-redis.yml": {"REDIS_URL": "rediss://redis.example:6380/0?password_file=/run/access/password"},
}
"""What each form asks for in .env."""
BASE = "docker-compose.yml"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a checkout whose .env holds what the forms ask for."""
    shutil.copy(ROOT / BASE, tmp_path)
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    settings = {name: value for asked in SETTINGS.values() for name, value in asked.items()}
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return tmp_path


def command(*forms: str, profile: str = "") -> Command:
    files = " ".join(f"-f {file}" for file in (BASE, *(f"deploy/{form}" for form in forms)))
    return read_command(f"docker compose {files} {f'--profile {profile} ' if profile else ''}up")


def form(project: Path, *forms: str, profile: str = "") -> dict[str, Service]:
    return resolve(project, command(*forms, profile=profile))


def test_each_form_is_named_by_the_command_that_runs_it_in_the_first_file_and_in_its_own() -> None:
    for name in SETTINGS:
        shown = f"docker compose -f {BASE} -f deploy/{name} up"
        assert f"#   {shown}\n" in (ROOT / BASE).read_text()
        assert f"#   {shown}\n" in (ROOT / "deploy" / name).read_text()
        assert f"`{shown}`" in (ROOT / "docs" / "guide" / "containers.md").read_text()
    assert {file.name for file in (ROOT / "deploy").glob("compose.*.yml")} == SETTINGS.keys()


@pytest.mark.parametrize("name", SETTINGS)
def test_a_form_whose_setting_is_missing_says_which_and_starts_nothing(project: Path, name: str) -> None:
    (project / ".env").write_text("")
    (setting,) = SETTINGS[name]

    with pytest.raises(AssertionError, match=f"{setting} is not set"):
        form(project, name)


def test_with_ones_own_redis_no_server_of_ours_is_started_and_nothing_waits_for_one(project: Path) -> None:
    services = form(project, "compose.own-redis.yml")

    assert set(services) == OURS
    assert {each.environment["REDIS_URL"] for each in services.values()} == {
        SETTINGS["compose.own-redis.yml"]["REDIS_URL"]
    }
    assert unmet(services) == set()


@pytest.mark.parametrize("profile", ["alerts", "web", "demo"])
def test_with_ones_own_redis_alerts_dashboard_and_demo_use_it_too(project: Path, profile: str) -> None:
    services = form(project, "compose.own-redis.yml", profile=profile)

    told = {name: each.environment.get("REDIS_URL", "") for name, each in services.items()}
    theirs = {url for name, url in told.items() if name not in {"certificate", "simulator"}}
    assert theirs == {SETTINGS["compose.own-redis.yml"]["REDIS_URL"]}
    assert unmet(services) == set()


def test_with_ones_own_redis_the_folder_of_password_and_certificates_is_where_the_url_says(project: Path) -> None:
    assert "access:/run/access:ro" in form(project, "compose.own-redis.yml")["buyer"].raw["volumes"]
    with (project / ".env").open("a") as settings:
        settings.write("COMPOSE_REDIS_FILES=/etc/hybrid/redis\n")

    services = form(project, "compose.own-redis.yml", profile="web")

    places = {
        name: {mounted_at(each): each for each in services[name].raw["volumes"]} for name in services if name in OURS
    }
    assert {each["/run/access"] for each in places.values()} == {"/etc/hybrid/redis:/run/access:ro"}
    assert "certificate:/app/certificate:ro" in services["web"].raw["volumes"]


def test_the_key_of_a_live_form_is_a_secret_for_those_who_sign_and_in_nobodys_environment(project: Path) -> None:
    with (project / ".env").open("a") as settings:
        settings.write(f"PRIVATE_KEY=0x{'11' * 32}\n")

    services = form(project, "compose.live.yml")

    assert {name for name in services if "signing_key" in services[name].raw.get("secrets", [])} == SIGNING
    for name in OURS:
        told = services[name].environment
        assert told["PRIVATE_KEY"] == ""
        assert told["PRIVATE_KEY_FILE"] == ("/run/secrets/signing_key" if name in SIGNING else "")
    assert resolve_project(project, command("compose.live.yml"))["secrets"]["signing_key"] == {"file": KEY}


def test_a_live_form_says_both_words_to_those_who_sign_whatever_the_file_of_settings_says(project: Path) -> None:
    with (project / ".env").open("a") as settings:
        settings.write("LIVE=false\nDRY_RUN=true\n")

    services = form(project, "compose.live.yml")

    told = {name: (services[name].environment["LIVE"], services[name].environment["DRY_RUN"]) for name in OURS}
    assert told == dict.fromkeys(SIGNING, ("true", "false")) | {"detector": ("false", "true")}


def test_a_keystores_password_is_a_secret_of_its_own_where_there_is_one(project: Path) -> None:
    plain = form(project, "compose.live.yml")["buyer"].environment
    with (project / ".env").open("a") as settings:
        settings.write("PRIVATE_KEY_PASSWORD_FILE=/etc/hybrid/key-password\n")

    told = form(project, "compose.live.yml")["buyer"].environment

    assert plain["PRIVATE_KEY_PASSWORD_FILE"] == ""
    assert told["PRIVATE_KEY_PASSWORD_FILE"] == "/run/secrets/key_password"
    secrets = resolve_project(project, command("compose.live.yml"))["secrets"]
    assert secrets["key_password"] == {"file": "/etc/hybrid/key-password"}


def test_without_the_live_form_nobody_has_a_secret_key_and_nobody_is_told_to_trade(project: Path) -> None:
    for service in form(project).values():
        assert "secrets" not in service.raw
        assert "LIVE" not in service.environment


def test_numbers_are_on_this_machine_alone_and_behind_a_token(project: Path) -> None:
    services = form(project, "compose.metrics.yml", profile="alerts")

    told = {name: services[name] for name in (*OURS, "alerts")}
    ports = [port for each in told.values() for port in each.raw["ports"]]
    assert all(re.fullmatch(r"127\.0\.0\.1:[\d-]+:9100", port) for port in ports)
    assert len(set(ports)) == len(told)
    assert {(each.environment["METRICS_TOKEN"], each.environment["HEALTH_HOST"]) for each in told.values()} == {
        ("t" * 32, "0.0.0.0")  # noqa: S104 - inside its container
    }


def test_ranges_of_ports_are_apart_so_that_several_of_each_can_run(project: Path) -> None:
    services = form(project, "compose.metrics.yml", profile="alerts")

    ranges = [each.raw["ports"][0].split(":")[1] for each in services.values() if each.raw.get("ports")]
    taken = [port for each in ranges for port in range(int(each.split("-")[0]), int(each.split("-")[-1]) + 1)]
    assert len(set(taken)) == len(taken)


def test_all_forms_together_are_one_live_pipeline_at_ones_own_server(project: Path) -> None:
    services = form(project, *SETTINGS)

    assert set(services) == OURS
    assert unmet(services) == set()
    told = services["buyer"].environment
    assert (told["LIVE"], told["REDIS_URL"]) == ("true", SETTINGS["compose.own-redis.yml"]["REDIS_URL"])
    for service in services.values():
        assert unknown_in_environment(service.environment, setting_names.KNOWN) == []
        assert service.raw["read_only"]
        assert service.raw["cap_drop"] == ["ALL"]


def test_a_form_can_be_chosen_for_good_in_the_file_of_settings(project: Path) -> None:
    with (project / ".env").open("a") as settings:
        settings.write(f"COMPOSE_FILE={BASE}:deploy/compose.own-redis.yml\n")

    services = resolve(project, read_command("docker compose up"))

    assert set(services) == OURS
    assert unknown_in_environment(services["buyer"].environment, setting_names.KNOWN) == []


def test_who_never_signs_is_told_no_key_in_any_form(project: Path) -> None:
    with (project / ".env").open("a") as settings:
        settings.write("".join(f"{name}=1\n" for name in sorted(SECRETS) if name.startswith("PRIVATE_KEY")))

    services = form(project, *SETTINGS, profile="web") | form(project, *SETTINGS, profile="alerts")

    for name in ("detector", "web", "alerts"):
        told = services[name].environment
        assert {told[each] for each in SECRETS if each.startswith("PRIVATE_KEY")} == {""}, name
        assert "secrets" not in services[name].raw


@pytest.mark.process
@pytest.mark.parametrize("forms", [(), *((name,) for name in SETTINGS), tuple(SETTINGS)], ids="+".join)
def test_compose_itself_reads_each_form_alike(project: Path, forms: tuple[str, ...]) -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not installed here")
    files = [word for file in (BASE, *(f"deploy/{name}" for name in forms)) for word in ("-f", file)]
    words = [docker, "compose", *files, "config", "--format", "json"]

    said = subprocess.run(words, cwd=project, capture_output=True, text=True, timeout=60, check=True)

    theirs: dict[str, Any] = json.loads(said.stdout)["services"]
    ours = form(project, *forms)
    assert set(theirs) == set(ours)
    assert {name: theirs[name]["environment"] for name in OURS} == {name: dict(ours[name].environment) for name in OURS}
    assert {name: [each["target"] for each in theirs[name].get("volumes", [])] for name in OURS} == {
        name: [mounted_at(each) for each in ours[name].raw["volumes"]] for name in OURS
    }


def unmet(services: dict[str, Service]) -> set[str]:
    """Return what services need that does not run."""
    needs = {
        need
        for service in services.values()
        for need, how in service.raw.get("depends_on", {}).items()
        if how.get("required", True)
    }
    return needs - set(services)
