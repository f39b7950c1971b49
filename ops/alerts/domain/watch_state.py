"""What the judge remembers between two looks: what was told already, what waits, what a day came to. Pure.

It is kept on the server and written in one step with the messages and the acknowledgements, so a crash tells nothing
twice as news and forgets nothing that still has to be told.
"""

from msgspec import Struct, field
from msgspec.json import Decoder, Encoder

from ops.alerts.domain.alert_message import AlertMessage
from shared.domain.value import Value


class LostProcess(Value, frozen=True, kw_only=True):
    """A process that does not work though nobody told it to stop; `words` say how."""

    instance: str
    service: str
    words: str
    mode: str = ""


class LimitUse(Value, frozen=True, kw_only=True):
    """How much of a limit is used, in micro-units; `name` is its setting, `of` what it is about ('' for all)."""

    name: str
    used: int
    limit: int
    mode: str
    of: str = ""


class StandingAlarm(Value, frozen=True, kw_only=True):
    """What is wrong for as long as `name` stands on the board."""

    name: str
    text: str
    fix: str = ""
    mode: str = ""


class WatchLook(Value, frozen=True, kw_only=True):
    """One look at what no event tells: who is silent, how full limits and disk are, and the figures of a digest."""

    now_ms: int
    lost: tuple[LostProcess, ...] = ()
    working: frozenset[str] = frozenset()
    """Services of which one works."""
    limits: tuple[LimitUse, ...] = ()
    alarms: tuple[StandingAlarm, ...] = ()
    disk_pct: float | None = None
    disk_free_gb: float = 0.0
    disk: str = ""
    figures: tuple[str, ...] = ()
    """Lines of the digest."""
    mode: str = ""
    """Whose money is traded: `live` where anybody trades it; '' where nobody trades."""


class HeldBack(Struct, frozen=True):
    """Messages that were not sent one by one: how many of each kind since when, and the titles of the last ones."""

    since_ms: int = 0
    counts: dict[str, int] = field(default_factory=dict[str, int])
    titles: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """Return how many."""
        return sum(self.counts.values())


class WatchState(Struct, frozen=True):
    """Everything that is remembered; the default is that of a first start."""

    lost: dict[str, LostProcess] = field(default_factory=dict[str, LostProcess])
    alarms: tuple[str, ...] = ()
    failing: dict[str, int] = field(default_factory=dict[str, int])
    """Detector -> reports in a row in which no source of it saw anything."""
    open_orders: tuple[str, ...] = ()
    limits: dict[str, int] = field(default_factory=dict[str, int])
    """Limit -> the percent that was told last."""
    disk_told: int = 0
    digest_day: str = ""
    counts: dict[str, int] = field(default_factory=dict[str, int])
    """Kind -> messages since the last digest, those held back too."""
    sent_ms: tuple[int, ...] = ()
    """When what the rate limit counts was sent, in the last hour."""
    held: HeldBack = HeldBack()


_ENCODER, _DECODER = Encoder(), Decoder(WatchState)
_MESSAGE = Decoder(AlertMessage)


def state_text(state: WatchState) -> str:
    """Return a state as JSON."""
    return _ENCODER.encode(state).decode()


def read_state(text: str | None) -> WatchState:
    """Return what was kept; a new one where nothing was. Raises msgspec.MsgspecError for what is none."""
    return _DECODER.decode(text) if text else WatchState()


def message_text(message: AlertMessage) -> str:
    """Return a message as JSON."""
    return _ENCODER.encode(message).decode()


def read_message(text: str) -> AlertMessage:
    """Return a message that was kept. Raises msgspec.MsgspecError for what is none."""
    return _MESSAGE.decode(text)
