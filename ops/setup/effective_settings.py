"""Each setting of every program: its value, secrets hidden, and where it comes from."""

import os
from collections.abc import Mapping
from typing import Any

from dotenv import dotenv_values

from ops.setup.readable_settings import FoundSettings


def effective_settings(found: FoundSettings, env_file: str | None) -> dict[str, dict[str, Any]]:
    """Return by program: name -> value and source, `default` where nobody set it."""
    in_file = dotenv_values(env_file, encoding="utf-8", interpolate=False) if env_file else {}
    programs = {"up": found.up, "detector": found.detector, "buyer": found.buyer, "redeemer": found.redeemer}
    return {
        program: {
            name.upper(): {"value": value, "from": _source(name, env_file, in_file)}
            for name, value in settings.published().items()
        }
        for program, settings in programs.items()
    }


def _source(name: str, env_file: str | None, in_file: Mapping[str, str | None]) -> str:
    for place, settings in (("environment", os.environ), (env_file or "", in_file)):
        if any(each.upper() == name.upper() and value for each, value in settings.items()):
            return place
    return "default"
