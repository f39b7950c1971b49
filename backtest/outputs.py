"""Files and folders for results: checked before a run, so that nothing is lost after it."""

import os
from pathlib import Path

from shared.domain.errors import BadConfig


def check_file(option: str, path: Path | None) -> None:
    """Check that a file can be written.

    Raises:
        BadConfig: its folder is not there, or it is a folder, or nobody may write it.
    """
    if path is None:
        return
    if path.is_dir():
        raise BadConfig(f"{option} {path}: this is a folder; name a file in it")
    if not path.parent.is_dir():
        raise BadConfig(f"{option} {path}: there is no folder {path.parent}; make it first, or write elsewhere")
    _check_rights(option, path, path if path.exists() else path.parent)


def check_folder(option: str, path: Path | None) -> None:
    """Check that a folder is there, or can be made, and be written to.

    Raises:
        BadConfig: a file is in its place, or nobody may write there.
    """
    if path is None:
        return
    there = next(found for found in (path, *path.absolute().parents) if found.exists())
    if not there.is_dir():
        raise BadConfig(f"{option} {path}: {there} is a file; name a folder")
    _check_rights(option, path, there)


def _check_rights(option: str, path: Path, there: Path) -> None:
    if not os.access(there, os.W_OK):
        raise BadConfig(f"{option} {path}: {there} may not be written to; change its rights, or write elsewhere")
