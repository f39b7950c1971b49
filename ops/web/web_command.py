"""`hybrid web`: the dashboard by itself, and login links of one that runs."""

import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

from ops.web.settings import WebSettings
from shared.config import parse
from shared.domain.errors import BadConfig, DependencyMissing

_NEEDED = ("fastapi", "jinja2", "python_multipart", "uvicorn")


@dataclass(frozen=True)
class WebFlags:
    """What the command line said: None and '' leave a setting as it is."""

    env_file: str | None
    data_dir: Path
    host: str | None = None
    port: int | None = None

    def settings(self, redis_url: str | None = None) -> WebSettings:
        """Return the settings.

        Raises:
            BadConfig, RefusedForSafety: they cannot be used.
        """
        given: dict[str, Any] = {"web_host": self.host, "web_port": self.port, "redis_url": redis_url}
        given |= {"data_dir": self.data_dir} if self.data_dir != Path("var") else {}
        words = ["--env-file", self.env_file] if self.env_file else []
        found = parse(WebSettings, words, **{name: value for name, value in given.items() if value is not None})
        found.check_place()
        return found


def main(flags: WebFlags, redis_url: str, *, viewer: bool) -> NoReturn:
    """Become the dashboard: a process that holds nothing of the command line.

    Raises:
        DependencyMissing: the extra `web` is not installed.
        BadConfig, RefusedForSafety: the settings cannot be used.
    """
    demand_extra()
    settings = flags.settings(redis_url)
    told = {"REDIS_URL": redis_url, "DATA_DIR": str(settings.data_dir), "MALLOC_ARENA_MAX": "1"}
    told |= {"WEB_HOST": settings.web_host, "WEB_PORT": str(settings.web_port)}
    told |= {"WEB_LINK_ROLE": "viewer"} if viewer else {}
    told |= {"HYBRID_ENV_FILE": flags.env_file} if flags.env_file else {}
    words = [sys.executable, "-P", "-m", "ops.web"]
    os.execve(sys.executable, words, {**os.environ, **told})  # noqa: S606 - our own program


def print_link(flags: WebFlags, *, viewer: bool) -> None:
    """Print a new login link of the dashboard that uses this data folder.

    Raises:
        BadConfig: it logs in with a token.
    """
    demand_extra()
    settings = flags.settings()
    if settings.web_token is not None and not settings.on_loopback:
        raise BadConfig("WEB_TOKEN is set: on another host than loopback that alone logs in")
    from ops.operator.controls import who  # noqa: PLC0415 - only where a link is made
    from ops.web.web_process import build_keeper, known_address, link_url  # noqa: PLC0415 - needs the extra `web`
    from shared.clock import SystemClock  # noqa: PLC0415 - as above

    word = build_keeper(settings, SystemClock()).new_link(who(), "viewer" if viewer else "operator")
    sys.stdout.write(link_url(known_address(settings), word) + "\n")


def check_web(env_file: str | None, data_dir: Path) -> None:
    """Refuse what the dashboard could not start with, before anything else starts.

    Raises:
        DependencyMissing: the extra `web` is not installed.
        BadConfig, RefusedForSafety: its settings cannot be used.
    """
    demand_extra()
    WebFlags(env_file, data_dir).settings()


def demand_extra() -> None:
    """Refuse where the extra `web` is missing.

    Raises:
        DependencyMissing: with how to get it.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        fix = "`make install`, or pip install 'hybrid-signals[web]'"
        raise DependencyMissing(f"the dashboard needs the extra `web` ({missing[0]} is not installed): {fix}")
