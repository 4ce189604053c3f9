"""The states that rows of the catalogue can be in. Each member is the text that its column holds."""

from enum import StrEnum


class LibraryState(StrEnum):
    ONLINE = "online"
    OFFLINE = "offline"
    """It cannot be scanned, so nothing is known about its files."""
    UNVERIFIED = "unverified"
    """Another directory or file system is at its path."""
    ON_HOLD = "on_hold"
    """So many files are gone that the user must confirm it."""
    REMOVED = "removed"
    """It is not in the configuration."""


class FileState(StrEnum):
    PRESENT = "present"
    MISSING = "missing"
    LIBRARY_REMOVED = "library_removed"
    """It was present when its library was last scanned. The library is not in the configuration."""


class FileVerdict(StrEnum):
    """What became of a file's name. A file whose name was not read yet has none."""

    ACCEPTED = "accepted"
    PENDING = "pending"
    """It waits for the user, with its candidates."""
    REJECTED = "rejected"
    """The user said that it is none of them."""
    IGNORED = "ignored"


class DecidedBy(StrEnum):
    RULES = "rules"
    """The library's rules, before anything was read."""
    REELD = "reeld"
    USER = "user"
    """A user's decision stands."""


class ValidationStatus(StrEnum):
    PENDING = "pending"
    VALIDATED = "validated"
    REJECTED = "rejected"


class JobState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    """Its library is away, or the file itself while the library is on hold."""
    FAILED = "failed"
    """It was given up; `last_error` says why."""
