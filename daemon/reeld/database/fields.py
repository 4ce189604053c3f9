"""Column types for values that SQLite has no type for. No value loses anything."""

from datetime import UTC, datetime
from typing import Any

from peewee import BigIntegerField, Field, TextField


class PathField(Field):
    """A path or file name: TEXT if it is valid UTF-8, otherwise its raw bytes as a BLOB."""

    field_type = "TEXT"

    def db_value(self, value: str | None) -> str | bytes | None:
        if value is None or _is_unicode(value):
            return value
        return value.encode("utf-8", "surrogateescape")

    def python_value(self, value: str | bytes | None) -> Any:
        return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


class PlainTextField(TextField):
    """Text for the user. What cannot be encoded (a name's stray bytes) is stored as U+FFFD."""

    def db_value(self, value: Any) -> Any:
        if isinstance(value, str) and not _is_unicode(value):
            return "".join("\ufffd" if 0xD800 <= ord(char) <= 0xDFFF else char for char in value)
        return value


class Unsigned64Field(BigIntegerField):
    """An inode or device number. SQLite's integers are signed, so the upper half is negative."""

    def db_value(self, value: int | None) -> int | None:
        return value - (1 << 64) if value is not None and value >= 1 << 63 else value

    def python_value(self, value: int | None) -> Any:
        return value + (1 << 64) if value is not None and value < 0 else value


class UtcField(Field):
    """A time in UTC as ISO 8601 text with milliseconds, so text order is time order."""

    field_type = "TEXT"

    def db_value(self, value: datetime | None) -> str | None:
        if value is None:
            return None
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def python_value(self, value: str | None) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def utc_from_ms(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms / 1000, UTC)
