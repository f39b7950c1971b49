"""The two images of the Dockerfile: small, hashed, labelled, of images whose content is pinned, and not run as root."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
STAGES = {
    name: (base, text)
    for base, name, text in re.findall(r"(?ms)^FROM (\S+) AS ([\w-]+)\n(.*?)(?=^FROM |\Z)", DOCKERFILE)
}
LOCKS = {"slim": {"requirements.lock"}, "report": {"requirements.lock", "requirements-report.lock"}}
PINNED = r"[\w/]+:v?\d+\.\d+\.\d+[\w-]*@sha256:[0-9a-f]{64}"


def whole(stage: str) -> str:
    """Return a stage's text after that of all it is built on."""
    if stage not in STAGES:
        return ""
    base, text = STAGES[stage]
    return whole(base) + text


def test_every_image_of_others_is_named_by_version_and_digest() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].values()
    images = {base for base, _ in STAGES.values()} | {service["image"] for service in compose}
    others = images - STAGES.keys() - {"hybrid-signals"}

    assert len(others) >= 4
    assert [image for image in others if not re.fullmatch(PINNED, image)] == []


def test_the_slim_image_is_what_is_built_where_nobody_names_one() -> None:
    assert [*STAGES][-1] == "slim"
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].values()
    assert {service["build"]["target"] for service in compose if "build" in service} == {"slim"}


@pytest.mark.parametrize("image", LOCKS)
def test_an_image_takes_what_its_build_stage_installed_by_hash_and_no_installer(image: str) -> None:
    (source,) = re.findall(r"COPY --from=([\w-]+) /venv /venv", whole(image))
    built = whole(source)

    assert set(re.findall(r"--require-hashes -r (\S+)", built)) == LOCKS[image]
    assert built.count("pip install") == len(LOCKS[image]) + 1, "our own package, of which nothing is asked"
    assert built.rstrip().endswith("pip uninstall --yes pip setuptools")
    assert "pip" not in whole(image)


@pytest.mark.parametrize("image", LOCKS)
def test_an_image_runs_as_nobody_in_particular(image: str) -> None:
    assert re.findall(r"(?m)^USER (\S+)", whole(image)) == ["10001:10001"]


@pytest.mark.parametrize("image", LOCKS)
def test_the_labels_say_what_it_is_and_what_it_is_built_on(image: str) -> None:
    labels = dict(re.findall(r'org\.opencontainers\.image\.([\w.]+)="([^"]*)"', whole(image)))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert (labels["title"], labels["description"]) == (project["name"], project["description"])
    assert labels["licenses"] == project["license"]
    assert f"{labels['base.name']}@{labels['base.digest']}" == f"docker.io/library/{STAGES['base'][0]}"
    assert f"ARG VERSION={project['version']}\n" in whole(image)
    assert {"$VERSION", "$REVISION"} == {labels["version"], labels["revision"]}
