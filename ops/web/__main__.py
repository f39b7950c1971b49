"""`python -m ops.web`: the dashboard by itself, or under `hybrid up --web`."""

from shared.process.early_signals import early_signals

with early_signals("web"):
    from ops.web.settings import WebSettings
    from ops.web.web_process import WebProcess, step_back
    from shared.clock import SystemClock
    from shared.config import parse
    from shared.process.service_runner import Built, main
    from shared.redis.client import connect_redis


def build() -> Built:
    """Read the settings and build the process."""
    step_back()
    settings = parse(WebSettings)
    redis = connect_redis(settings.redis_url)
    return WebProcess(settings, redis, SystemClock(), links=(settings.web_link_role,)), settings, redis


if __name__ == "__main__":
    main("web", build)
