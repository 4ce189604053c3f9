"""What the log looks like to machines and to people, and that no file name can spoil it."""

import io
import json
from typing import Any

import pytest

from reeld.config import LogSettings
from reeld.log import configure_log, get_logger

HOSTILE = "a\nb\x1b[31m\udce9\u202e.mkv"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _logged(settings: LogSettings, stream: io.StringIO, **facts: Any) -> str:
    configure_log(settings, stream)
    get_logger().info("file.settled", **facts)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("form", "stream", "is_json"),
    [
        ("auto", io.StringIO, True),
        ("auto", Terminal, False),
        ("json", Terminal, True),
        ("console", io.StringIO, False),
    ],
)
def test_the_form_fits_the_reader(form: Any, stream: type[io.StringIO], is_json: bool) -> None:
    line = _logged(LogSettings(format=form), stream(), path="a.mkv")
    assert line.count("\n") == 1
    assert line.startswith("{") == is_json
    if is_json:
        row = json.loads(line)
        assert (row["event"], row["path"], row["level"]) == ("file.settled", "a.mkv", "info")
        assert row["timestamp"].endswith("Z")


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("value", [HOSTILE, [HOSTILE], {"a": HOSTILE}])
def test_no_name_breaks_a_line_or_reaches_a_terminal(form: Any, value: Any) -> None:
    line = _logged(LogSettings(format=form), io.StringIO(), path=value)
    assert line.count("\n") == 1
    assert "\x1b[31m" not in line
    assert "\u202e" not in line
    line.encode()


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_what_lies_below_the_level_is_left_out(level: Any) -> None:
    stream = io.StringIO()
    configure_log(LogSettings(level=level), stream)
    for name in ("debug", "info", "warning", "error"):
        getattr(get_logger(), name)(f"{name}.happened")
    names = [json.loads(line)["level"] for line in stream.getvalue().splitlines()]
    assert names == ["debug", "info", "warning", "error"][["debug", "info", "warning", "error"].index(level) :]


def _raised(error: Exception) -> Exception:
    """The error with a traceback."""
    with pytest.raises(type(error)):
        raise error
    return error


def test_a_traceback_is_one_line_of_json() -> None:
    stream = io.StringIO()
    configure_log(LogSettings(format="json"), stream)
    get_logger().error("stage.crashed", exc_info=_raised(ValueError(HOSTILE)))
    (line,) = stream.getvalue().splitlines()
    assert "ValueError" in json.loads(line)["exception"]


def test_a_traceback_on_a_terminal_shows_no_name_raw() -> None:
    stream = io.StringIO()
    configure_log(LogSettings(format="console"), stream)
    get_logger().error("stage.crashed", exc_info=_raised(ValueError(HOSTILE)))
    assert "\x1b[31m" not in stream.getvalue()
    assert "test_log.py" in stream.getvalue()
    stream.getvalue().encode()
    assert len(stream.getvalue().splitlines()) > 3
