"""Reads the values of a query's fields: `1990..1999`, `>=2160p`, `<7d`, `>20GiB`, `2026-11`.

Each value stands for a span of numbers: a year for itself, `2026-11` for all moments of that month, `90min` for the
whole minute. A comparison or a range is a span, too. Numbers are whole.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

Number = int
Span = tuple[Number | None, Number | None]
"""From the first number on, and below the second. None is no bound."""
Reader = Callable[[str], tuple[Number, Number]]
"""Reads one value. Raises ValueError for what is none."""

_COMPARED = re.compile(r"(>=|<=|>|<|=)?(.*)", re.DOTALL)


def read_span(text: str, read: Reader, *, is_measure: bool = False) -> Span:
    """Read a value, a comparison or a range. Raises ValueError for anything else.

    Of a measure alone, `size:20GiB`, anything below 21 GiB is meant. A comparison takes it exactly.
    """
    first, dots, last = text.partition("..")
    if dots:
        if not first and not last:
            raise ValueError(text)
        low = read(first)[0] if first else None
        high = _bounds(last, read, is_measure)[1] if last else None
        if low is not None and high is not None and low >= high:
            raise ValueError(text)
        return low, high
    found = _COMPARED.fullmatch(text)
    sign, value = (found[1], found[2]) if found else (None, text)
    if sign in (None, "="):
        return read(value)
    start, end = _bounds(value, read, is_measure)
    spans: dict[str | None, Span] = {">=": (start, None), "<=": (None, end), ">": (end, None), "<": (None, start)}
    return spans[sign]


def _bounds(text: str, read: Reader, is_measure: bool) -> tuple[Number, Number]:
    start, end = read(text)
    return start, start + 1 if is_measure else end


def whole_number(text: str) -> tuple[int, int]:
    if not re.fullmatch(r"\d{1,15}", text, re.ASCII):
        raise ValueError(text)
    return int(text), int(text) + 1


_BYTES = {
    "": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip


def size(text: str) -> tuple[int, int]:
    """Read `700MB`, `1.5GiB` or a number of bytes."""
    return _with_unit(text, _BYTES)


_MS = {"ms": 1, "s": 1000, "sec": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000}


def duration(text: str) -> tuple[int, int]:
    """Read `90min`, `1h30min` or `1:30:00`, in milliseconds. A value lasts as long as its smallest unit."""
    if found := re.fullmatch(r"(?:(\d{1,3}):([0-5]\d)|(\d{1,4})):([0-5]\d)", text, re.ASCII):
        hours, minutes, minutes_alone, seconds = (int(part or 0) for part in found.groups())
        start = (hours * 3600 + (minutes + minutes_alone) * 60 + seconds) * 1000
        return start, start + 1000
    parts = re.findall(r"([\d.]+)([a-z]+)", text.casefold())
    if not parts or "".join(number + unit for number, unit in parts) != text.casefold():
        raise ValueError(text)
    spans = [_with_unit(number + unit, _MS) for number, unit in parts]
    start = sum(low for low, _ in spans)
    return start, start + spans[-1][1] - spans[-1][0]


_PIXELS = {"sd": 480, "hd": 720, "fullhd": 1080, "fhd": 1080, "qhd": 1440, "uhd": 2160, "4k": 2160, "8k": 4320}
CLASSES = (240, 360, 480, 576, 720, 1080, 1440, 2160, 4320)


def resolution(text: str) -> tuple[int, int]:
    """Read `1080p`, `2160`, `4k` or `sd` as the class of a picture."""
    plain = text.casefold().removesuffix("p").removesuffix("i")
    number = _PIXELS.get(text.casefold()) or (int(plain) if plain.isascii() and plain.isdigit() else None)
    if number not in CLASSES:
        raise ValueError(text)
    if text.casefold() == "sd":
        return 0, 720
    return number, number + 1


_AGE_S = {"min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "mo": 30 * 86_400, "y": 365 * 86_400}


@dataclass(frozen=True, slots=True)
class Moments:
    """Reads moments in seconds since 1970: days of the local calendar, and ages before `now`."""

    now: datetime

    def read_span(self, text: str) -> Span:
        """Read `<7d` (less than seven days ago), `2026-11`, `2026-11-05..`, `today` or `yesterday`."""
        found = re.fullmatch(r"(>=|<=|>|<)?(\d+(?:min|h|d|w|mo|y))", text.casefold(), re.ASCII)
        if found is None:
            return read_span(text, self._day)
        low, high = read_span(text.casefold(), lambda age: _with_unit(age, _AGE_S), is_measure=True)
        now_s = int(self.now.timestamp())
        # The older the smaller, so the bounds change places.
        return None if high is None else now_s - high + 1, None if low is None else now_s - low + 1

    def _day(self, text: str) -> tuple[int, int]:
        local = self.now.astimezone()
        if text.casefold() in ("today", "yesterday"):
            day = local.date() - timedelta(days=text.casefold() == "yesterday")
            text = day.isoformat()
        found = re.fullmatch(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", text, re.ASCII)
        if found is None:
            raise ValueError(text)
        year, month, day_number = (int(part) if part else None for part in found.groups())
        start = datetime(year or 0, month or 1, day_number or 1)  # noqa: DTZ001 - local time
        if month is None:
            end = start.replace(year=start.year + 1)
        elif day_number is None:
            end = (start + timedelta(days=31)).replace(day=1)
        else:
            end = start + timedelta(days=1)
        return int(start.timestamp()), int(end.timestamp())


def as_stored(second: int) -> str:
    """Write a moment as the catalogue's columns have it."""
    return datetime.fromtimestamp(second, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _with_unit(text: str, units: dict[str, int]) -> tuple[int, int]:
    """Read a number and its unit. The span is the last digit's step: `1.5GiB` ends at 1.6 GiB."""
    found = re.fullmatch(r"(\d{1,15})(?:\.(\d{1,3}))?\s*([a-z]*)", text.casefold(), re.ASCII)
    if found is None or found[3] not in units:
        raise ValueError(text)
    unit, decimals = units[found[3]], found[2] or ""
    step = max(1, unit // 10 ** len(decimals))
    start = int(found[1]) * unit + int(decimals or 0) * unit // 10 ** len(decimals)
    return start, start + step
