"""Sets up the log: JSON lines for machines, plain lines on a terminal, always on standard error.

Event names are constants, dotted, in the past tense: `file.settled`, `stage.finished`. The facts
are keys. `daemon/LOGS.md` lists the names. debug explains a decision, info may interest the user
tomorrow, warning is trouble that reeld coped with, error is what the user must act on.
"""

import contextlib
import io
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

from reeld.domain.files import readable
from reeld.journal import is_journal, with_priority

if TYPE_CHECKING:
    # It loads asyncio, which takes half as long as a whole `reeld list`: so only `Logger` loads it.
    from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

    from reeld.config import LogSettings

MOST_ALIKE = 50
"""Warnings of one event that are shown in FLOOD_S. More is unreadable, and `reeld list files` has
them all.
"""

FLOOD_S = 60.0

MOST_NEWS = 10
"""Events of one name about single files that are shown in FLOOD_S; the others are summed up. While
more than these come, none is shown: 5,000 new files are some 100 lines.
"""
_ABOUT_FILES = ("file.", "verdict.")

LEFT_OUT = "log.left_out"
LOST = "log.lost"

# As Python's logging numbers them, which structlog follows.
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Logger:
    """Passes events to structlog, which it loads at the first event that the level allows."""

    least: ClassVar[int] = 0
    """The level set by `configure_log`. Events below it are dropped."""
    set_up: ClassVar[Callable[[], None] | None] = None
    """Configures structlog as `configure_log` asked; None once that is done."""

    def debug(self, event: str, **facts: Any) -> None:
        self._log("debug", event, facts)

    def info(self, event: str, **facts: Any) -> None:
        self._log("info", event, facts)

    def warning(self, event: str, **facts: Any) -> None:
        self._log("warning", event, facts)

    def error(self, event: str, **facts: Any) -> None:
        self._log("error", event, facts)

    def _log(self, level: str, event: str, facts: dict[str, Any]) -> None:
        # Here and not in structlog, which first builds a logger: nearly all events of a first scan are dropped.
        if LEVELS[level] < Logger.least or (shown := _flood.level_of(event, level)) is None:
            return
        load_structlog()
        import structlog

        getattr(structlog.get_logger(), shown)(event, **facts)


def get_logger() -> Logger:
    """Return a logger. All loggers are alike: an event does not say which module logged it."""
    return Logger()


log = get_logger()


def load_structlog() -> None:
    """Load structlog now. A daemon does so at its start: later, memory or descriptors may be used up."""
    if "structlog" not in sys.modules:
        with _as_if_absent("rich"):
            import structlog  # noqa: F401

    if (set_up := Logger.set_up) is not None:
        set_up()
        Logger.set_up = None


@contextlib.contextmanager
def _as_if_absent(module: str) -> Iterator[None]:
    """Have `import` fail for a module that is not loaded yet.

    structlog draws tracebacks with rich where it finds it, and does without elsewhere. reeld writes plain ones, and
    rich is 3.6 MiB of memory and half of structlog's time to load.
    """
    if module in sys.modules:
        yield
        return
    # So "The import system" of Python's reference says.
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]


_said: ContextVar[Mapping[str, object]] = ContextVar("said", default=MappingProxyType({}))
"""What every event of this thread says now."""


@contextlib.contextmanager
def every_event_says(**facts: object) -> Iterator[None]:
    """Add these keys, such as the file's path, to all events of this thread in the block."""
    # structlog's own way reads all context variables, four times a block, and every stage of every file is one.
    before = _said.set({**_said.get(), **facts})
    try:
        yield
    finally:
        _said.reset(before)


class StandardError(io.FileIO):
    """Standard error that accepts everything. Lines that cannot be written are lost, and counted.

    A log on a full disk, or whose reader left, must end no thread: the work counts more than its
    log.
    """

    lost_lines: ClassVar[int] = 0
    """Lines not reported as lost yet; one number, as there is one standard error."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._is_in_line = False
        self._is_torn = False
        """Whether a line's end was lost, so that the next write must begin a new line."""

    def write(self, data: Any, /) -> int:
        """Write, and report success even if nothing, or only a part, could be written."""
        text = bytes(data)
        written: int | None = None
        with contextlib.suppress(OSError):
            if self._is_torn and super().write(b"\n"):
                self._is_torn = self._is_in_line = False
            written = super().write(text)
        if written is None:  # the stream takes nothing, or not now
            StandardError.lost_lines += text.count(b"\n")
            self._is_torn = self._is_in_line
            return len(text)
        self._is_in_line = not text[:written].endswith(b"\n")
        return written


@dataclass(slots=True)
class _While:
    """How many events of one name came in FLOOD_S."""

    since: float
    most: int
    """How many of these are shown."""
    count: int = 0


class Flood:
    """Limits the events of one name in a while, and counts the others: warnings, errors, news of files.

    Ten thousand broken files, or a failing disk, must not push everything else out of the
    journal. News that are too many are shown at debug. Memory is bounded by the number of event
    names.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._whiles: dict[str, _While] = {}
        self._left_out: dict[str, int] = {}
        self._summed_up: dict[str, int] = {}

    def level_of(self, event: str, level: str) -> str | None:
        """Count an event that comes at this level. Return the level to show it at; None beyond the limit."""
        is_news = level == "info" and event.startswith(_ABOUT_FILES)
        is_trouble = level in ("warning", "error") and event not in (LEFT_OUT, LOST)
        if is_trouble and self._is_one_too_many(event, self._left_out, MOST_ALIKE):
            return None
        if is_news and self._is_one_too_many(event, self._summed_up, self._most_news(event)):
            return "debug" if Logger.least <= LEVELS["debug"] else None
        return level

    def sum_up(self, name: str, count: int) -> None:
        """Count so many news of single files that come at once, and are not shown."""
        with self._lock:
            if self._is_over(name):
                self._whiles[name] = _While(self._now(), 0)
            self._whiles[name].count += count
            self._summed_up[name] = self._summed_up.get(name, 0) + count

    def take_left_out(self, *, is_last: bool = False) -> dict[str, int]:
        """Return how many of each event were left out in a while that is over, or `is_last`, and
        reset the counts.
        """
        return self._take(self._left_out, is_last=is_last)

    def take_summed_up(self, *, is_last: bool = False) -> dict[str, int]:
        """Do the same for the news that were not shown."""
        return self._take(self._summed_up, is_last=is_last)

    def is_to_tell(self) -> bool:
        """Whether something was left out or summed up and not taken yet."""
        return bool(self._left_out or self._summed_up)

    def _take(self, counts: dict[str, int], *, is_last: bool) -> dict[str, int]:
        with self._lock:
            names = [name for name in counts if is_last or self._is_over(name)]
            return {name: counts.pop(name) for name in names}

    def _is_one_too_many(self, name: str, counts: dict[str, int], most: int) -> bool:
        with self._lock:
            if self._is_over(name):
                self._whiles[name] = _While(self._now(), most)
            this = self._whiles[name]
            this.count += 1
            if this.count <= this.most:
                return False
            counts[name] = counts.get(name, 0) + 1
            return True

    def _most_news(self, name: str) -> int:
        """Return how many to show in a while that begins now: none right behind one with too many."""
        last = self._whiles.get(name)
        is_bulk = last is not None and last.count > MOST_NEWS and self._now() - last.since < 2 * FLOOD_S
        return 0 if is_bulk else MOST_NEWS

    def _is_over(self, name: str) -> bool:
        return name not in self._whiles or self._now() - self._whiles[name].since >= FLOOD_S


_flood = Flood()


def tell_of_each(event: str, paths: Iterable[str], count: int) -> None:
    """Log the same news of each of so many files. Many at once are only counted, unless `debug` is shown.

    A first scan lists thousands of files in a second, and an event takes as long as the row of a file.
    """
    if count > MOST_NEWS and Logger.least > LEVELS["debug"]:
        _flood.sum_up(event, count)
        return
    for path in paths:
        log.info(event, path=path)


def tell_left_out(*, is_last: bool = False) -> None:
    """Log how many events were left out or summed up, and how many lines could not be written. Call
    it now and then.
    """
    for name, count in _flood.take_summed_up(is_last=is_last).items():
        log.info("log.summed_up", what=name, count=count)
    for name, count in _flood.take_left_out(is_last=is_last).items():
        log.warning("log.left_out", what=name, count=count)
    if lost := StandardError.lost_lines:
        StandardError.lost_lines = 0
        log.warning("log.lost", count=lost)
        if StandardError.lost_lines:  # this line was lost as well
            StandardError.lost_lines += lost - 1


def is_to_tell_left_out() -> bool:
    """Return whether `tell_left_out` has something to log, now or in a while."""
    return _flood.is_to_tell() or StandardError.lost_lines > 0


def configure_log(
    settings: "LogSettings", stream: TextIO | None = None, environment: Mapping[str, str] = os.environ
) -> None:
    """Send every event at or above the level to `stream` (standard error when None)."""
    out = sys.stderr if stream is None else stream
    Logger.least = LEVELS[settings.level]
    Logger.set_up = partial(_set_up, settings, out, environment)
    if "structlog" in sys.modules:
        load_structlog()


def _set_up(settings: "LogSettings", out: TextIO, environment: Mapping[str, str]) -> None:
    import structlog

    as_json = settings.format == "json" or (settings.format == "auto" and not out.isatty())
    processors = _processors(as_json=as_json, colors=out.isatty())
    if is_journal(out, environment):
        processors[-1] = partial(_put_priority_first, processors[-1])
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[settings.level]),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )


def _put_priority_first(render: "Processor", logger: "WrappedLogger", method: str, event: "EventDict") -> str:
    level = event["level"]
    return with_priority(level, str(render(logger, method, event)))


def _processors(*, as_json: bool, colors: bool) -> list["Processor"]:
    import structlog

    first: list[Processor] = [
        _add_what_every_event_says,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _make_names_readable,
    ]
    if as_json:
        return [*first, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [*first, structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=_write_traceback)]


def _add_what_every_event_says(_logger: "WrappedLogger", _method: str, event: "EventDict") -> "EventDict":
    for key, value in _said.get().items():
        event.setdefault(key, value)
    return event


def _write_traceback(out: TextIO, exc_info: "ExcInfo") -> None:
    """Format a traceback without rich's boxes of hundreds of lines. Its message may quote any name."""
    import structlog

    plain = io.StringIO()
    structlog.dev.plain_traceback(plain, exc_info)
    out.write("\n".join(readable(line) for line in plain.getvalue().split("\n")))


def _make_names_readable(_logger: "WrappedLogger", _method: str, event: "EventDict") -> "EventDict":
    """Escape characters of hostile file names that could harm a terminal or break UTF-8."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable() and key != "event":
            event[key] = readable(in_one_line(value) if key == "reason" else value)
    return event


def in_one_line(text: str) -> str:
    """Join the lines of a message of ours: a list, or commands to type."""
    whole, was_item = "", False
    for line in text.split("\n"):
        item = line.strip()
        is_item = item.startswith("- ")
        if whole:
            whole += " " if whole.endswith(":") else ": " if is_item and not was_item else "; "
        whole += item.removeprefix("- ")
        was_item = is_item
    return whole
