"""Reads the configuration: one TOML file, read once, validated as a whole, frozen.

Each key is in one of the tables below, with its default and its check. `config.toml`, at the top
of the repository, states the same defaults and is the manual. All errors are collected and raised
together, so that the user corrects the file once.
"""

import difflib
import grp
import itertools
import os
import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from reeld.domain.files import readable
from reeld.domain.identity import LibraryKind
from reeld.errors import ConfigError

LogLevel = Literal["debug", "info", "warning", "error"]
WatchMode = Literal["auto", "events", "poll"]
InodeSetting = Literal["auto", "trusted", "untrusted"]
RealPaths = Callable[[Collection[str]], Mapping[str, str]]
"""Resolves the symbolic links of paths, all at once."""
LogFormat = Literal["auto", "json", "console"]

# Some editors, as on Windows, begin a file with it. TOML does not know it.
BYTE_ORDER_MARK = "\ufeff"

# A week of daily backups.
BACKUPS_KEPT = 7

# A kibibyte a second: a film of 2 GiB takes three weeks.
SLOWEST_MIB_PER_S = 0.001

# Ten years.
LONGEST_PERIOD_D = 3650

# The extensions that players and rippers have written in the last thirty years. `.ts` and `.vob`
# may be other things (TypeScript, a game's level): the first bytes decide. `.iso` and `.img` are
# left out: a disc image holds a menu and many titles, not one film.
DEFAULT_EXTENSIONS = (
    "3g2", "3gp", "asf", "avi", "divx", "dv", "f4v", "flv", "m1v", "m2p", "m2ts", "m2v", "m4v",
    "mk3d", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "mxf", "ogm", "ogv", "qt", "rm",
    "rmvb", "ts", "vob", "webm", "wmv", "xvid",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleSettings:
    """When a file is complete: for libraries without values of their own, and folders named by a
    command.
    """

    quiet_s: float = 5.0
    open_for_writing: bool = True
    holes: bool = True
    container_end: bool = True
    patience_h: float = 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Library(SettleSettings):
    """A watched folder. `path` is absolute and spelled as the user wrote it."""

    name: str
    path: str
    kind: LibraryKind = "auto"
    extensions: tuple[str, ...] = DEFAULT_EXTENSIONS
    minimum_size_bytes: int = 0
    ignore: tuple[str, ...] = ()
    watch: WatchMode = "auto"
    inodes: InodeSetting = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """How often a library is scanned although no event arrives."""

    reconcile_s: float = 600.0
    full_walk_h: float = 24.0
    poll_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HashSettings:
    full: bool = True
    max_mib_per_s: float = 0.0
    """For all complete hashes together; 0 is no limit."""
    hours: str = ""
    """`HH:MM-HH:MM`, in local time: when complete hashes may begin. Empty is always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySettings:
    """When the daemon reads known files again, to compare them with their complete hashes."""

    period_d: float = 0.0
    """How long a comparison counts; 0 is for ever."""
    max_mib_per_s: float = 0.0
    hours: str = ""
    """Both as in `HashSettings`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSettings:
    timeout_s: float = 20.0
    memory_mib: int = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifySettings:
    timeout_s: float = 5.0
    memory_mib: int = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    level: LogLevel = "info"
    format: LogFormat = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSettings:
    """Where the Prometheus metrics go. The default is nowhere."""

    port: int = 0
    textfile_directory: str = ""
    """Absolute, or empty."""
    period_s: float = 15.0

    @property
    def is_wanted(self) -> bool:
        return bool(self.port or self.textfile_directory)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedQuery:
    """A query that commands know by name. What it asks is checked when it is used, and by `reeld config check`."""

    name: str
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings. `source` is the file they came from, or None for the built-in defaults."""

    source: str | None
    libraries: tuple[Library, ...]
    database_path: str
    backups_kept: int = BACKUPS_KEPT
    database_group: str = ""
    """Whose members may read the catalogue. Empty is none."""
    watch: WatchSettings = field(default_factory=WatchSettings)
    settle: SettleSettings = field(default_factory=SettleSettings)
    hash: HashSettings = field(default_factory=HashSettings)
    verify: VerifySettings = field(default_factory=VerifySettings)
    probe: ProbeSettings = field(default_factory=ProbeSettings)
    identify: IdentifySettings = field(default_factory=IdentifySettings)
    log: LogSettings = field(default_factory=LogSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    queries: tuple[SavedQuery, ...] = ()
    only_library: str | None = None
    """The folder of `run --library`, which stands in for the file's libraries."""


# --- where things are ------------------------------------------------------------------------------------


def find_config_file(given: str | None, environment: Mapping[str, str]) -> str | None:
    """Choose the configuration file: the given one, else the first that exists, else None.

    Order: `--config`, `$REELD_CONFIG`, `$XDG_CONFIG_HOME/reeld/config.toml` (`~/.config/...`),
    `/etc/reeld/config.toml`. The first two must exist: a misspelled path must not mean "the
    defaults".
    """
    chosen = given or environment.get("REELD_CONFIG")
    if chosen:
        return chosen
    user_directory = environment.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    candidates = (os.path.join(user_directory, "reeld", "config.toml"), "/etc/reeld/config.toml")
    return next((path for path in candidates if _may_exist(path)), None)


def _may_exist(path: str) -> bool:
    """Tell whether a file is there, or hidden in a folder that this user may not enter."""
    try:
        os.stat(path)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def default_database_path(environment: Mapping[str, str]) -> str:
    """Use systemd's state directory if it is set, else the user's."""
    # systemd separates several state directories by colons; the first is ours.
    if state_directory := environment.get("STATE_DIRECTORY", "").split(":")[0]:
        return os.path.join(state_directory, "reeld.db")
    state_home = environment.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(state_home, "reeld", "reeld.db")


# --- reading ---------------------------------------------------------------------------------------------


def resolved(paths: Collection[str]) -> Mapping[str, str]:
    """Resolve the symbolic links of paths, however long their disks take."""
    return {path: os.path.realpath(path) for path in paths}


def as_named(paths: Collection[str]) -> Mapping[str, str]:
    """Take each path as it is, for a command that asks no disk of a library."""
    return {path: path for path in paths}


def load_config(path: str | None, environment: Mapping[str, str], *, real_paths: RealPaths = resolved) -> Config:
    """Load the configuration file at `path`, or the defaults if it is None.

    `real_paths` resolves the libraries' paths. Nothing else is asked of the libraries' disks. Raises
    `ConfigError` with all errors of the file.
    """
    if path is None:
        return parse_config({}, source=None, base=os.getcwd(), environment=environment, real_paths=real_paths)
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8").removeprefix(BYTE_ORDER_MARK))
    except OSError as err:
        complaint = f"cannot be read ({err.strerror}); check the path and its rights"
        raise ConfigError(path, [complaint]) from err
    except UnicodeDecodeError as err:
        raise ConfigError(path, [f"is not UTF-8 text ({err.reason} at byte {err.start}); save it as UTF-8"]) from err
    except (ValueError, RecursionError) as err:
        # Not only TOMLDecodeError, which is a ValueError: also a number of 5,000 digits, or as
        # many brackets.
        raise ConfigError(path, [f"is not valid TOML: {err}"]) from err
    base = os.path.dirname(os.path.abspath(path))
    return parse_config(document, source=path, base=base, environment=environment, real_paths=real_paths)


def database_path_in(path: str, environment: Mapping[str, str]) -> str:
    """Find the catalogue's path in a file that has errors, as far as it is readable; else the
    default path.
    """
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace").removeprefix(BYTE_ORDER_MARK)
    except OSError:
        text = ""
    if given := _database_path(text) or _database_path_by_lines(text):
        return _absolute(given, os.path.dirname(os.path.abspath(path)))
    return default_database_path(environment)


def _database_path(text: str) -> str | None:
    try:
        given = tomllib.loads(text)["database"]["path"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    return given if _text(given) is None else None


def _database_path_by_lines(text: str) -> str | None:
    """Find the path in text that is not valid TOML, line by line, each under its own heading."""
    heading = ""
    for line in text.split("\n"):
        if line.lstrip().startswith("["):
            heading = line
        elif "path" in line and (given := _database_path(f"{heading}\n{line}")):
            return given
    return None


def parse_config(
    document: Mapping[str, Any],
    *,
    source: str | None,
    base: str,
    environment: Mapping[str, str],
    real_paths: RealPaths = resolved,
) -> Config:
    """Check a parsed TOML `document` and build the configuration. Relative paths are relative to
    `base`.
    """
    complaints: list[str] = []
    _refuse_unknown(document, [*_SECTIONS, "library", "queries"], "", complaints)
    sections = {name: _section(document, name, complaints) for name in _SECTIONS}
    libraries = _libraries(document, sections["settle"], base, complaints)
    queries = _queries(document, complaints)
    if directory := sections["metrics"]["textfile_directory"]:
        sections["metrics"]["textfile_directory"] = directory = _absolute(directory, base)
    places = {library.path for library in libraries} | ({directory} if directory else set())
    real = real_paths(places)
    _refuse_overlaps(libraries, real, complaints)
    if directory:
        _refuse_writing_into_libraries(directory, libraries, real, complaints)
    if complaints:
        # A key or a value may contain any character, and is shown on a terminal.
        raise ConfigError(source or "built-in defaults", [readable(complaint) for complaint in complaints])
    given_database = sections["database"]["path"]
    database = _absolute(given_database, base) if given_database else default_database_path(environment)
    return Config(
        source=source,
        libraries=libraries,
        database_path=database,
        backups_kept=sections["database"]["backups_kept"],
        database_group=sections["database"]["group"],
        watch=WatchSettings(**sections["watch"]),
        settle=SettleSettings(**sections["settle"]),
        hash=HashSettings(**sections["hash"]),
        verify=VerifySettings(**sections["verify"]),
        probe=ProbeSettings(**sections["probe"]),
        identify=IdentifySettings(**sections["identify"]),
        log=LogSettings(**sections["log"]),
        metrics=MetricsSettings(**sections["metrics"]),
        queries=queries,
    )


def document_of(config: Config) -> dict[str, Any]:
    """Return the document that `parse_config` reads as this configuration, with all defaults, fit
    for JSON.
    """
    sections = asdict(config)
    del sections["source"], sections["only_library"]
    database = {
        "path": sections.pop("database_path"),
        "backups_kept": sections.pop("backups_kept"),
        "group": sections.pop("database_group"),
    }
    queries = {saved["name"]: saved["query"] for saved in sections.pop("queries")}
    return {"library": sections.pop("libraries"), "database": database, "queries": queries, **sections}


def _queries(document: Mapping[str, Any], complaints: list[str]) -> tuple[SavedQuery, ...]:
    queries = document.get("queries", {})
    if not isinstance(queries, dict):
        complaints.append('queries must be a table: write [queries], and below it lines such as new = "added:<7d"')
        return ()
    for name, query in queries.items():
        if not re.fullmatch(r"[\w-]+", name):
            complaints.append(f"queries.{name}: a name has letters, digits, `_` and `-` only")
        elif (wrong := _text(query)) is not None:
            complaints.append(f"queries.{name} {wrong}")
    return tuple(SavedQuery(name=name, query=query) for name, query in queries.items())


# A check returns what is wrong with a value and what to write instead, or None.
Check = Callable[[Any], str | None]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the file: its default, and the check for its values."""

    default: Any
    check: Check
    is_required: bool = False


def _text(value: Any) -> str | None:
    if isinstance(value, str) and value.strip() and "\0" not in value:
        return None
    return "must be a text that is not empty"


def _optional_text(value: Any) -> str | None:
    return None if value == "" else _text(value)


def _group(value: Any) -> str | None:
    if (wrong := _optional_text(value)) is not None or value == "":
        return wrong
    try:
        grp.getgrnam(value)
    except (KeyError, ValueError, OSError):
        return 'must be the name of a group of this machine, as in `getent group`, or "" for none'
    return None


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _number(least: float, most: float, unit: str) -> Check:
    def check(value: Any) -> str | None:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        # A NaN compares false with everything, so it fails here too.
        return None if is_number and least <= value <= most else f"must be a number of {unit} from {least} to {most}"

    return check


def _pace(value: Any) -> str | None:
    """Refuse a rate near zero: it would delay a file beyond the largest time that can be stored."""
    if _number(0, 1_000_000, "MiB a second")(value) is None and (value == 0 or value >= SLOWEST_MIB_PER_S):
        return None
    return f"must be a number of MiB a second from {SLOWEST_MIB_PER_S} to 1000000, or 0 for no limit"


def _period(value: Any) -> str | None:
    """Refuse a period that would have every disk read without a pause."""
    if _number(0, LONGEST_PERIOD_D, "days")(value) is None and (value == 0 or value >= 1):
        return None
    return f"must be a number of days from 1 to {LONGEST_PERIOD_D}, or 0 for never"


def _whole(least: int, most: int, unit: str) -> Check:
    def check(value: Any) -> str | None:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return (
            None if is_whole and least <= value <= most else f"must be a whole number of {unit} from {least} to {most}"
        )

    return check


def _one_of(*choices: str) -> Check:
    def check(value: Any) -> str | None:
        if value in choices:
            return None
        return "must be " + " or ".join(f'"{choice}"' for choice in choices) + _nearest(value, choices)

    return check


def _hours(value: Any) -> str | None:
    try:
        hours_of(value)
    except (TypeError, ValueError, AttributeError):
        return 'must be two times of the day, such as "01:00-07:00", or "" for the whole day'
    return None


def hours_of(text: str) -> tuple[int, int]:
    """Parse `HH:MM-HH:MM` into the minutes of the day; both 0 for "". ValueError for anything else."""
    if text == "":
        return 0, 0
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d) *- *([01]\d|2[0-3]):([0-5]\d)", text, re.ASCII)
    if found is None:
        raise ValueError(text)
    start_h, start_min, end_h, end_min = map(int, found.groups())
    return start_h * 60 + start_min, end_h * 60 + end_min


def _extensions(value: Any) -> str | None:
    fits = isinstance(value, list) and value and all(isinstance(e, str) and _is_extension(e) for e in value)
    return None if fits else 'must be a list of file name endings without the dot, such as ["mkv", "mp4"]'


def _is_extension(text: str) -> bool:
    return text.isascii() and text.isalnum()


def _patterns(value: Any) -> str | None:
    fits = isinstance(value, list) and all(_text(pattern) is None for pattern in value)
    return None if fits else 'must be a list of patterns, such as ["*.old.mkv", "Home videos/**"]'


_SETTLE: dict[str, Key] = {
    # A day. Who needs a longer quiet period has mistaken the unit.
    "quiet_s": Key(SettleSettings().quiet_s, _number(0, 86_400, "seconds")),
    "open_for_writing": Key(SettleSettings().open_for_writing, _flag),
    "holes": Key(SettleSettings().holes, _flag),
    "container_end": Key(SettleSettings().container_end, _flag),
    # A year.
    "patience_h": Key(SettleSettings().patience_h, _number(0, 8_760, "hours")),
}

_SECTIONS: dict[str, dict[str, Key]] = {
    "database": {
        "path": Key("", _optional_text),
        "backups_kept": Key(BACKUPS_KEPT, _whole(1, 1000, "backups")),
        "group": Key("", _group),
    },
    "settle": _SETTLE,
    "watch": {
        "reconcile_s": Key(WatchSettings().reconcile_s, _number(0.1, 86_400, "seconds")),
        "full_walk_h": Key(WatchSettings().full_walk_h, _number(0.0001, 720, "hours")),
        "poll_s": Key(WatchSettings().poll_s, _number(0.1, 86_400, "seconds")),
    },
    "hash": {
        "full": Key(HashSettings().full, _flag),
        "max_mib_per_s": Key(HashSettings().max_mib_per_s, _pace),
        "hours": Key(HashSettings().hours, _hours),
    },
    "verify": {
        "period_d": Key(VerifySettings().period_d, _period),
        "max_mib_per_s": Key(VerifySettings().max_mib_per_s, _pace),
        "hours": Key(VerifySettings().hours, _hours),
    },
    "probe": {
        "timeout_s": Key(ProbeSettings().timeout_s, _number(1, 600, "seconds")),
        # Below 256 MiB libmediainfo itself does not load.
        "memory_mib": Key(ProbeSettings().memory_mib, _whole(256, 65_536, "MiB")),
    },
    "identify": {
        "timeout_s": Key(IdentifySettings().timeout_s, _number(1, 600, "seconds")),
        "memory_mib": Key(IdentifySettings().memory_mib, _whole(256, 65_536, "MiB")),
    },
    "log": {
        "level": Key(LogSettings().level, _one_of("debug", "info", "warning", "error")),
        "format": Key(LogSettings().format, _one_of("auto", "json", "console")),
    },
    "metrics": {
        "port": Key(MetricsSettings().port, _whole(0, 65_535, "a port")),
        "textfile_directory": Key(MetricsSettings().textfile_directory, _optional_text),
        "period_s": Key(MetricsSettings().period_s, _number(1, 3_600, "seconds")),
    },
}

_LIBRARY: dict[str, Key] = {
    "name": Key(None, _text, is_required=True),
    "path": Key(None, _text, is_required=True),
    "kind": Key("auto", _one_of("auto", "movies", "series")),
    "extensions": Key(list(DEFAULT_EXTENSIONS), _extensions),
    "minimum_size_bytes": Key(0, _whole(0, 1 << 50, "bytes")),
    "ignore": Key([], _patterns),
    # A library without a value of its own has that of [settle].
    **{name: Key(None, key.check) for name, key in _SETTLE.items()},
    "watch": Key("auto", _one_of("auto", "events", "poll")),
    "inodes": Key("auto", _one_of("auto", "trusted", "untrusted")),
}

_DEFAULT_LIBRARIES = [{"name": "Videos", "path": "~/Videos"}]


def _section(document: Mapping[str, Any], name: str, complaints: list[str]) -> dict[str, Any]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        complaints.append(f"{name} = {_shown(table)}: must be a table; write [{name}] on a line of its own")
        table = {}
    return _values(table, _SECTIONS[name], f"{name}.", complaints)


def _libraries(
    document: Mapping[str, Any], settle: Mapping[str, Any], base: str, complaints: list[str]
) -> tuple[Library, ...]:
    tables = document.get("library", _DEFAULT_LIBRARIES)
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        complaints.append(f"library = {_shown(tables)}: must be blocks; write [[library]] with double brackets")
        return ()
    libraries, names = list[Library](), list[str]()
    for number, table in enumerate(tables, start=1):
        called = table.get("name", number)
        where = f"library {called if isinstance(called, str) else _shown(called)}: "
        values = _values(table, _LIBRARY, where, complaints)
        if values["name"] is not None:
            names.append(values["name"])
        # Also for a block with other errors, so that errors across libraries are reported with
        # them.
        if values["path"] is not None:
            libraries.append(_library(values | {"name": values["name"] or str(number)}, settle, base))
    _refuse_repeated_names(names, complaints)
    return tuple(libraries)


def _library(values: dict[str, Any], settle: Mapping[str, Any], base: str) -> Library:
    return Library(
        name=values["name"],
        path=_absolute(values["path"], base),
        kind=cast("LibraryKind", values["kind"]),
        extensions=tuple(sorted({extension.lower() for extension in values["extensions"]})),
        minimum_size_bytes=values["minimum_size_bytes"],
        ignore=tuple(values["ignore"]),
        **{name: given if values[name] is None else values[name] for name, given in settle.items()},
        watch=cast("WatchMode", values["watch"]),
        inodes=cast("InodeSetting", values["inodes"]),
    )


def _values(table: Mapping[str, Any], keys: Mapping[str, Key], where: str, complaints: list[str]) -> dict[str, Any]:
    """Read each of `keys` from `table`. A refused value is replaced by the default."""
    _refuse_unknown(table, list(keys), where, complaints)
    values: dict[str, Any] = {}
    for name, key in keys.items():
        values[name] = key.default
        if name not in table:
            if key.is_required:
                complaints.append(f"{where}{name} is missing; every library needs one")
        elif wrong := key.check(table[name]):
            complaints.append(f"{where}{name} = {_shown(table[name])}: {wrong}")
        else:
            values[name] = table[name]
    return values


def _refuse_unknown(table: Mapping[str, Any], known: list[str], where: str, complaints: list[str]) -> None:
    for name in table:
        if name not in known:
            hint = _nearest(name, known) or "; known here: " + ", ".join(known)
            complaints.append(f"{where}{name} = {_shown(table[name])}: there is no such key{hint}")


def _refuse_repeated_names(names: list[str], complaints: list[str]) -> None:
    complaints.extend(
        f"library name = {_shown(name)}: is used {names.count(name)} times; give each library its own name"
        for name in sorted({name for name in names if names.count(name) > 1})
    )


def _refuse_overlaps(libraries: tuple[Library, ...], real: Mapping[str, str], complaints: list[str]) -> None:
    """Refuse libraries that overlap: a file in two libraries would have two identities."""
    complaints.extend(
        f"library path = {_shown(second.path)}: overlaps with {_shown(first.path)} of library "
        f"{_shown(first.name)}; keep one of the two, or use ignore patterns in the outer one"
        for first, second in itertools.combinations(libraries, 2)
        if _overlap(real[first.path], real[second.path])
    )


def _refuse_writing_into_libraries(
    directory: str, libraries: tuple[Library, ...], real: Mapping[str, str], complaints: list[str]
) -> None:
    """Refuse to write into a library: reeld never writes where videos are."""
    complaints.extend(
        f"metrics.textfile_directory = {_shown(directory)}: overlaps with the library {_shown(library.name)}, where "
        "reeld writes nothing; name a folder elsewhere"
        for library in libraries
        if _overlap(real[directory], real[library.path])
    )


def paths_overlap(first: str, second: str) -> bool:
    """Tell whether one folder is, or lies in, the other, also through symbolic links."""
    return _overlap(os.path.realpath(first), os.path.realpath(second))


def _overlap(first: str, second: str) -> bool:
    return os.path.commonpath((first, second)) in (first, second)


def _absolute(path: str, base: str) -> str:
    return os.path.normpath(os.path.join(base, os.path.expanduser(path)))


def _nearest(name: Any, known: tuple[str, ...] | list[str]) -> str:
    if not isinstance(name, str):
        return ""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f'; did you mean "{close[0]}"?' if close else ""


def _shown(value: Any) -> str:
    """Format a value as in the file, short enough for a line."""
    try:
        text = (
            f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else repr(value)
        )
    except ValueError:  # Python refuses to print a number of more than 4,300 digits
        text = "a number of thousands of digits"
    except RecursionError:  # dots in a key make nested tables, and each takes a call
        text = "tables within thousands of tables"
    return text if len(text) <= 80 else text[:77] + "..."
