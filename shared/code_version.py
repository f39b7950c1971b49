"""The installed version of this project."""

from importlib import metadata


def code_version() -> str:
    """Return the installed version, "unknown" where the project is not installed."""
    try:
        return metadata.version("hybrid-signals")
    except metadata.PackageNotFoundError:
        return "unknown"
