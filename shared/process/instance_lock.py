"""One process for each name: a lock file that the kernel frees however its holder dies."""

import contextlib
import fcntl
import os
from collections.abc import Generator
from pathlib import Path
from typing import TextIO

from shared.domain.errors import BadConfig, RefusedForSafety


@contextlib.contextmanager
def instance_lock(name: str, folder: Path) -> Generator[Path]:
    """Hold `folder/name.lock` while the block runs; the kernel frees it however the process dies.

    Raises:
        RefusedForSafety: another process holds it: two of one name would read each other's entries; or the folder is
            somebody else's, who could take the lock away.
        BadConfig: the file cannot be written there.
    """
    path = folder / f"{name}.lock"
    with _lock_file(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            raise RefusedForSafety(f"{name} runs already (process {owner} holds {path}): stop it first") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield path


def _refuse_strangers(folder: Path) -> None:
    """Refuse a folder that somebody else owns: who made it first in /tmp could replace what stands in it."""
    owner = folder.stat().st_uid
    if owner != os.getuid():
        fix = "set RUN_DIR (or --data-dir) to a folder of your own"
        raise RefusedForSafety(f"{folder} belongs to user {owner}, not to you ({os.getuid()}): {fix}")


def _lock_file(path: Path) -> TextIO:
    """Open the lock's file; a link somebody left in a shared folder is not followed, for what it names is emptied."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_strangers(path.parent)
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        fix = "set RUN_DIR (or --data-dir) to a folder of your own"
        raise BadConfig(f"{path}: cannot be locked ({error.strerror}); {fix}") from error
    return os.fdopen(number, "a+", encoding="ascii")
