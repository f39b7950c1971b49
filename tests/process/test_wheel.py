"""The package away from its repository: what the wheel carries, and a folder whose names are ours."""

import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.source_tree import ROOT

PROGRAMS = ("backtest", "buyer", "detector", "ops", "redeemer", "shared", "simulator")


def test_every_data_file_of_a_program_goes_into_the_wheel() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    carried = project["package-data"]["*"]
    files = [file for program in PROGRAMS for file in (ROOT / program).rglob("*") if file.is_file()]
    data = [file for file in files if file.suffix not in {".py", ".pyc", ".md"}]

    left = [str(file.relative_to(ROOT)) for file in data if not any(fnmatch(file.name, one) for one in carried)]

    assert data
    assert left == []


@pytest.mark.process
def test_a_folder_with_modules_of_our_names_breaks_no_program(tmp_path: Path) -> None:
    """Programs that `hybrid` starts would find them first: the current folder leads the path of `python -m`."""
    for name in ("shared/__init__.py", "buyer/__init__.py", "ops.py", "detector.py", "simulator.py"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("raise SystemExit('the folder beside was imported')\n")
    hybrid = Path(sys.executable).parent / "hybrid"

    ended = subprocess.run(
        [hybrid, "demo", "--no-screen", "--seconds", "2", "--data-dir", tmp_path / "data"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert "the folder beside was imported" not in ended.stdout + ended.stderr
    assert '"missed": 0' in ended.stdout, ended.stderr[-2000:]  # so short a demo redeems nothing, which it says by 1
