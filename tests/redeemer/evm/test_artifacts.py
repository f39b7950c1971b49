"""What the tests deploy is what its source says."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.redeemer.evm.evm_fixture import FOLDER

pytestmark = pytest.mark.evm


def test_our_test_contracts_are_compiled_from_the_source_beside_them() -> None:
    folder = os.environ.get("SOLC_FOLDER", "")
    if not shutil.which("node") or not (Path(folder) / "node_modules" / "solc").is_dir():
        pytest.skip("needs node and SOLC_FOLDER, a folder with `npm install solc@0.8.26` done in it")

    made = subprocess.run(["node", FOLDER / "compile.js", folder], capture_output=True, text=True, check=True)

    assert json.loads(made.stdout) == json.loads((FOLDER / "Venue.json").read_text(encoding="utf-8"))
