"""Build the alert service: the one place that knows every part of it."""

import threading

from redis import Redis

from ops.alerts.board_figures import BoardFigures
from ops.alerts.channel_sender import AlertChannel, ChannelSender
from ops.alerts.config import AlertSettings
from ops.alerts.dead_man_ping import DeadManPing
from ops.alerts.event_reader import EventReader
from ops.alerts.look_reader import LookReader
from ops.alerts.outbox import Outbox
from ops.alerts.service import AlertService
from ops.alerts.telegram import composition as telegram
from shared.clock import Clock
from shared.domain.errors import BadConfig, DependencyMissing
from shared.http.client import Upstream
from shared.process.process_name import process_address
from shared.redis.client import connect_redis
from shared.redis.lease import Lease

_LEASE_S = 15.0
_BLOCKING_S = 1.0


def build_service(settings: AlertSettings, clock: Clock, stop: threading.Event) -> AlertService:
    """Build it; nothing is sent or read yet.

    Raises:
        BadConfig: an address that cannot be read, or none at all.
    """
    settings.check_targets()
    redis = connect_redis(settings.redis_url, blocking_s=_BLOCKING_S)
    helpers = telegram.pollers(settings, redis, clock, stop)
    channels = build_channels(settings, clock, stop)
    outbox = Outbox(redis, {channel.key: channel.name for channel in channels})
    return AlertService(
        lease=_lease(redis, clock),
        reader=EventReader(redis, "alerts", clock),
        looks=LookReader(redis, clock, settings.data_dir, BoardFigures(redis, clock).read),
        outbox=outbox,
        senders=[ChannelSender(channel, outbox, clock) for channel in channels],
        rules=settings.rules(),
        clock=clock,
        ping=_ping(settings, clock, stop),
        helpers=helpers,
    )


def build_channels(settings: AlertSettings, clock: Clock, stop: threading.Event) -> list[AlertChannel]:
    """Return a channel to each place that is named.

    Raises:
        BadConfig: an address that cannot be read. DependencyMissing: apprise is not installed.
    """
    return [*_apprise_channels(settings.targets()), *telegram.channels(settings, clock, stop)]


def _apprise_channels(urls: tuple[str, ...]) -> list[AlertChannel]:
    """Return a channel to each URL; apprise is imported only where there is one."""
    if not urls:
        return []
    try:
        from ops.alerts.apprise_channel import AppriseChannel  # noqa: PLC0415 - 2 MB for who has no such address
    except ModuleNotFoundError as error:
        if error.name != "apprise":
            raise
        raise DependencyMissing("ALERT_URLS needs apprise: pip install 'hybrid-signals[alerts]'") from error
    return [AppriseChannel(url, number) for number, url in enumerate(urls, start=1)]


def _ping(settings: AlertSettings, clock: Clock, stop: threading.Event) -> DeadManPing | None:
    if settings.heartbeat_url is None:
        return None
    url, silence_s = settings.heartbeat_url.get_secret_value(), settings.http_timeout_s
    try:
        upstream = Upstream("heartbeat", url, (), clock=clock, stop=stop, timeout_s=silence_s)
    except BadConfig as error:
        raise BadConfig("HEARTBEAT_URL (hidden): must look like https://host/path and hold no query string") from error
    return DeadManPing(upstream, clock, settings.heartbeat_every_s)


def _lease(redis: Redis, clock: Clock) -> Lease:
    return Lease(redis, "alerts", f"alerts@{process_address()}", clock=clock, ttl_s=_LEASE_S)
