"""Marks of what counts once or no more: links that were used, sessions that were ended. A file each, over restarts."""

import os
from pathlib import Path

_KEPT_MS = 40 * 86_400_000
"""Longer than any link or session lasts."""


class SpentMarks:
    """The marks in one folder."""

    def __init__(self, folder: Path, now_ms: int) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for mark in folder.iterdir():
            if mark.stat().st_mtime * 1000 < now_ms - _KEPT_MS:
                mark.unlink(missing_ok=True)

    def spend(self, name: str) -> bool:
        """Mark a name; return False where it was marked before, by whatever process."""
        try:
            os.close(os.open(self._folder / name, os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            return False
        return True

    def is_spent(self, name: str) -> bool:
        """Say whether a name is marked."""
        return (self._folder / name).exists()
