"""A detector's name among detectors: the same after a restart, so that it has its own leaders back at once."""

import fcntl
import os
from pathlib import Path

from detector.config import DetectorSettings
from shared.process.process_name import installation_address, process_address

_MOST_PLACES = 64
_LOCKED_FILES: list[int] = []
"""Never closed: a lock lasts as long as its file is open, and so as long as we live."""


def claim_instance_name(cfg: DetectorSettings) -> str:
    """Return a name with this machine's first free place; the kernel frees it however we die.

    INSTANCE is only the word before it: two detectors that were given the same one share the leaders, too.
    """
    word = cfg.instance or "detector"
    for place in range(_MOST_PLACES):
        if _lock_file(cfg.run_dir / f"detector-place-{place}.lock"):
            return f"{word}@{installation_address(cfg.run_dir)}/{place}"
    return f"{word}@{process_address()}"


def _lock_file(path: Path) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not inherited by children: one that outlives us would keep our place.
        file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return False
    _LOCKED_FILES.append(file)
    return True
