"""Write a file of settings whole or not at all: nobody else may read it, and what stood there is kept beside it."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from dotenv import dotenv_values

from ops.setup.domain.env_lines import env_text
from shared.domain.errors import BadConfig

MODE = 0o600


def read_settings(file: Path) -> dict[str, str]:
    """Return the settings that stand in a file, '' for those without a value; none where there is no file.

    Raises:
        BadConfig: it cannot be read as text.
    """
    if not file.exists():
        return {}
    try:
        return {name: value or "" for name, value in dotenv_values(file, encoding="utf-8", interpolate=False).items()}
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"{file}: cannot be read ({type(error).__name__}); move it away, or give --env-file") from None


def write_settings(file: Path, settings: Mapping[str, str], check: Callable[[Path], object]) -> Path | None:
    """Write the file in one step once `check` has passed it; return where the old one is kept, None without one.

    Raises:
        BadConfig: the folder cannot be written; and whatever `check` raises. Nothing has changed then.
    """
    draft, kept = file.with_name(file.name + ".new"), file.with_name(file.name + ".bak")
    try:
        write_private(draft, env_text(settings))
        check(draft)
        if file.exists():
            _keep(file, kept)
        else:
            kept = None
        draft.replace(file)
    except OSError as error:
        raise BadConfig(f"{file}: cannot be written ({error.strerror}); give --env-file") from None
    finally:
        draft.unlink(missing_ok=True)
    return kept


def write_private(file: Path, text: str) -> None:
    """Write a new file that nobody else can read, synced to the disk; what stood there is replaced."""
    file.unlink(missing_ok=True)  # never through a link, and never with the mode of before
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())


def _keep(file: Path, kept: Path) -> None:
    """Copy the old file, so that there is no moment without one."""
    write_private(kept, file.read_text(encoding="utf-8"))
