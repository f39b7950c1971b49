"""`python -m ops.run_service`: detector, buyer and redeemer in one process, on one stop event (S6).

Signals go to the buyer by callback, at once; the stream delivers each again, so a crash in between loses nothing, and
the buyer's journal makes the second delivery harmless.
"""

import contextlib
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, PrivateAttr

from buyer import bootstrap as buyer_bootstrap
from buyer.config import BuyerSettings
from buyer.config import parse_args as buyer_args
from buyer.sharded import ShardedBuyer
from detector.config import DetectorSettings
from detector.config import parse_args as detector_args
from detector.service import HybridDetector
from ops.server import embedded_server
from redeemer import bootstrap as redeemer_bootstrap
from redeemer.config import RedeemerSettings
from redeemer.config import parse_args as redeemer_args
from redeemer.service import Redeemer
from shared import exits
from shared.beats import State
from shared.broker import connect
from shared.clock import SystemClock
from shared.config import Settings, parse
from shared.errors import HybridError, RefusedForSafety
from shared.events import ActionableSignal, Event, write_event
from shared.process import leave, run
from shared.stop import Pulse

MOST_WAITING = 1000
"""Signals handed over and not yet decided; beyond that they come by the stream alone."""


class ServiceSettings(Settings):
    """What the one-process form adds to its parts' settings (those come from the environment or the env file).

    Example: `python -m ops.run_service --env-file .env --dry-run --runtime-seconds 60`.
    """

    program: ClassVar[str] = "python -m ops.run_service"

    dry_run: bool = Field(default=True, description="Paper orders only.")
    redeem: bool = Field(default=True, description="Redeem resolved holdings in this process too.")
    data_dir: Path = Field(Path("var"), description="Where the embedded server keeps its data when REDIS_URL is unset.")
    _parts: dict[str, Settings] = PrivateAttr(default_factory=dict[str, Settings])

    def with_parts(self, redis_url: str, parts: dict[str, Settings]) -> Self:
        """Return these settings on `redis_url`, publishing those of each part as well."""
        whole = self.model_copy(update={"redis_url": redis_url})
        whole._parts.update(parts)  # noqa: SLF001 - our own copy
        return whole

    def published(self) -> dict[str, Any]:
        """Return the settings of the service and of its parts, for SERVICE_START."""
        return {**super().published(), **{name: part.published() for name, part in self._parts.items()}}


class HybridService:
    """Everything on one stop event: one part that ends with an error ends the process."""

    name = "service"

    def __init__(self, detector: DetectorSettings, buyer: BuyerSettings, redeemer: RedeemerSettings | None) -> None:
        buyer_bootstrap.refuse_live(buyer)
        self._settings = (detector, buyer, redeemer)
        self._detector: HybridDetector | None = None
        self._buyer: buyer_bootstrap.Built | None = None
        self._redeemer: Redeemer | None = None
        self._pulses: dict[str, Pulse] = {}

    def run(self, stop: threading.Event) -> None:
        """Run all parts until `stop`; one process for each buyer's name (trap 21)."""
        with buyer_bootstrap.only_one(self._settings[1]):
            self._run(stop)

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
        bought = self._buyer = buyer_bootstrap.build(
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


def _state(pulse: Pulse, part: HybridDetector | ShardedBuyer | Redeemer) -> State:
    """Return how a part stands; one that no loop looks after any more hangs, whatever it says of itself."""
    if not pulse.beats():
        return "hangs"
    return "up" if part.ready() else "not ready"


def print_event(event: Event) -> None:
    """Write an event to stdout as one JSON line."""
    sys.stdout.write(write_event(event) + "\n")
    sys.stdout.flush()


def main(argv: list[str] | None = None) -> int:
    """Run the service; return its exit code."""
    try:
        settings = parse(ServiceSettings, argv)
        if not settings.dry_run:
            raise RefusedForSafety("--no-dry-run: this version trades on paper only and nothing was started")
        with _server(settings) as redis_url:
            return _run(settings, redis_url, sys.argv[1:] if argv is None else argv)
    except HybridError as error:
        sys.stderr.write(exits.plain_line("service", error) + "\n")
        return exits.exit_code(error)


def _run(settings: ServiceSettings, redis_url: str, argv: list[str]) -> int:
    """Give each part the environment, the env file and the server; never this program's own flags (trap 32)."""
    words = ["--redis-url", redis_url, *_env_file(argv)]
    detector, buyer = detector_args(words), buyer_args(words)
    redeemer = redeemer_args(words) if settings.redeem else None
    parts: dict[str, Settings] = {"detector": detector, "buyer": buyer}
    if redeemer is not None:
        parts["redeemer"] = redeemer
    whole = settings.with_parts(redis_url, parts)
    service = HybridService(detector, buyer, redeemer)
    return run(service, whole, redis=connect(redis_url), clock=SystemClock(), mode="paper", emit=print_event)


def _env_file(argv: list[str]) -> list[str]:
    for number, word in enumerate(argv):
        if word == "--env-file" and number + 1 < len(argv):
            return ["--env-file", argv[number + 1]]
        if word.startswith("--env-file="):
            return [word]
    return []


@contextlib.contextmanager
def _server(settings: ServiceSettings) -> Generator[str]:
    """Give the server's URL: REDIS_URL when it is set, otherwise one of our own that is alone on its folder."""
    if "redis_url" in settings.model_fields_set:
        yield settings.redis_url
        return
    with embedded_server(settings.data_dir, SystemClock()) as server:
        yield server.url


def _hand_over(payload: dict[str, Any], bought: buyer_bootstrap.Built) -> None:
    bought.service.submit(ActionableSignal.model_validate(payload))


if __name__ == "__main__":
    leave(main())
