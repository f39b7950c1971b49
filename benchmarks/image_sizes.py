"""`python -m benchmarks.image_sizes`: what each stage of the Dockerfile installs, in megabytes, without an engine.

The stages' own commands are run on a copy in a folder: a virtual environment, the lock with its hashes, this package,
and then neither pip nor setuptools. The base image is not in it: `docker image ls` shows the sum where an engine runs.
`python -m benchmarks.image_sizes slim` measures one stage.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = {"slim": "requirements.lock", "report": "requirements-report.lock"}
NOT_COPIED = (".git", ".venv", "var", "build", "captures", "tests", "__pycache__", "*.egg-info", ".env")
SHOWN = 8
MEGABYTE = 1_000_000


def main() -> None:
    """Print a line for each stage, and its largest packages; then the sizes as one JSON line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.image_sizes", description=__doc__)
    parser.add_argument(
        "stages", nargs="*", metavar="STAGE", help=f"any of {', '.join(LOCKS)}; all where none is named"
    )
    found: dict[str, float] = {}
    for stage in parser.parse_args().stages or LOCKS:
        if stage not in LOCKS:
            parser.error(f"{stage!r} is no stage of the Dockerfile; there are {', '.join(LOCKS)}")
        lock = LOCKS[stage]
        with tempfile.TemporaryDirectory() as folder:
            environment = Path(folder) / "venv"
            source = shutil.copytree(ROOT, Path(folder) / "src", ignore=shutil.ignore_patterns(*NOT_COPIED))
            install_stage(environment, source, lock)
            sizes = package_sizes(environment)
        largest = ", ".join(f"{name} {size / MEGABYTE:.0f}" for name, size in sizes.most_common(SHOWN))
        print(f"{stage:<8}{sizes.total() / MEGABYTE:6.0f} MB  {lock}  ({largest})", flush=True)
        found[stage] = round(sizes.total() / MEGABYTE, 1)
    print(json.dumps({"benchmark": "image_sizes", "megabytes": found}))


def install_stage(environment: Path, source: Path, lock: str) -> None:
    """Carry out what the Dockerfile's stage does with a copy of the sources."""
    pip = [str(environment / "bin" / "pip"), "--quiet", "--disable-pip-version-check"]
    commands = (
        [sys.executable, "-m", "venv", str(environment)],
        [*pip, "install", "--require-hashes", "-r", lock],
        [*pip, "install", "--no-deps", "--no-build-isolation", "."],
        [*pip, "uninstall", "--yes", "pip", "setuptools"],
    )
    for command in commands:
        subprocess.run(command, cwd=source, check=True)


def package_sizes(environment: Path) -> Counter[str]:
    """Return the bytes of each folder that packages were installed to, of everything else by its own top folder."""
    found: Counter[str] = Counter()
    for file in environment.rglob("*"):
        if file.is_file() and not file.is_symlink():
            places = file.relative_to(environment).parts
            _, _, package = file.as_posix().partition("/site-packages/")
            found[package.split("/", 1)[0] or places[0]] += file.stat().st_size
    return found


if __name__ == "__main__":
    main()
