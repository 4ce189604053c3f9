"""What does the log look like? JSON lines for machines, plain lines on a terminal; always standard error.

Events are constants, dotted, in the past tense: `file.settled`, `stage.finished`. The facts go into keys.
`CONTRIBUTING.md` lists the names. debug says why a decision fell, info is what a person might care about
tomorrow, warning is trouble that was coped with, error is what somebody must act on.
"""

import io
import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, FilteringBoundLogger, Processor, WrappedLogger

from reeld.config import LogSettings
from reeld.domain.files import readable


def get_logger() -> FilteringBoundLogger:
    """The logger of the calling module; it takes its settings from `configure_log` when it is first used."""
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


def configure_log(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send every event at or above the level to `stream` (standard error when None)."""
    out = sys.stderr if stream is None else stream
    as_json = settings.format == "json" or (settings.format == "auto" and not out.isatty())
    structlog.configure(
        processors=_processors(as_json=as_json, colors=out.isatty()),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )


def _processors(*, as_json: bool, colors: bool) -> list[Processor]:
    first: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _make_names_readable,
    ]
    if as_json:
        return [*first, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [*first, structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=_write_traceback)]


def _write_traceback(out: TextIO, exc_info: ExcInfo) -> None:
    """Without rich's boxes, which run to hundreds of lines; the message of an error may quote any name."""
    plain = io.StringIO()
    structlog.dev.plain_traceback(plain, exc_info)
    out.write("\n".join(readable(line) for line in plain.getvalue().split("\n")))


def _make_names_readable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape what a hostile file name could do to a terminal, or to a stream that must stay UTF-8."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable() and key != "event":
            event[key] = readable(value)
    return event
