"""The status of a running reeld: written beside the catalogue, read by the commands.

Moments are whole seconds since 1970. `None` means "not known", or "none".
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeVar

T = TypeVar("T")

Command = Literal["run", "scan", "restore"]
"""The command of the process that has the catalogue."""

WatchMode = Literal["events", "events and polling", "polling"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchStatus:
    """How changes of one library are noticed."""

    mode: WatchMode
    is_degraded: bool = False
    why: str | None = None
    """Why file events alone are not enough."""
    directories: int = 0
    rebuilds: int = 0
    """How often the observer was made again after trouble."""
    last_walk: int | None = None
    last_quick_scan: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingFile:
    """A file that is not complete yet, by its absolute path."""

    path: str
    since: int
    why: str
    held_since: int | None = None
    """Since when `why` holds it back, or None if it is only not quiet yet."""
    until: int | None = None
    """When reeld reads it as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableFolder:
    """A folder that could not be listed, by its absolute path."""

    path: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatcherStatus:
    """One watched library, as its thread published it last."""

    name: str
    is_first_turn_over: bool = False
    """False until its thread has checked the root for the first time: before that, nothing else is known."""
    watching: WatchStatus | None = None
    """None while the library cannot be watched at all."""
    settling: int = 0
    """How many files wait until they are complete."""
    waiting: tuple[WaitingFile, ...] = ()
    """Some of these, by name."""
    unreadable: tuple[UnreadableFolder, ...] = ()
    trouble: str | None = None
    """The problem of its disk, and what the user can do."""

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "WatcherStatus":
        known = _known_to(cls, values)
        if known.get("watching") is not None:
            known["watching"] = _read(WatchStatus, known["watching"])
        known["waiting"] = tuple(_read(WaitingFile, each) for each in known.get("waiting", ()))
        known["unreadable"] = tuple(_read(UnreadableFolder, each) for each in known.get("unreadable", ()))
        return cls(**known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """How much work is left, how fast it goes, and when it may be done."""

    files: int
    """Files that have a stage left."""
    bytes_to_hash: int
    files_per_s: float | None
    hashed_bytes_per_s: float | None
    seconds_left: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStatus:
    """The status of the process that has the catalogue. A scan has only its `pid` and `command`."""

    pid: int | None = None
    """None if the status could not be written, or not be read."""
    command: Command | None = None
    started: int | None = None
    config_file: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    """The configuration in force, as `config.document_of` writes it."""
    only_library: str | None = None
    """The folder of `run --library`, which stands in for the configured libraries."""
    config_error: str | None = None
    """Why the changed configuration file is not in force."""
    catalog_problems: tuple[str, ...] = ()
    metrics_problems: tuple[str, ...] = ()
    """Why the metrics are not shown."""
    libraries: tuple[WatcherStatus, ...] = ()
    work: Estimate | None = None
    """None while there is nothing to do."""

    @property
    def is_daemon(self) -> bool:
        """Whether this process is `reeld run`. One whose status cannot be read counts as that."""
        return self.command in (None, "run")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> "RunningStatus":
        """Read the output of `to_json`, perhaps of another version of reeld. Unreadable parts are
        unknown.
        """
        try:
            known = _known_to(cls, values)
            known["libraries"] = tuple(WatcherStatus.from_json(each) for each in known.get("libraries", ()))
            for problems in ("catalog_problems", "metrics_problems"):
                known[problems] = tuple(known.get(problems, ()))
            if known.get("work") is not None:
                known["work"] = _read(Estimate, known["work"])
            return cls(**known)
        except (TypeError, AttributeError):
            return cls()


def _read(cls: type[T], values: dict[str, Any]) -> T:
    return cls(**_known_to(cls, values))


def _known_to(cls: type, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of fields that this version has."""
    fields = cls.__dataclass_fields__  # type: ignore[attr-defined]
    return {name: value for name, value in values.items() if name in fields}
