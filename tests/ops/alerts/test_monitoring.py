"""Prometheus and Grafana: rules that promtool accepts and plays, and no expression that names what nobody registers."""

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, ProcessCollector

from tests.ops.compose_file import read_command, resolve
from tests.source_tree import all_nodes, dotted, files

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy" / "monitoring"
RULES = DEPLOY / "prometheus" / "rules.yml"
SUFFIXES = {"make_counter": ("",), "make_gauge": ("",), "make_histogram": ("_bucket", "_sum", "_count")}
GIVEN = {"job", "instance", "program", "le"}
"""Labels that Prometheus itself gives."""
_METRIC = re.compile(r"\b((?:hybrid|process)_\w+|up)\b(?:\{([^}]*)\})?")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")


@cache
def registered() -> dict[str, set[str]]:
    """Return the metrics that the code makes, with their labels: where a maker is called, or one that passes it on."""
    found: dict[str, set[str]] = {}
    for file in files():
        for call in (node for node in all_nodes(file) if isinstance(node, ast.Call)):
            name, labels = said(call, file)
            for suffix in SUFFIXES.get(dotted(call.func).rpartition(".")[2], ("",)):
                if name:
                    found[f"hybrid_{name}{suffix}"] = labels
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    own = {sample.name: set[str]() for metric in registry.collect() for sample in metric.samples}
    return found | own | {"up": set()}


def said(call: ast.Call, file: str) -> tuple[str, set[str]]:
    """Return the name and labels of a call that makes a metric; '' for any other call."""
    maker, first = dotted(call.func).rpartition(".")[2], call.args[0] if call.args else None
    if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
        return "", set()
    if maker == "_count" and file == "detector/sources/push_connection.py":
        return first.value, {"source", "reason"}
    if maker not in SUFFIXES:
        return "", set()
    return first.value, {str(each.value) for each in call.args[2:] if isinstance(each, ast.Constant)}


def expressions() -> Iterator[tuple[str, str]]:
    """Yield each expression of rules and dashboard, with what it is called."""
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def dashboard() -> dict[str, Any]:
    return json.loads((DEPLOY / "grafana" / "dashboards" / "hybrid.json").read_text())


EXPRESSIONS = list(expressions())


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS, ids=[title for title, _ in EXPRESSIONS])
def test_every_expression_names_metrics_and_labels_that_the_code_registers(title: str, expression: str) -> None:
    known, named = registered(), _METRIC.findall(expression)

    assert named, title
    for metric, matchers in named:
        assert metric in known, f"{title}: nobody registers {metric}"
        assert set(_LABEL.findall(matchers)) <= known[metric] | GIVEN, f"{title}: {metric} has no such label"


def test_a_name_that_nobody_registers_would_be_found() -> None:
    known = registered()

    assert "hybrid_made_up_total" not in known
    assert known["hybrid_signal_lag_seconds_bucket"] == {"source"}
    assert known["hybrid_alerts_total"] == {"channel", "what"}
    assert "process_resident_memory_bytes" in known
    assert len(EXPRESSIONS) > 40


def test_every_alert_says_how_urgent_it_is_what_is_wrong_and_the_fix() -> None:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]

    for rule in group["rules"]:
        assert rule["labels"]["severity"] in {"critical", "warning"}, rule["alert"]
        assert set(rule["annotations"]) == {"summary", "fix"}, rule["alert"]


def test_every_alert_is_played_by_a_test() -> None:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    tests = yaml.safe_load((RULES.with_name("rules_test.yml")).read_text())["tests"]
    fired = {each["alertname"] for test in tests for each in test["alert_rule_test"] if each.get("exp_alerts")}

    assert {rule["alert"] for rule in group["rules"]} == fired


@pytest.mark.process
@pytest.mark.parametrize(
    "words", ["check rules rules.yml", "test rules rules_test.yml", "check config --syntax-only prometheus.yml"]
)
def test_promtool_accepts_and_plays_the_rules(words: str) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed here (Debian: apt-get install prometheus)")

    done = subprocess.run(
        [promtool, *words.split()], cwd=RULES.parent, capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_panels_do_not_overlap_and_have_names_of_their_own() -> None:
    panels = dashboard()["panels"]
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in panels}) == len(panels) == len({panel["title"] for panel in panels})


def test_the_profile_monitoring_provisions_a_datasource_and_the_dashboard_that_asks_it() -> None:
    services = resolve(ROOT, read_command("METRICS_TOKEN=t docker compose --profile monitoring up"))
    grafana = services["grafana"].raw
    provisioning = DEPLOY / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "hybrid.yml").read_text())["providers"]
    targets = [target for panel in dashboard()["panels"] for target in panel.get("targets", [])]

    assert {target["datasource"]["uid"] for target in targets} == {source["uid"]}
    assert source["url"] == "http://prometheus:9090"
    assert f"./deploy/monitoring/grafana/dashboards:{provider['options']['path']}:ro" in grafana["volumes"]
    assert grafana["ports"] == ["127.0.0.1:3000:3000"], "anybody who reaches it may read it"


def test_prometheus_asks_every_program_at_its_port_with_the_token() -> None:
    (job,) = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    services = resolve(ROOT, read_command("METRICS_TOKEN=t docker compose --profile monitoring up"))
    (asked,) = job["dns_sd_configs"]

    assert {*asked["names"], "access", "redis", "prometheus", "grafana"} == {*services, "alerts"}
    for name in set(asked["names"]) - {"alerts"}:
        told = services[name].environment
        assert told["HEALTH_HOST"] == "0.0.0.0"  # noqa: S104 - inside the containers' own network, with a token
        assert (told["METRICS_TOKEN"], told["HEALTH_PORT"]) == ("t", str(asked["port"]))
    assert job["authorization"]["credentials_file"] == "/run/secrets/metrics_token"


def test_without_a_token_nobody_but_the_program_itself_reaches_its_numbers() -> None:
    told = resolve(ROOT, read_command("docker compose up"))["buyer"].environment

    assert (told["HEALTH_HOST"], told["METRICS_TOKEN"]) == ("", ""), "empty: the program's own default, loopback"
