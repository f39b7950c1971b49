"""What processes used so far: CPU and memory, as `/proc` says."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


def cpu_s(pid: int | None) -> float:
    """Return the CPU seconds of a running process, user and system."""
    return sum(int(ticks) for ticks in _fields(pid)[11:13]) / TICKS


def parents() -> dict[int, int]:
    """Return the parent of each process that runs, by its id."""
    found: dict[int, int] = {}
    for entry in PROC.iterdir():
        if entry.name.isdecimal():
            try:
                found[int(entry.name)] = int(_fields(int(entry.name))[1])
            except OSError:
                continue
    return found


def below(root: int) -> list[int]:
    """Return the processes that `root` started, and theirs."""
    known, found = parents(), [root]
    for pid in found:
        found += [child for child, parent in known.items() if parent == pid]
    return found[1:]


def pss_mb(pid: int) -> float:
    """Return the memory of a process, what it shares divided by those who share it, in MB."""
    lines = (PROC / str(pid) / "smaps_rollup").read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines if line.startswith("Pss:"))
    return int(line.split()[1]) / 1024


def _fields(pid: int | None) -> list[str]:
    """Return the words of a process's `stat` behind its name."""
    return (PROC / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
