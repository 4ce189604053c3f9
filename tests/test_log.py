"""What the log looks like to machines and to people, and that no file name can spoil it."""

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from reeld.config import LogSettings
from reeld.domain.files import readable
from reeld.log import (
    FLOOD_S,
    MOST_ALIKE,
    MOST_NEWS,
    Flood,
    StandardError,
    configure_log,
    every_event_says,
    get_logger,
    tell_left_out,
    tell_of_each,
)

HOSTILE = "a\nb\x1b[31m\udce9\u202e.mkv"


@pytest.fixture(autouse=True)
def _default_structlog() -> Iterator[None]:
    yield
    structlog.reset_defaults()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _logged(settings: LogSettings, stream: io.StringIO, **facts: Any) -> str:
    configure_log(settings, stream)
    get_logger().info("test.happened", **facts)
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
        assert (row["event"], row["path"], row["level"]) == ("test.happened", "a.mkv", "info")
        assert row["timestamp"].endswith("Z")


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("value", [HOSTILE, [HOSTILE], {"a": HOSTILE}])
def test_no_name_breaks_a_line_or_reaches_a_terminal(form: Any, value: Any) -> None:
    line = _logged(LogSettings(format=form), io.StringIO(), path=value)
    assert line.count("\n") == 1
    assert "\x1b[31m" not in line
    assert "\u202e" not in line
    line.encode()


@pytest.mark.parametrize("form", ["json", "console"])
@given(st.text(st.characters(exclude_characters="\0")))
def test_whatever_a_name_holds_the_line_is_one_of_harmless_characters(form: Any, name: str) -> None:
    for value in (name, [name], {name: name}):
        line = _logged(LogSettings(format=form), io.StringIO(), path=value).removesuffix("\n")
        assert line.isprintable(), "no control, no direction, no line end, no surrogate"
        line.encode()


@given(st.text())
def test_a_shown_name_is_of_harmless_characters_and_differs_where_files_do(name: str) -> None:
    """A name that is shown is of harmless characters and names differ where files do."""
    assert readable(name).isprintable()
    if name.isprintable():
        assert readable(name) == name


def test_on_the_journal_each_line_begins_with_its_priority(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w+") as stream:
        status = os.fstat(stream.fileno())
        configure_log(LogSettings(level="debug"), stream, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        for level in ("debug", "info", "warning", "error"):
            getattr(get_logger(), level)("test.happened")
        get_logger().error("test.crashed", exc_info=_raised(ValueError(HOSTILE)))
        stream.seek(0)
        lines = stream.read().splitlines()
    assert [line[:3] for line in lines] == ["<7>", "<6>", "<4>", "<3>", "<3>"]
    assert all(json.loads(line[3:])["level"] for line in lines)


def test_on_the_journal_lines_for_people_have_their_priority_as_well(tmp_path: Path) -> None:
    """Also each line of a traceback."""
    with (tmp_path / "journal").open("w+") as stream:
        status = os.fstat(stream.fileno())
        environment = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        configure_log(LogSettings(format="console"), stream, environment)
        get_logger().warning("test.happened")
        get_logger().error("test.crashed", exc_info=_raised(ValueError(HOSTILE)))
        stream.seek(0)
        first, *traceback = stream.read().splitlines()
    assert first.startswith("<4>")
    assert len(traceback) > 3
    assert {line[:3] for line in traceback} == {"<3>"}


@pytest.mark.parametrize("journal", [{}, {"JOURNAL_STREAM": "1:2"}])
def test_elsewhere_a_line_is_json_and_nothing_else(tmp_path: Path, journal: dict[str, str]) -> None:
    with (tmp_path / "file").open("w+") as stream:
        configure_log(LogSettings(), stream, journal)
        get_logger().info("test.happened")
        stream.seek(0)
        assert json.loads(stream.read())["event"] == "test.happened"


def test_what_is_said_of_a_block_is_in_all_its_events_and_in_none_behind_it() -> None:
    stream = io.StringIO()
    configure_log(LogSettings(), stream)
    with every_event_says(path=HOSTILE, stage="probe"):
        get_logger().info("test.happened")
    get_logger().info("test.happened")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["path"], first["stage"]) == ("a\\nb\\x1b[31m\\xe9\\u202e.mkv", "probe")
    assert "path" not in second


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


def _flood_of(count: int, flood: Flood, event: str = "stage.failed", level: str = "warning") -> int:
    """How many of so many events get through."""
    return sum(flood.level_of(event, level) == level for _ in range(count))


def test_ten_thousand_warnings_alike_are_shown_in_part_and_counted() -> None:
    """Row 42."""
    now = 0.0
    flood = Flood(lambda: now)
    assert _flood_of(10_000, flood) == MOST_ALIKE
    assert _flood_of(3, flood, "file.changed") == 3, "of another event nothing is left out"
    assert flood.take_left_out() == {}, "not told before the while is over"
    now = FLOOD_S
    assert flood.take_left_out() == {"stage.failed": 10_000 - MOST_ALIKE}
    assert flood.take_left_out() == {}, "told once"
    assert _flood_of(MOST_ALIKE + 1, flood) == MOST_ALIKE, "the next while begins anew"
    now += FLOOD_S
    assert _flood_of(1, flood) == 1, "also when nobody asked in between"
    assert flood.take_left_out(is_last=True) == {"stage.failed": 1}


def test_news_are_never_left_out() -> None:
    """News of single files alone are summed up, as the next tests say."""
    assert _flood_of(1000, Flood(lambda: 0.0), "library.state_changed", "info") == 1000


BULK = ("file.settled", "verdict.accepted", "file.finished")


def test_five_thousand_new_files_are_some_hundred_lines_and_a_sum() -> None:
    """At 20 files a second, as a disk gives them. The sums and what is shown are all of them."""
    now, shown, sums = 0.0, dict.fromkeys(BULK, 0), dict.fromkeys(BULK, 0)
    flood, lines = Flood(lambda: now), 0
    for number in range(5_000):
        now = number / 20
        for name in BULK:
            shown[name] += _flood_of(1, flood, name, "info")
        for name, count in flood.take_summed_up().items():
            sums[name] += count
            lines += 1
    for name, count in flood.take_summed_up(is_last=True).items():
        sums[name] += count
        lines += 1
    assert {name: shown[name] + sums[name] for name in BULK} == dict.fromkeys(BULK, 5_000)
    assert shown == dict.fromkeys(BULK, MOST_NEWS)
    assert lines + sum(shown.values()) <= 100
    now += 2 * FLOOD_S
    assert [_flood_of(1, flood, name, "info") for name in BULK] == [1, 1, 1], "one that comes alone keeps its line"


@pytest.mark.parametrize("level", ["debug", "info"])
def test_many_files_at_once_are_counted_without_a_line_for_any(level: Any) -> None:
    """But at debug each has its own, and so has each of a few."""
    stream = io.StringIO()
    configure_log(LogSettings(level=level, format="json"), stream)
    tell_left_out(is_last=True)
    tell_of_each("file.listed_at_once", [f"{number}.mkv" for number in range(MOST_NEWS + 1)], MOST_NEWS + 1)
    tell_of_each("file.listed_alone", ["alone.mkv"], 1)
    tell_left_out(is_last=True)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    sums = {line["what"]: line["count"] for line in lines if line["event"] == "log.summed_up"}
    shown = [line["event"] for line in lines if line["level"] == "info"]
    each = [line["path"] for line in lines if line["event"] == "file.listed_at_once"]
    assert shown.count("file.listed_alone") == 1
    if level == "debug":
        assert each == [f"{number}.mkv" for number in range(MOST_NEWS + 1)]
    else:
        assert (each, sums) == ([], {"file.listed_at_once": MOST_NEWS + 1})


def test_few_files_a_minute_keep_their_lines() -> None:
    now = 0.0
    flood = Flood(lambda: now)
    for _ in range(10):
        assert _flood_of(MOST_NEWS, flood, "file.finished", "info") == MOST_NEWS
        now += FLOOD_S
    assert flood.take_summed_up(is_last=True) == {}


@pytest.mark.parametrize("level", ["debug", "info"])
def test_what_is_summed_up_stays_at_debug(level: Any, tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w+") as stream:
        status = os.fstat(stream.fileno())
        journal = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        configure_log(LogSettings(level=level), stream, journal)
        for number in range(MOST_NEWS + 3):
            get_logger().info("file.tested", number=number)
        tell_left_out(is_last=True)
        stream.seek(0)
        lines = [(line[:3], json.loads(line[3:])) for line in stream.read().splitlines()]
    levels = [(prefix, row["level"]) for prefix, row in lines]
    each = [("<7>", "debug")] * 3 if level == "debug" else []
    assert levels == [("<6>", "info")] * MOST_NEWS + each + [("<6>", "info")]
    last = lines[-1][1]
    assert (last["event"], last["what"], last["count"]) == ("log.summed_up", "file.tested", 3)


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("/c: 2 errors\n  - a = 1: no\n  - b: no", "/c: 2 errors: a = 1: no; b: no"),
        ("it is gone; to restore it, stop reeld, then:\n  mv a b\n  mv c d\nor, e", None),
    ],
)
def test_a_reason_of_several_lines_is_one_without_a_literal_line_end(form: Any, text: str, line: str | None) -> None:
    line = line or "it is gone; to restore it, stop reeld, then: mv a b; mv c d; or, e"
    logged = _logged(LogSettings(format=form), io.StringIO(), reason=text)
    assert line in logged
    assert logged.count("\n") == 1
    assert "\\n" not in logged


def test_errors_with_tracebacks_are_a_flood_as_well() -> None:
    assert _flood_of(1000, Flood(lambda: 0.0), "stage.crashed", "error") == MOST_ALIKE


def test_what_was_left_out_is_told_in_the_log() -> None:
    stream = io.StringIO()
    configure_log(LogSettings(), stream)
    for number in range(MOST_ALIKE + 7):
        get_logger().warning("test.flooded", number=number)
    tell_left_out(is_last=True)
    rows = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [row["number"] for row in rows[:-1]] == list(range(MOST_ALIKE))
    assert (rows[-1]["event"], rows[-1]["what"], rows[-1]["count"]) == ("log.left_out", "test.flooded", 7)


def test_lines_that_cannot_be_written_are_counted_and_later_ones_are_whole(tmp_path: Path) -> None:
    """Lines that cannot be written are lost and counted and those behind them are whole.

    The disk of the log is full for a while, or its reader is gone.
    """
    path = tmp_path / "log"
    room, full = os.open(path, os.O_RDWR | os.O_CREAT), os.open("/dev/full", os.O_WRONLY)
    descriptor = os.dup(room)
    with io.TextIOWrapper(io.BufferedWriter(StandardError(descriptor)), line_buffering=True) as stream:
        configure_log(LogSettings(), stream)
        get_logger().info("test.first")
        stream.write("a line whose end ")
        stream.flush()
        os.dup2(full, descriptor)
        stream.write("is lost\n")
        for _ in range(3):
            get_logger().warning("test.lost")
            tell_left_out()
        os.dup2(room, descriptor)
        tell_left_out()
        tell_left_out()
        get_logger().info("test.last")
    first, torn, *rest = path.read_text().splitlines()
    assert json.loads(first)["event"] == "test.first"
    assert torn == "a line whose end "
    rows = [json.loads(line) for line in rest]
    assert [(row["event"], row.get("count")) for row in rows] == [("log.lost", 4), ("test.last", None)]
    for each in (room, full, descriptor):
        os.close(each)


def test_structlog_is_loaded_by_the_first_event_that_the_level_lets_through() -> None:
    code = (
        "import sys; from reeld.config import LogSettings; from reeld.log import configure_log, get_logger\n"
        "configure_log(LogSettings(level='warning', format='json'))\n"
        "get_logger().info('test.silent')\n"
        "print('structlog' in sys.modules)\n"
        "get_logger().warning('test.loud', path='a.mkv')\n"
        "get_logger().info('test.silent')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["test.loud"]


# What `journalctl -u reeld -o cat` printed: systemd's lines, events, a refused reload, a name that is no UTF-8, and
# lines that are JSON and no event.
JOURNAL = b"""Starting reeld.service - reeld, the catalogue of films and series...
{"pid": 376, "libraries": 1, "not_answering": [], "event": "daemon.ready", "level": "info"}
Started reeld.service - reeld, the catalogue of films and series.
{"path": "2012.mkv", "reason": "the year is not known", "event": "verdict.uncertain", "level": "info"}
error: /etc/reeld/config.toml: 2 errors
  - settle.quite_s = 1.0: there is no such key; did you mean "quiet_s"?

caf\xe9
42
["verdict.uncertain"]
null
reeld.service: Main process exited, code=killed, status=9/KILL
{"path": "a\\\\xe9.mkv", "reason": "title or year?", "event": "verdict.uncertain", "level": "debug"}
reeld.service: Consumed 2.183s CPU time.
"""


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed (Debian package jq)")
def test_the_jq_line_of_the_documents_works_on_what_journalctl_prints() -> None:
    page = (Path(__file__).parent.parent / "daemon" / "LOGS.md").read_text()
    (line,) = re.findall(r"^journalctl -u reeld -o cat \| (jq .*)$", page, re.MULTILINE)
    done = subprocess.run(shlex.split(line), input=JOURNAL, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == "2012.mkv: the year is not known\na\\xe9.mkv: title or year?\n"
