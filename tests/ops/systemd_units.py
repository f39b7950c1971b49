"""The units of `deploy/` as systemd reads them: a unit, then the drop-ins of its name's beginning and of its own.

Written from systemd.unit(5): a later assignment replaces an earlier one, except of lists, which grow until an empty
assignment begins them anew; `foo-.service.d/` is for every unit whose name begins with `foo-`.
"""

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNITS = ROOT / "deploy" / "systemd"
LIVE = ROOT / "deploy" / "systemd-live"
ONE_PROCESS = ROOT / "deploy" / "hybrid-signals.service"
NAMES = tuple(sorted(file.name for file in UNITS.glob("*.service")))
SIGNING = ("hybrid-buyer@.service", "hybrid-redeemer.service", "hybrid-worker@.service")
SILENT = ("hybrid-detector@.service", "hybrid-web.service", "hybrid-alerts.service")


def said(name: str, *, live: bool = False) -> dict[str, list[str]]:
    """Return every setting of a unit with all its values, as its files say them."""
    files = [UNITS / name, UNITS / "hybrid-.service.d" / "10-common.conf"]
    files += [LIVE / f"{name}.d" / "live.conf"] if live else []
    found: dict[str, list[str]] = {}
    for file in files:
        for setting, value in read_lines(file):
            found[setting] = [*found.get(setting, []), value] if value else []
    return found


def read_lines(file: Path) -> list[tuple[str, str]]:
    """Return the assignments of one file in order."""
    lines = [line for line in file.read_text().splitlines() if "=" in line and not line.startswith("#")]
    return [(name, value) for name, _, value in (line.partition("=") for line in lines)]


def installed(folder: Path, *, live: bool = False) -> Path:
    """Lay the units out as their first lines tell to, each starting a program that is there."""
    shutil.copytree(UNITS, folder, dirs_exist_ok=True)
    shutil.copy(ONE_PROCESS, folder)
    if live:
        shutil.copytree(LIVE, folder, dirs_exist_ok=True)
    for file in (*folder.glob("*.service"), *folder.glob("*.d/*.conf")):
        lines = [
            f"ExecStart={shutil.which('true')}" if line.startswith("ExecStart=/") else line
            for line in file.read_text().splitlines()
        ]
        file.write_text("\n".join(lines) + "\n")
    return folder


def systemd_analyze() -> str:
    """Return the command that judges units, or skip."""
    return shutil.which("systemd-analyze") or pytest.skip(
        "systemd-analyze is not installed here (Debian's package systemd)"
    )
