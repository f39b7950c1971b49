"""The file of settings that `hybrid` reads where no other is named: `.env`, as .env.example says."""

import os
from pathlib import Path

from dotenv import dotenv_values

USUAL = Path(".env")


def find_env_file(given: Path | None = None) -> str | None:
    """Return the file given, else HYBRID_ENV_FILE (none where that is empty), else `.env` of this folder if any."""
    told = str(given) if given else os.environ.get("HYBRID_ENV_FILE")
    if told is not None:
        return told or None
    return str(USUAL) if USUAL.is_file() else None


def read_env_file(name: str) -> str | None:
    """Return a setting of the environment or the file as it stands there.

    Nothing else in the file is looked at: whoever stops orders must find the server whatever is wrong in it.
    """
    file = find_env_file()
    try:
        kept = dotenv_values(file) if file else {}
    except (OSError, UnicodeDecodeError):
        kept = {}
    return os.environ.get(name) or kept.get(name) or None
