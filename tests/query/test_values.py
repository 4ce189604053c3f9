"""Do values stand for the numbers that people mean?"""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.query import values
from reeld.query.values import Moments, Span, read_span

GIB = 1 << 30
MIN = 60_000


@pytest.mark.parametrize(
    ("read", "text", "span"),
    [
        (values.whole_number, "1995", (1995, 1996)),
        (values.whole_number, "=1995", (1995, 1996)),
        (values.whole_number, "1990..1999", (1990, 2000)),
        (values.whole_number, "1990..", (1990, None)),
        (values.whole_number, "..1999", (None, 2000)),
        (values.whole_number, ">1999", (2000, None)),
        (values.whole_number, ">=1999", (1999, None)),
        (values.whole_number, "<1999", (None, 1999)),
        (values.whole_number, "<=1999", (None, 2000)),
        (values.resolution, "1080p", (1080, 1081)),
        (values.resolution, "4K", (2160, 2161)),
        (values.resolution, ">=2160p", (2160, None)),
        (values.resolution, "<720p", (None, 720)),
        (values.resolution, "sd", (0, 720)),
        (values.resolution, "720p..1080p", (720, 1081)),
        (values.size, "20GiB", (20 * GIB, 21 * GIB)),
        (values.size, "1.5GiB", (3 * GIB // 2, 3 * GIB // 2 + GIB // 10)),
        (values.size, "700MB", (700_000_000, 701_000_000)),
        (values.size, "123", (123, 124)),
        (values.duration, "90min", (90 * MIN, 91 * MIN)),
        (values.duration, "1h30min", (90 * MIN, 91 * MIN)),
        (values.duration, "1:30:00", (90 * MIN, 90 * MIN + 1000)),
        (values.duration, "2h", (120 * MIN, 180 * MIN)),
    ],
)
def test_a_value_stands_for_a_span(read: Any, text: str, span: Span) -> None:
    assert read_span(text, read) == span


@pytest.mark.parametrize(
    ("text", "span"),
    [
        (">20GiB", (20 * GIB + 1, None)),
        (">=20GiB", (20 * GIB, None)),
        ("<20GiB", (None, 20 * GIB)),
        ("<=20GiB", (None, 20 * GIB + 1)),
        ("1GiB..2GiB", (GIB, 2 * GIB + 1)),
    ],
)
def test_a_comparison_takes_a_measure_exactly(text: str, span: Span) -> None:
    """A file of 20.5 GiB is larger than 20GiB."""
    assert read_span(text, values.size, is_measure=True) == span


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (values.whole_number, ""),
        (values.whole_number, ".."),
        (values.whole_number, "199x"),
        (values.whole_number, "2000..1990"),
        (values.whole_number, "1" * 16),
        (values.whole_number, "\u0661"),
        (values.whole_number, ">"),
        (values.resolution, "1081p"),
        (values.resolution, "p"),
        (values.size, "20XB"),
        (values.size, "GiB"),
        (values.size, "-1"),
        (values.duration, "90"),
        (values.duration, "1:99:00"),
        (values.duration, "min"),
    ],
)
def test_what_is_no_value_is_refused(read: Callable[[str], tuple[int, int]], text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its text is not for people
        read_span(text, read)


NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def _at(moment: datetime) -> int:
    return int(moment.timestamp())


def test_an_age_is_told_from_now() -> None:
    week = _at(NOW - timedelta(days=7))
    moments = Moments(NOW)
    assert moments.read_span("<7d") == (week + 1, None)
    assert moments.read_span("<=7d") == (week, None)
    assert moments.read_span(">7d") == (None, week)
    assert moments.read_span(">=7d") == (None, week + 1)
    assert moments.read_span("<1w") == moments.read_span("<7d")


def test_days_are_those_of_the_local_calendar(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")  # spelled out: needs no table of time zones
    time.tzset()
    try:
        moments = Moments(NOW)
        midnight = datetime(2026, 3, 9, 23, tzinfo=UTC)
        assert moments.read_span("today") == (_at(midnight), _at(midnight) + 86_400)
        assert moments.read_span("2026-03-10") == moments.read_span("today")
        assert moments.read_span("yesterday") == (_at(midnight) - 86_400, _at(midnight))
        # The clocks go forward on the 29th: this day has 23 hours.
        start, end = moments.read_span("2026-03-29")
        assert (end or 0) - (start or 0) == 23 * 3600
        assert moments.read_span("2026-03..2026-04")[0] == moments.read_span("2026-03")[0]
        assert moments.read_span("2025") == (moments.read_span("2025-01")[0], moments.read_span("2025-12")[1])
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("text", ["", "2026-13", "2026-02-30", "7x", "<", "tomorrow", "2026-03-10..2026-03-01", "0"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its text is not for people
        Moments(NOW).read_span(text)


@given(st.text(max_size=20))
def test_no_text_makes_any_other_error(text: str) -> None:
    for read in (values.whole_number, values.resolution, values.size, values.duration):
        for is_measure in (False, True):
            try:
                low, high = read_span(text, read, is_measure=is_measure)
            except (ValueError, OverflowError):
                continue
            assert low is not None or high is not None
    with contextlib.suppress(ValueError, OverflowError):
        Moments(NOW).read_span(text)
