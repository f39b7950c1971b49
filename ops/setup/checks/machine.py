"""The machine: Python, memory, open files, and the disk that the server's file grows on."""

import contextlib
import os
import platform
import resource
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from ops.setup.domain.check_line import CheckLine, failed, passed, warned
from shared.code_version import code_version
from shared.domain.exit_codes import BAD_CONFIG

GB = 1_000_000_000
LEAST_MEMORY = 1 * GB
LEAST_FILES = 1024
LEAST_DISK, LOW_DISK = GB // 10, GB
"""The append-only file of a busy day is some 100 MB, and is written anew beside the old one."""


def look_at_machine() -> Sequence[CheckLine]:
    """Say what this runs on."""
    cores, memory = os.cpu_count() or 1, _memory()
    found = f"hybrid {code_version()}, Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    found += f", {cores} cores, {memory / GB:.1f} GB"
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if memory and memory < LEAST_MEMORY:
        fix = "Give it 1 GB: the four programs and the server need about 0.5 GB"
        return [warned("machine", found, fix)]
    if 0 <= files < LEAST_FILES:
        return [warned("machine", f"{found}; only {files} open files are allowed", "ulimit -n 4096")]
    return [passed("machine", found)]


def look_at_disk(folder: Path) -> Sequence[CheckLine]:
    """Say how much room there is where the server's file grows, and whether we may write there."""
    place = _nearest(folder)
    if not os.access(place, os.W_OK | os.X_OK):
        return [failed("disk", f"{place} cannot be written by this user", f"chown {place}, or DATA_DIR", BAD_CONFIG)]
    free = shutil.disk_usage(place).free
    found = f"{free / GB:.1f} GB free where {folder} is"
    if free < LEAST_DISK:
        return [failed("disk", found, "Make room: a full disk stops the server, and with it every order")]
    if free < LOW_DISK:
        return [warned("disk", found, "Make room before it is full: 1 GB at least")]
    return [passed("disk", found)]


def _nearest(folder: Path) -> Path:
    """Return the folder, or the one that it would be made in."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    return place


def _memory() -> int:
    with contextlib.suppress(OSError, ValueError):
        if sys.platform != "win32":
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 0
