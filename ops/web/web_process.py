"""The dashboard as a process: its server on a thread, its feed on another, and the link that lets somebody in."""

import contextlib
import os
import socket
import sys
import threading
from typing import Any
from urllib.parse import urlencode

import uvicorn
from redis import Redis

from ops.operator.board_reader import read_board, shown_mode
from ops.operator.controls import who
from ops.web.app import build_app
from ops.web.jobs.job_runner import JobRunner
from ops.web.live.board_feed import BoardFeed
from ops.web.pages.running_settings import RunningSettings
from ops.web.security.gatekeeper import Gatekeeper
from ops.web.security.request_guard import RequestGuard, RequestRules
from ops.web.security.tokens import Role
from ops.web.settings import WebSettings
from ops.web.templating import PageWriter
from ops.web.web_parts import WebParts
from shared import logs
from shared.clock import Clock
from shared.domain.errors import BadConfig
from shared.process.beats import server_ms

_LOOK_S = 0.2
_END_S = 2
_MOST_CONNECTIONS = 100
_URL_FILE = "url"
_BEHIND = 5
"""How nice a dashboard is to the pipeline."""


class WebProcess:
    """The dashboard as `shared.process.service_runner` runs it."""

    name = "web"

    def __init__(self, settings: WebSettings, redis: Redis, clock: Clock, *, links: tuple[Role, ...] = ()) -> None:
        settings.check_place()
        self._settings, self._clock, self._links = settings, clock, links
        self._folder = settings.data_dir.resolve() / "web"
        self._socket = open_socket(settings)
        self._port: int = self._socket.getsockname()[1]
        self.parts = build_parts(settings, redis, clock, self._port)
        self._server = self._build_server()
        self._log = logs.get_logger("web")

    @property
    def url(self) -> str:
        """Return the address to open."""
        return self._settings.origin(self._port)

    def run(self, stop: threading.Event) -> None:
        """Serve until `stop`."""
        serving = threading.Thread(target=self._serve, name="web-server")
        looking = threading.Thread(target=self.parts.feed.keep_looking, args=(stop,), name="web-feed")
        file = self._folder / _URL_FILE
        file.write_text(self.url + "\n", encoding="ascii")
        try:
            serving.start()
            looking.start()
            self._say_links()
            while not self._clock.wait(stop, _LOOK_S) and serving.is_alive():
                pass
        finally:
            self._server.should_exit = self.parts.feed.closing = True
            self.parts.jobs.end()
            serving.join()
            file.unlink(missing_ok=True)

    def ready(self) -> bool:
        """Say whether it answers."""
        return self._server.started

    def snapshot(self) -> dict[str, Any]:
        """Return where it is."""
        return {"url": self.url}

    def _serve(self) -> None:
        with self._socket:
            self._server.run(sockets=[self._socket])

    def _build_server(self) -> uvicorn.Server:
        settings = self._settings
        rules = RequestRules(settings.hosts(self._port), settings.https, settings.web_trusted_proxy)
        config = uvicorn.Config(
            RequestGuard(build_app(self.parts), rules),
            http="h11",
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_END_S,
            ssl_certfile=settings.web_tls_cert,
            ssl_keyfile=settings.web_tls_key,
        )
        return uvicorn.Server(config)

    def _say_links(self) -> None:
        """Print the address and the links that were asked for; on another host the token alone lets in."""
        if self.parts.keeper.asks_token:
            say_link(f"dashboard: {self.url}  (log in with WEB_TOKEN)")
            return
        for role in self._links:
            link = link_url(self.url, self.parts.keeper.new_link(who(), role))
            say_link(f"dashboard: {link}  (once, within {self._settings.web_link_minutes:g} minutes)")


def build_parts(settings: WebSettings, redis: Redis, clock: Clock, port: int) -> WebParts:
    """Build what pages and actions share; nothing is asked of the server yet."""
    writer = PageWriter()
    prefix = "__Host-" if settings.https else ""
    return WebParts(
        settings=settings,
        redis=redis,
        clock=clock,
        keeper=build_keeper(settings, clock),
        writer=writer,
        feed=BoardFeed(
            lambda: read_board(redis, shown_mode(redis), server_ms(redis)), writer, clock, settings.web_refresh_s
        ),
        jobs=JobRunner({"REDIS_URL": settings.redis_url}, clock),
        told=RunningSettings(redis, clock),
        cookie=f"{prefix}hybrid_{port}",
    )


def build_keeper(settings: WebSettings, clock: Clock) -> Gatekeeper:
    """Build who lets in, on the folder that every dashboard of this data folder shares."""
    return Gatekeeper(
        settings.data_dir.resolve() / "web",
        clock,
        link_s=settings.web_link_minutes * 60,
        session_s=settings.web_session_hours * 3600,
        token=settings.web_token.get_secret_value() if settings.web_token else "",
    )


def step_back() -> None:
    """Let everything that trades go first, from the main thread on, before there are others."""
    os.nice(_BEHIND)


def open_socket(settings: WebSettings) -> socket.socket:
    """Listen.

    Raises:
        BadConfig: the port is taken, or no such address is here.
    """
    host, port = settings.web_host.strip("[]"), settings.web_port
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise BadConfig(f"WEB_HOST={host} WEB_PORT={port}: cannot listen there ({error}); choose another") from error


def known_address(settings: WebSettings) -> str:
    """Return the address of the dashboard that runs on this data folder, else the one that would."""
    file = settings.data_dir.resolve() / "web" / _URL_FILE
    with contextlib.suppress(OSError):
        return file.read_text(encoding="ascii").strip()
    return settings.origin(settings.web_port)


def say_link(line: str) -> None:
    """Write a line to stderr as it is: a link is a secret on purpose, for whoever reads it first, once."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def link_url(url: str, link: str) -> str:
    """Return a login link as somebody opens it."""
    return f"{url}/login?{urlencode({'link': link})}"
