"""Settings of all programs as far as they can be read: what is wrong in one of them must not hide the rest."""

import contextlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from buyer.config import BuyerSettings
from detector.config import DetectorSettings
from ops.config import UpSettings
from redeemer.config import RedeemerSettings
from shared.config import Settings, explain_error, parse
from shared.domain.errors import BadConfig, HybridError

_NEXT = re.compile(r"; (?=[A-Z][A-Z0-9_]+(?:=| \())")
"""Where the next wrong setting begins in an error; within one, `; ` comes before the fix."""
Model = TypeVar("Model", bound=Settings)


@dataclass(frozen=True)
class FoundSettings:
    """What each program would start with, `problems` that stop a start, and what was said of doubtful names."""

    up: UpSettings
    detector: DetectorSettings
    buyer: BuyerSettings
    redeemer: RedeemerSettings
    problems: tuple[HybridError, ...]
    doubts: tuple[str, ...]

    @property
    def wants_live(self) -> bool:
        """Say whether both words for real money are given."""
        return self.up.live and not self.up.dry_run

    @property
    def has_key(self) -> bool:
        """Say whether a signing key is named."""
        return self.buyer.private_key is not None or self.buyer.private_key_file is not None


def find_settings(env_file: str | None, flags: list[str] | None = None) -> FoundSettings:
    """Return the settings of every program, as `hybrid up` would give them."""
    words = [*(["--env-file", env_file] if env_file else []), *(flags or [])]
    said, problems = io.StringIO(), list[HybridError]()
    with contextlib.redirect_stderr(said):
        up = _read(UpSettings, words, env_file, problems)
        detector = _read(DetectorSettings, words, env_file, problems)
        buyer = _read(BuyerSettings, words, env_file, problems)
        redeemer = _read(RedeemerSettings, words, env_file, problems)
    doubts = dict.fromkeys(line.partition(": ")[2] for line in said.getvalue().splitlines())
    return FoundSettings(up, detector, buyer, redeemer, _each_once(problems), tuple(doubts))


def settings_of(model: type[Model], found: Mapping[str, str]) -> Model:
    """Return what a program would be told by these settings, which beat the environment here.

    Raises:
        BadConfig: a value does not fit; naming it.
    """
    named = {name.lower(): value for name, value in found.items() if name.lower() in model.model_fields and value}
    try:
        return model(**named)  # pyright: ignore[reportArgumentType] - pydantic reads the words
    except ValidationError as error:
        raise BadConfig(explain_error(model, error)) from error


def _read(model: type[Model], words: list[str], env_file: str | None, problems: list[HybridError]) -> Model:
    try:
        return parse(model, words)
    except HybridError as error:
        problems.append(error)
    return _what_fits(model, env_file)


def _what_fits(model: type[Model], env_file: str | None) -> Model:
    """Return the settings with each value that does not fit left at its default."""
    left: dict[str, Any] = {}
    for _ in model.model_fields:
        try:
            return model(_env_file=env_file, **left)  # pyright: ignore[reportCallIssue] - pydantic-settings' own argument
        except ValidationError as error:
            wrong = {str(problem["loc"][0]) for problem in error.errors(include_url=False) if problem["loc"]}
            if not wrong - left.keys():
                break
            left |= {name: model.model_fields[name].default for name in wrong}
        except (OSError, ValueError):  # a file that is no text, which its own line names
            env_file = None
    return model.model_construct()


def _each_once(problems: list[HybridError]) -> tuple[HybridError, ...]:
    """Return each problem once: what all programs share, each of them says."""
    parts = {part: type(problem) for problem in problems for part in _NEXT.split(str(problem))}
    return tuple(kind(part) for part, kind in parts.items())
