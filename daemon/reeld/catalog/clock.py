"""How do moments turn from the clock's milliseconds into the catalogue's UTC times?"""

from datetime import UTC, datetime


def utc_from_ms(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms / 1000, UTC)
