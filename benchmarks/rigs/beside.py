"""The code of another commit beside this tree: by the same interpreter and packages, in the same run, in turns."""

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

HERE = Path(__file__).resolve().parents[2]
"""This tree."""
NOW, THEN = "now", "then"
T = TypeVar("T")


@contextmanager
def trees(commit: str) -> Generator[dict[str, Path]]:
    """Yield this tree and, where a commit is named, that one's code in a folder that goes away again.

    Raises:
        subprocess.CalledProcessError: no such commit.
    """
    if not commit:
        yield {NOW: HERE}
        return
    packed = subprocess.run(["git", "archive", commit], cwd=HERE, check=True, stdout=subprocess.PIPE).stdout  # noqa: S607 - git of the PATH
    with tempfile.TemporaryDirectory(prefix="beside-") as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as files:
            files.extractall(folder, filter="data")
        yield {NOW: HERE, THEN: Path(folder)}


def environment(tree: Path, **more: str) -> dict[str, str]:
    """Return the environment in which a tree's own code is imported, and compiled once."""
    ours = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**ours, "PYTHONPATH": str(tree), "HYBRID_ENV_FILE": "", **more}


def output_of(tree: Path, words: Sequence[str], *, given: str = "") -> str:
    """Run Python with these words on a tree's code; return what it printed.

    Raises:
        subprocess.CalledProcessError: it failed; it said on stderr why.
    """
    command = [sys.executable, "-P", *words]
    done = subprocess.run(
        command, cwd=tree, env=environment(tree), check=True, stdout=subprocess.PIPE, text=True, input=given
    )
    return done.stdout


def in_turns(places: dict[str, Path], runs: int, run: Callable[[Path], T]) -> dict[str, list[T]]:
    """Run every tree in turn, so often: what slows the machine for a while slows all of them."""
    found: dict[str, list[T]] = {name: [] for name in places}
    for turn in range(runs):
        for name in list(places)[:: 1 if turn % 2 == 0 else -1]:
            found[name].append(run(places[name]))
    return found
