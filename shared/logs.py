"""Log lines: named events with fields, on stderr (stdout belongs to events), secrets hidden.

`log = logs.get("detector")`, then `log.info("poll_failed", source="data_api")`: a name, fields, no prose.
"""

import contextlib
import json
import logging
import sys
import threading
from collections.abc import Generator, MutableMapping
from typing import Any, cast

from shared.domain.plain_text import make_plain, plain_lines
from shared.domain.redaction import redact_secrets


@contextlib.contextmanager
def _hidden(name: str) -> Generator[None]:
    """Let what the block imports find no module of this name, unless it is there already."""
    if name in sys.modules:
        yield
        return
    modules: dict[str, Any] = sys.modules
    modules[name] = None
    try:
        yield
    finally:
        del modules[name]


with _hidden("rich"):  # for tracebacks that we never draw: 3 MB in every process
    import structlog
    from structlog.typing import FilteringBoundLogger, Processor

Log = FilteringBoundLogger
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_OF_MANY_LINES = ("exception", "stack")
_WRITING = threading.Lock()
_ENCODER = json.JSONEncoder(default=str)
"""Made once: `json.dumps` makes one for each line."""


class _Stderr:
    """Write whole lines to whatever stderr is now; a reader that went away must not end the process."""

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError), _WRITING:
            sys.stderr.write(line + "\n")
            if not getattr(sys.stderr, "line_buffering", False):
                sys.stderr.flush()

    debug = info = warning = error = critical = log = msg


class _FromLibraries(logging.Handler):
    """Pass warnings of libraries that use `logging` on as our own lines."""

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"message": record.getMessage()}
        if record.exc_info:
            fields["exc_info"] = record.exc_info
        write = get_logger(record.name).error if record.levelno >= logging.ERROR else get_logger(record.name).warning
        write("library_log", **fields)


def configure_logs(*, level: str = "info", form: str = "auto") -> None:
    """Set how lines are written, for the whole process.

    Args:
        level: Least level written: debug, info, warning or error.
        form: `json`, `text`, or `auto`: text on a terminal, JSON elsewhere.
    """
    structlog.configure(
        processors=_chain(as_json=form == "json" or (form == "auto" and not sys.stderr.isatty())),
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_: _Stderr(),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_FromLibraries()], level=max(logging.WARNING, _LEVELS[level]), force=True)


def get_logger(name: str, **fields: object) -> FilteringBoundLogger:
    """Return a logger whose every line says `part=name` and `fields`."""
    if not structlog.is_configured():
        configure_logs()
    return cast("FilteringBoundLogger", structlog.get_logger(part=name, **fields))


def errors_of(name: str) -> FilteringBoundLogger:
    """Return a logger that writes errors alone: of runs over a history, which tell all else in their result."""
    if not structlog.is_configured():
        configure_logs()
    errors = structlog.make_filtering_bound_logger(logging.ERROR)
    return cast("FilteringBoundLogger", structlog.wrap_logger(_Stderr(), wrapper_class=errors, part=name))


def _chain(*, as_json: bool) -> list[Processor]:
    first: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    if as_json:
        return [*first, _json_line]
    return [*first, _show_error, _hide_secrets, _plain_text, _text_renderer()]


def _json_line(logger: object, method: str, line: MutableMapping[str, Any]) -> str:
    """Return the whole line at once: it is written for every order."""
    return _ENCODER.encode(_hide_secrets(logger, method, _show_error(logger, method, line)))


def _show_error(logger: object, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Write the error's traceback out, in the few lines that have one."""
    return structlog.processors.format_exc_info(logger, method, line) if "exc_info" in line else line


def _text_renderer() -> Processor:
    colors = sys.stderr.isatty()
    return structlog.dev.ConsoleRenderer(
        colors=colors, timestamp_key="at", pad_event_to=24, exception_formatter=structlog.dev.plain_traceback
    )


def _plain_text(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep what strangers wrote from acting on a terminal; JSON escapes it by itself."""
    shown = {name: make_plain(value) if isinstance(value, str) else value for name, value in line.items()}
    return shown | {name: plain_lines(str(line[name])) for name in _OF_MANY_LINES if name in line}


def _hide_secrets(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return cast("MutableMapping[str, Any]", redact_secrets(line))
