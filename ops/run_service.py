"""`python -m ops.run_service`: detector, buyer and redeemer in one process, on one stop event (S6).

Signals go to the buyer by callback, at once; the stream delivers each again, so a crash in between loses nothing, and
the buyer's journal makes the second delivery harmless.
"""

from shared.process.early_signals import early_signals

with early_signals("service"):
    import contextlib
    import sys
    import threading
    from collections.abc import Generator
    from pathlib import Path
    from typing import Any, ClassVar, Self

    from pydantic import Field, PrivateAttr

    from buyer import composition as buyer_bootstrap
    from buyer.config import BuyerSettings
    from buyer.config import parse_args as buyer_args
    from buyer.shard_supervisor import ShardSupervisor
    from detector.config import DetectorSettings
    from detector.config import parse_args as detector_args
    from detector.service import HybridDetector
    from ops.supervisor.server_folder import embedded_server
    from ops.supervisor.server_keeper import kept_running
    from redeemer import composition as redeemer_bootstrap
    from redeemer.config import RedeemerSettings
    from redeemer.config import parse_args as redeemer_args
    from redeemer.watcher import ResolutionWatcher
    from shared import logs
    from shared.clock import SystemClock
    from shared.config import Settings, parse
    from shared.domain.errors import HybridError, TryAgain
    from shared.domain.trading_words import PAPER, WORDS, Mode, trading_mode
    from shared.messages.base import Event
    from shared.messages.events import write_event
    from shared.messages.signals import ActionableSignal
    from shared.messages.value_codec import codec_of
    from shared.process import outlet
    from shared.process.beats import State
    from shared.process.refused_start import stay_refused
    from shared.process.service_runner import leave, run
    from shared.process.shutdown_signals import Inbox, ToldToStop, listen_signals
    from shared.process.stderr_lines import say_event, say_stopped
    from shared.process.stop_event import Pulse
    from shared.redis.client import connect_redis
    from shared.redis.connection.key_prefix import with_prefix

MOST_WAITING = 1000
"""Signals handed over and not yet decided; beyond that they come by the stream alone."""


class ServiceSettings(Settings):
    """What the one-process form adds to its parts' settings (those come from the environment or the env file).

    Examples: `python -m ops.run_service --env-file .env --dry-run --runtime-seconds 60`;
    `python -m ops.run_service --env-file .env --live --no-dry-run` trades with real money, once the preflight passed.
    """

    program: ClassVar[str] = "python -m ops.run_service"

    live: bool = Field(default=False, description="Trade with real money. Off: paper orders on the real book.")
    dry_run: bool = Field(default=True, description="Paper orders only; must be switched off as well for --live.")
    redeem: bool = Field(default=True, description="Redeem resolved holdings in this process too.")
    data_dir: Path = Field(Path("var"), description="Where the embedded server keeps its data when REDIS_URL is unset.")
    _parts: dict[str, Settings] = PrivateAttr(default_factory=dict[str, Settings])

    @property
    def mode(self) -> Mode:
        """Return what all parts trade with.

        Raises:
            RefusedForSafety: only one of the two words for real money was given.
        """
        return trading_mode(live=self.live, dry_run=self.dry_run)

    def with_parts(self, redis_url: str, parts: dict[str, Settings]) -> Self:
        """Return these settings on `redis_url`, publishing those of each part as well."""
        whole = self.model_copy(update={"redis_url": redis_url})
        whole._parts.update(parts)  # noqa: SLF001 - our own copy
        return whole

    def published(self) -> dict[str, Any]:
        """Return the settings of the service and of its parts, for SERVICE_START."""
        return {**super().published(), **{name: part.published() for name, part in self._parts.items()}}


class ServiceRunner:
    """Everything on one stop event: one part that ends with an error ends the process."""

    name = "service"

    def __init__(self, detector: DetectorSettings, buyer: BuyerSettings, redeemer: RedeemerSettings | None) -> None:
        self._settings = (detector, buyer, redeemer)
        self._detector: HybridDetector | None = None
        self._buyer: buyer_bootstrap.BuiltBuyer | None = None
        self._redeemer: ResolutionWatcher | None = None
        self._pulses: dict[str, Pulse] = {}

    def run(self, stop: threading.Event) -> None:
        """Run all parts until `stop`; one process for each buyer's name (pitfall 21)."""
        with buyer_bootstrap.only_one(self._settings[1]):
            try:
                self._run(stop)
            except TryAgain:
                if not stop.is_set():
                    raise
            finally:
                if self._buyer is not None:
                    self._buyer.mode.close()

    def ready(self) -> bool:
        """Say whether the buyer decides, and no part hangs."""
        hanging = any(not pulse.beats() for pulse in self._pulses.values())
        return self._buyer is not None and self._buyer.service.ready() and not hanging

    def parts(self) -> dict[str, State]:
        """Return how each part stands, as it would say of itself as a process."""
        built = {"detector": self._detector, "buyer": self._buyer and self._buyer.service, "redeemer": self._redeemer}
        return {name: _state(self._pulses[name], part) for name, part in built.items() if part is not None}

    def snapshot(self) -> dict[str, Any]:
        """Return each part's numbers: `buyer` and `price_feed` above all."""
        bought = self._buyer.service.snapshot() if self._buyer else {}
        return {
            "buyer": {name: value for name, value in bought.items() if name != "prices"},
            "price_feed": bought.get("prices", {}),
            "redeemer": self._redeemer.snapshot() if self._redeemer else {},
            "detector": self._detector.snapshot() if self._detector else {},
        }

    def _run(self, stop: threading.Event) -> None:
        """Run the detector here, buyer and redeemer on threads of their own."""
        detector, buyer, redeemer = self._settings
        pulses = self._pulses = {name: Pulse(stop, SystemClock()) for name in ("detector", "buyer", "redeemer")}
        bought = self._buyer = buyer_bootstrap.build_buyer(
            buyer, stop=pulses["buyer"], waiting=MOST_WAITING, emit=print_event
        )
        if redeemer is not None:
            self._redeemer = redeemer_bootstrap.build_inline(redeemer, stop=pulses["redeemer"], emit=print_event)
        self._detector = HybridDetector(
            detector,
            signal_callback=lambda payload: _hand_over(payload, bought),
            progress_callback=bought.service.warm,
            stop_event=pulses["detector"],
        )
        parts = [part for part in (bought.service, self._redeemer) if part is not None]
        threads = [threading.Thread(target=part.run, args=(pulses[part.name],), name=part.name) for part in parts]
        for thread in threads:
            thread.start()
        try:
            self._detector.run()
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def _state(pulse: Pulse, part: HybridDetector | ShardSupervisor | ResolutionWatcher) -> State:
    """Return how a part stands; one that no loop looks after any more hangs, whatever it says of itself."""
    if not pulse.beats():
        return "hangs"
    return "up" if part.ready() else "not ready"


def print_event(event: Event) -> None:
    """Write an event to stdout as one JSON line."""
    outlet.print_line(write_event(event))


def main(argv: list[str] | None = None) -> int:
    """Run the service; return its exit code."""
    inbox = Inbox()
    with listen_signals(inbox):
        outlet.install_outlet()
        code = _told_or_run(argv, inbox)
        stay_refused("service", code, inbox)
        return code


def _told_or_run(argv: list[str] | None, inbox: Inbox) -> int:
    try:
        settings = parse(ServiceSettings, argv)
        mode = settings.mode
        with _server(settings) as redis_url:
            return _run(settings, redis_url, sys.argv[1:] if argv is None else argv, mode, inbox)
    except ToldToStop as told:
        return say_stopped("service", told)
    except HybridError as error:
        return say_event("service", error)


def _run(settings: ServiceSettings, redis_url: str, argv: list[str], mode: Mode, inbox: Inbox) -> int:
    """Give each part the environment, the env file, the server and the mode; never other flags of ours (pitfall 32)."""
    words = ["--redis-url", redis_url, *_env_file(argv)]
    detector, buyer = detector_args(words), buyer_args([*words, *WORDS[mode]])
    redeemer = _redeemer(settings, [*words, *WORDS[mode]])
    if mode == PAPER:
        buyer, redeemer = buyer.without_keys(), redeemer.without_keys() if redeemer else None
    parts: dict[str, Settings] = {"detector": detector, "buyer": buyer}
    if redeemer is not None:
        parts["redeemer"] = redeemer
    whole = settings.with_parts(redis_url, parts)
    service = ServiceRunner(detector, buyer, redeemer)
    redis, clock = connect_redis(redis_url), SystemClock()
    return run(service, whole, redis=redis, clock=clock, mode=mode, emit=print_event, inbox=inbox)


def _redeemer(settings: ServiceSettings, words: list[str]) -> RedeemerSettings | None:
    """Return the redeemer's settings; None without one, and where a live one is not configured (S6)."""
    if not settings.redeem:
        return None
    redeemer = redeemer_args(words)
    unheard = redeemer.live and redeemer.relayed and redeemer.relayer_api_key is None
    if unheard and "redeem" not in settings.model_fields_set:
        logs.get_logger("service").info("redeemer_left_out", fix="set RELAYER_API_KEY and RELAYER_API_KEY_ADDRESS")
        return None
    return redeemer


def _env_file(argv: list[str]) -> list[str]:
    for number, word in enumerate(argv):
        if word == "--env-file" and number + 1 < len(argv):
            return ["--env-file", argv[number + 1]]
        if word.startswith("--env-file="):
            return [word]
    return []


@contextlib.contextmanager
def _server(settings: ServiceSettings) -> Generator[str]:
    """Give the server's URL: REDIS_URL when it is set, otherwise one of our own that is alone on its folder.

    Ours is started again when it ends by itself, on the same port and data: the parts wait for it.
    """
    if "redis_url" in settings.model_fields_set:
        yield settings.redis_url
        return
    with embedded_server(settings.data_dir, SystemClock()) as server, kept_running(server, SystemClock()):
        yield with_prefix(server.url, settings.hs_prefix)


def _hand_over(payload: dict[str, Any], bought: buyer_bootstrap.BuiltBuyer) -> None:
    bought.service.submit(codec_of(ActionableSignal).of_plain(payload))


if __name__ == "__main__":
    leave(main())
