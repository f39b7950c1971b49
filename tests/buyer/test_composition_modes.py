"""Live and paper differ in one file, which fills in the same rows for both."""

import ast
import threading
from pathlib import Path
from typing import cast

import pytest

from buyer.composition import build_buyer
from buyer.composition_modes import MODE_STEPS, mode_of
from buyer.config import parse_args
from buyer.recovery.shard_identity import ShardIdentity
from buyer.venue.paper import PaperVenue
from ops.supervisor.embedded_redis import EmbeddedRedis

ROOT = Path(__file__).resolve().parents[2]
TABLE = "composition_modes.py"


def names_in(file: Path) -> set[str]:
    """Return every name, attribute and imported name of a file."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    imported = {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    return imported | used | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("word", ["LIVE", "PAPER", "PaperVenue", "ShadowedVenue", "LiveAccount", "paper_bankroll_usdc"])
def test_only_the_table_of_modes_chooses_between_live_and_paper(word: str) -> None:
    defining = {"composition_live.py", "config.py"}
    choosing = {file.name for file in (ROOT / "buyer").glob("*.py") if word in names_in(file)} - defining

    assert choosing == {TABLE}


def test_each_mode_has_its_column() -> None:
    assert set(MODE_STEPS) == {mode_of(parse_args([])), mode_of(parse_args(["--live", "--no-dry-run"]))}


@pytest.mark.server
@pytest.mark.parametrize(("latency", "travels"), [("0", False), ("0.25", True)])
def test_the_paper_column_needs_no_account(redis_server: EmbeddedRedis, latency: str, travels: bool) -> None:  # noqa: FBT001 - a parameter
    settings = parse_args(["--redis-url", redis_server.url, "--paper-latency-s", latency])

    mode = build_buyer(settings, stop=threading.Event()).mode
    rows = mode.of_shard(cast("ShardIdentity", None))

    assert (mode.name, mode.permission, mode.buys_wait_for) == ("paper", None, "")
    assert isinstance(rows.venue, PaperVenue)
    assert (rows.order_turns, rows.settlement, rows.recovery) == (None, None, None)
    assert (rows.transit is not None) == travels
