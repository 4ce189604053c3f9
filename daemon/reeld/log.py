"""What does the log look like? JSON lines for machines, plain lines on a terminal; always standard error.

Events are constants, dotted, in the past tense: `file.settled`, `stage.finished`. The facts go into keys.
`daemon/LOGS.md` lists the names. debug says why a decision fell, info is what a person might care about
tomorrow, warning is trouble that was coped with, error is what somebody must act on.
"""

import contextlib
import io
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

from reeld.domain.files import readable

if TYPE_CHECKING:
    # It loads rich and asyncio, which takes half as long as a whole `reeld list`: so only `Logger` loads it.
    from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

    from reeld.config import LogSettings

MOST_ALIKE = 50
"""Warnings of one event that are shown in FLOOD_S; a person reads no more, and `reeld list files` has them all."""

FLOOD_S = 60.0

LEFT_OUT = "log.left_out"
LOST = "log.lost"

# What systemd takes for the line's priority, as `<4>` before it; sd-daemon(3), syslog(3).
PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3}

# As Python's logging numbers them, which structlog follows.
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Logger:
    """Hands events to structlog. It loads structlog at the first event that the level lets through."""

    least: ClassVar[int] = 0
    """The level by `configure_log`. structlog keeps to it by itself once it is loaded."""
    set_up: ClassVar[Callable[[], None] | None] = None
    """Tells structlog what `configure_log` was told; None once that is done."""

    def debug(self, event: str, **facts: Any) -> None:
        self._log("debug", event, facts)

    def info(self, event: str, **facts: Any) -> None:
        self._log("info", event, facts)

    def warning(self, event: str, **facts: Any) -> None:
        self._log("warning", event, facts)

    def error(self, event: str, **facts: Any) -> None:
        self._log("error", event, facts)

    def _log(self, level: str, event: str, facts: dict[str, Any]) -> None:
        if "structlog" not in sys.modules and LEVELS[level] < Logger.least:
            return
        load_structlog()
        import structlog

        getattr(structlog.get_logger(), level)(event, **facts)


def get_logger() -> Logger:
    """The logger of the calling module."""
    return Logger()


log = get_logger()


def load_structlog() -> None:
    """Load structlog now. What runs for long does so at its start: later, memory or descriptors may be used up."""
    import structlog  # noqa: F401

    if (set_up := Logger.set_up) is not None:
        set_up()
        Logger.set_up = None


@contextlib.contextmanager
def every_event_says(**facts: object) -> Iterator[None]:
    """Whatever this thread logs until the end of the block has these keys: of which file it speaks, for example."""
    import structlog

    with structlog.contextvars.bound_contextvars(**facts):
        yield


class StandardError(io.FileIO):
    """Takes whatever it is given. What cannot be written is lost, and counted.

    A log on a full disk, or whose reader left, must end no thread: what reeld does counts for more than what it says.
    """

    lost_lines: ClassVar[int] = 0
    """Not told of yet; one number, as there is one standard error."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self._is_in_line = False
        self._is_torn = False
        """Whether a line was begun and its end lost: what follows is a line of its own."""

    def write(self, data: Any, /) -> int:
        """As if all was written, or so much of it that the caller goes on with the rest."""
        text = bytes(data)
        written: int | None = None
        with contextlib.suppress(OSError):
            if self._is_torn and super().write(b"\n"):
                self._is_torn = self._is_in_line = False
            written = super().write(text)
        if written is None:  # nobody can take it, or not now
            StandardError.lost_lines += text.count(b"\n")
            self._is_torn = self._is_in_line
            return len(text)
        self._is_in_line = not text[:written].endswith(b"\n")
        return written


class Flood:
    """Lets so many warnings and errors of one event through in a while, and counts the others.

    Ten thousand broken files, or a disk that fails again and again, must not push everything else out of the journal.
    Memory is bounded by the number of events that there are.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._shown: dict[str, tuple[float, int]] = {}
        """By event, since when it is counted, and how many there were since."""
        self._left_out: dict[str, int] = {}

    def __call__(self, _logger: "WrappedLogger", method: str, event: "EventDict") -> "EventDict":
        """A structlog processor."""
        import structlog

        name = event["event"]
        if method not in ("warning", "error") or name in (LEFT_OUT, LOST):
            return event
        with self._lock:
            since, count = (self._now(), 0) if self._is_over(name) else self._shown[name]
            self._shown[name] = (since, count + 1)
            if count >= MOST_ALIKE:
                self._left_out[name] = self._left_out.get(name, 0) + 1
                raise structlog.DropEvent
        return event

    def take_left_out(self, *, is_last: bool = False) -> dict[str, int]:
        """How many of each event were left out in a while that is over, or `is_last`; each is told of once."""
        with self._lock:
            names = [name for name in self._left_out if is_last or self._is_over(name)]
            return {name: self._left_out.pop(name) for name in names}

    def _is_over(self, name: str) -> bool:
        return name not in self._shown or self._now() - self._shown[name][0] >= FLOOD_S


_flood = Flood()


def tell_left_out(*, is_last: bool = False) -> None:
    """Say how many events were left out because there were too many alike; somebody must call this now and then.

    And how many lines could not be written, as soon as that can be.
    """
    for name, count in _flood.take_left_out(is_last=is_last).items():
        log.warning("log.left_out", what=name, count=count)
    if lost := StandardError.lost_lines:
        StandardError.lost_lines = 0
        log.warning("log.lost", count=lost)
        if StandardError.lost_lines:  # so was this line
            StandardError.lost_lines += lost - 1


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
    if as_json and is_journal(out, environment):
        processors.append(_put_priority_first)
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[settings.level]),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )


def is_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether the stream leads straight to systemd's journal: it says which file that is; systemd.exec(5)."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed, or none that the kernel knows
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _put_priority_first(_logger: "WrappedLogger", method: str, line: Any) -> str:
    """So that `journalctl -p warning` shows what it should; the journal takes the prefix off."""
    return f"<{PRIORITIES.get(method, 6)}>{line}"


def _processors(*, as_json: bool, colors: bool) -> list["Processor"]:
    import structlog

    first: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _flood,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _make_names_readable,
    ]
    if as_json:
        return [*first, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [*first, structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=_write_traceback)]


def _write_traceback(out: TextIO, exc_info: "ExcInfo") -> None:
    """Without rich's boxes, which run to hundreds of lines; the message of an error may quote any name."""
    import structlog

    plain = io.StringIO()
    structlog.dev.plain_traceback(plain, exc_info)
    out.write("\n".join(readable(line) for line in plain.getvalue().split("\n")))


def _make_names_readable(_logger: "WrappedLogger", _method: str, event: "EventDict") -> "EventDict":
    """Escape what a hostile file name could do to a terminal, or to a stream that must stay UTF-8."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable() and key != "event":
            event[key] = readable(value)
    return event
