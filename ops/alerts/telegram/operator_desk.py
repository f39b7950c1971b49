"""What a chat can look at and do, on the server of a running pipeline."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from redis import Redis

from ops.alerts.telegram.views import ChatViews
from ops.operator import controls
from ops.operator.controls import ControlActor
from ops.operator.pipeline_server import demand_pipeline
from shared.clock import Clock
from shared.domain.trading_words import MODES

Switch = Callable[[Redis, str, str, Clock, ControlActor | None], bool]
_SWITCHES: Mapping[str, tuple[Switch, str]] = {
    "pause": (controls.pause_buys, "is sells-only: buys are paused"),
    "kill": (controls.kill_all, "orders and redemptions are off"),
    "flatten": (controls.flatten, "lots are to be sold"),
    "resume": (controls.resume, "orders are on"),
}
"""Each deed, and the words for what it left."""


class ServerDesk:
    """Looks and acts on one server; a deed counts for every ledger, as the commands of `hybrid` do."""

    def __init__(self, redis: Redis, clock: Clock, views: ChatViews) -> None:
        self._redis, self._clock, self._views = redis, clock, views

    def look(self, name: str, rest: str) -> str:
        """Return what is asked for.

        Raises:
            Unavailable: the server is away. BadConfig: nothing has this id.
        """
        return self._views.show(name, rest)

    def lifted(self) -> Sequence[tuple[str, str]]:
        """Return each control that is on, of either ledger."""
        return [(mode, control.words) for mode in reversed(MODES) for control in controls.active(self._redis, mode)]

    def turn(self, name: str, modes: Sequence[str], *, who: str, why: str, act: str) -> str:
        """Carry it out for `modes`, every ledger where none is named; return what was done.

        Raises:
            DependencyMissing: no pipeline of ours is on this server.
            Unavailable: the server is away; what was done by then is done. Unconfirmed: all is, and no replica has it.
        """
        server = demand_pipeline(self._redis)
        switch, words = _SWITCHES[name]
        actor, named = ControlActor(who, "Telegram", act), modes or tuple(reversed(MODES))
        turned = controls.turn_each(partial(switch, self._redis, mode, why, self._clock, actor) for mode in named)
        lines = [
            f"{mode} {words}{'' if changed else ' already'}: {server.words(mode)}"
            for mode, changed in zip(named, turned, strict=True)
        ]
        return "\n".join([f"on {server.url}", *lines])
