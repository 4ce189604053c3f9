"""What the configuration accepts, what it refuses and how it says so."""

import contextlib
import inspect
import json
import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.config import (
    Config,
    HashSettings,
    IdentifySettings,
    Library,
    LogSettings,
    MetricsSettings,
    ProbeSettings,
    SettleSettings,
    VerifySettings,
    WatchSettings,
    database_path_in,
    default_database_path,
    document_of,
    find_config_file,
    load_config,
    parse_config,
    paths_overlap,
)
from reeld.errors import ConfigError
from reeld.watch.rules import Rules

SHIPPED = Path(__file__).parent.parent / "config.toml"
ENVIRONMENT = {"HOME": "/home/ada"}


def parsed(document: Mapping[str, Any], environment: Mapping[str, str] = ENVIRONMENT) -> Config:
    return parse_config(document, source="test.toml", base="/base", environment=environment)


def complaints_of(document: Mapping[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parsed(document)
    return caught.value.complaints


def loaded(tmp_path: Path, text: str | bytes) -> Config:
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_config(str(path), ENVIRONMENT)


def library(**keys: object) -> dict[str, object]:
    return {"library": [{"name": "L", "path": "/videos", **keys}]}


# --- the shipped file ------------------------------------------------------------------------------------


def test_the_shipped_file_means_the_same_as_no_file() -> None:
    shipped, default = asdict(load_config(str(SHIPPED), ENVIRONMENT)), asdict(load_config(None, ENVIRONMENT))
    assert shipped | {"source": None} == default


def test_the_shipped_file_states_every_key() -> None:
    document = tomllib.loads(SHIPPED.read_text())
    sections = {
        "database": {"path", "backups_kept", "group"},
        "watch": {field.name for field in fields(WatchSettings)},
        "settle": {field.name for field in fields(SettleSettings)},
        "hash": {field.name for field in fields(HashSettings)},
        "verify": {field.name for field in fields(VerifySettings)},
        "probe": {field.name for field in fields(ProbeSettings)},
        "identify": {field.name for field in fields(IdentifySettings)},
        "log": {field.name for field in fields(LogSettings)},
        "metrics": {field.name for field in fields(MetricsSettings)},
        "library": {field.name for field in fields(Library)},
        "queries": set(),  # each user's own
    }
    (block,) = document["library"]
    assert {name: set(keys) for name, keys in (document | {"library": block}).items()} == sections
    assert {field.name for field in fields(Config)} == sections.keys() - {"library", "database"} | {
        "source",
        "only_library",
        "libraries",
        "database_path",
        "backups_kept",
        "database_group",
    }


def test_each_key_of_the_shipped_file_has_a_comment_above_it() -> None:
    lines = SHIPPED.read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"\w+ = ", line):
            assert lines[number - 1].startswith("# "), line


def test_the_default_extensions_are_ones_that_the_rules_know() -> None:
    assert set(Library(name="", path="").extensions) <= Rules().extensions


# --- complaints ------------------------------------------------------------------------------------------


def test_ten_mistakes_are_ten_complaints_at_once(tmp_path: Path) -> None:
    text = """
        qiet = 3
        [databse]
        [settle]
        quiet_s = -1
        [hash]
        full = "yes"
        [probe]
        timeout_s = nan
        memory_mib = 1
        [log]
        level = "loud"
        colour = true
        [[library]]
        path = "/films"
        kind = "film"
        extensions = []
    """
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    complaints = caught.value.complaints
    expected = [
        ("qiet = 3", "there is no such key"),
        ("databse = {}", 'did you mean "database"?'),
        ("settle.quiet_s = -1", "number of seconds from 0 to 86400"),
        ('hash.full = "yes"', "true or false"),
        ("probe.timeout_s = nan", "number of seconds from 1 to 600"),
        ("probe.memory_mib = 1", "whole number of MiB from 256 to 65536"),
        ('log.level = "loud"', '"debug" or "info" or "warning" or "error"'),
        ("log.colour = true", "known here: level, format"),
        ("library 1: name", "every library needs one"),
        ('library 1: kind = "film"', '"auto" or "movies" or "series"'),
        ("library 1: extensions = []", '["mkv", "mp4"]'),
    ]
    assert len(complaints) == len(expected)
    for key, hint in expected:
        assert [complaint for complaint in complaints if key in complaint and hint in complaint], (key, complaints)
    message = str(caught.value)
    assert message.startswith(str(tmp_path / "config.toml"))
    assert message.count("\n") == len(expected)


@pytest.mark.parametrize(
    ("document", "nearest"),
    [
        ({"libary": []}, "library"),
        ({"settle": {"quiet": 3}}, "quiet_s"),
        ({"log": {"lvl": "info"}}, "level"),
        ({"log": {"level": "warn"}}, "warning"),
        (library(minimum_size=3), "minimum_size_bytes"),
        (library(kind="movie"), "movies"),
    ],
)
def test_the_nearest_known_name_is_offered(document: dict[str, Any], nearest: str) -> None:
    (complaint,) = complaints_of(document)
    assert f'did you mean "{nearest}"?' in complaint


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("settle", "quiet_s", float("nan")),
        ("settle", "quiet_s", float("inf")),
        ("settle", "quiet_s", True),
        ("settle", "quiet_s", "5"),
        ("settle", "quiet_s", -0.1),
        ("settle", "quiet_s", 86_401),
        ("settle", "quiet_s", [5]),
        ("settle", "open_for_writing", 1),
        ("settle", "holes", "no"),
        ("settle", "container_end", 0),
        ("settle", "patience_h", -1),
        ("settle", "patience_h", float("nan")),
        ("settle", "patience_h", 8_761),
        ("hash", "full", 1),
        ("hash", "max_mib_per_s", -1),
        ("hash", "max_mib_per_s", 1e-300),
        ("hash", "max_mib_per_s", 0.0009),
        ("probe", "memory_mib", 1024.5),
        ("probe", "memory_mib", True),
        ("probe", "memory_mib", 1 << 80),
        ("identify", "timeout_s", 0),
        ("log", "level", {}),
        ("log", "format", 3),
        ("database", "path", 3),
        ("database", "path", "a\0b"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(section: str, key: str, value: object) -> None:
    (complaint,) = complaints_of({section: {key: value}})
    assert complaint.startswith(f"{section}.{key} = ")
    assert "must be" in complaint


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", ""),
        ("name", 3),
        ("path", " "),
        ("path", ["/a"]),
        ("extensions", [".mkv"]),
        ("extensions", "mkv"),
        ("extensions", [3]),
        ("minimum_size_bytes", -1),
        ("minimum_size_bytes", 1.5),
        ("minimum_size_bytes", 1 << 60),
        ("ignore", "*.mkv"),
        ("ignore", [""]),
        ("quiet_s", False),
        ("open_for_writing", "yes"),
        ("patience_h", True),
    ],
)
def test_a_library_that_cannot_be_meant_is_refused(key: str, value: object) -> None:
    (complaint,) = complaints_of(library(**{key: value}))
    assert f"{key} = " in complaint


@pytest.mark.parametrize("document", [{"library": {"name": "L"}}, {"library": [3]}, {"settle": 3}, {"library": "x"}])
def test_a_table_of_the_wrong_shape_is_refused_with_the_right_one(document: dict[str, Any]) -> None:
    (complaint,) = complaints_of(document)
    assert "write [" in complaint


def test_a_value_is_shown_short_and_printable() -> None:
    (complaint,) = complaints_of({"settle": {"quiet_s": "x" * 10_000 + "\x1b[31m"}})
    assert len(complaint) < 200
    assert complaints_of({"settle": {"quiet_s": "\x1b[31m"}})[0].isprintable()
    assert complaints_of({"\x1b[31m": 1})[0].isprintable()
    assert complaints_of(library(**{"\n": 1}))[0].isprintable()


# --- libraries -------------------------------------------------------------------------------------------


def test_libraries_that_overlap_are_refused(tmp_path: Path) -> None:
    (tmp_path / "films" / "old").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "films")
    for first, second in [("films", "films"), ("films", "films/old"), ("films/old", "films"), ("films", "link/old")]:
        (complaint,) = complaints_of(
            {
                "library": [
                    {"name": "A", "path": str(tmp_path / first)},
                    {"name": "B", "path": str(tmp_path / second)},
                ]
            }
        )
        assert "overlaps" in complaint
        assert '"A"' in complaint
    assert not paths_overlap(str(tmp_path / "films"), str(tmp_path / "films2"))


def test_a_name_may_be_used_once() -> None:
    (complaint,) = complaints_of({"library": [{"name": "A", "path": "/a"}, {"name": "A", "path": "/b"}]})
    assert 'library name = "A": is used 2 times' in complaint


def test_what_spans_libraries_is_complained_of_with_the_mistakes_inside_them() -> None:
    """What spans libraries is complained of together with the mistakes inside them."""
    films = "/nowhere/films"  # a long path is shortened in what is said
    found = complaints_of(
        {
            "metrics": {"textfile_directory": films},
            "library": [
                {"name": "A", "path": films, "kynd": "movies"},
                {"name": "A", "path": films + "/old", "quiet_s": -1},
                {"name": "A"},
                {"path": films + "/new"},
                {"name": "B", "path": 7},
            ],
        }
    )
    inside = ("A: kynd", "A: quiet_s", "A: path is missing", "4: name is missing", "B: path = 7")
    spanning = (
        'library name = "A": is used 3 times',
        f'"{films}/old": overlaps with "{films}" of library "A"',
        f'"{films}/new": overlaps with "{films}" of library "A"',
        'textfile_directory = "' + films + '": overlaps with the library "A"',
    )
    for expected in (*inside, *spanning):
        assert any(expected in complaint for complaint in found), expected
    assert len([each for each in found if "overlaps with" in each]) == 5
    assert len(found) == len(inside) + 1 + 5


def test_an_empty_list_of_libraries_is_possible() -> None:
    assert parsed({"library": []}).libraries == ()


def test_paths_are_relative_to_the_file_and_may_begin_with_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    config = parsed(
        {
            "library": [
                {"name": "A", "path": "films"},
                {"name": "B", "path": "~/tv"},
                {"name": "C", "path": "../up/./x/"},
            ],
            "database": {"path": "state/r.db"},
        }
    )
    assert [library.path for library in config.libraries] == ["/base/films", "/home/ada/tv", "/up/x"]
    assert config.database_path == "/base/state/r.db"


def test_a_library_has_its_own_quiet_period_or_the_general_one() -> None:
    config = parsed(
        {
            "settle": {"quiet_s": 9},
            "library": [{"name": "A", "path": "/a"}, {"name": "B", "path": "/b", "quiet_s": 0, "extensions": ["MKV"]}],
        }
    )
    assert [library.quiet_s for library in config.libraries] == [9, 0]
    assert config.settle.quiet_s == 9
    assert config.libraries[1].extensions == ("mkv",)


def test_each_witness_can_be_switched_off_for_one_library_or_for_all() -> None:
    completeness_checks = {"open_for_writing": False, "holes": False, "container_end": False, "patience_h": 1}
    for name, value in completeness_checks.items():
        config = parsed({"settle": {name: value}, "library": [{"name": "A", "path": "/a"}]})
        assert getattr(config.libraries[0], name) == getattr(config.settle, name) == value
        config = parsed({"library": [{"name": "A", "path": "/a", name: value}, {"name": "B", "path": "/b"}]})
        default = getattr(SettleSettings(), name)
        assert [getattr(library, name) for library in config.libraries] == [value, default]
        assert getattr(config.settle, name) == default


# --- where things are ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({}, "/home/ada/.local/state/reeld/reeld.db"),
        ({"XDG_STATE_HOME": "/state"}, "/state/reeld/reeld.db"),
        ({"XDG_STATE_HOME": "/state", "STATE_DIRECTORY": "/var/lib/reeld"}, "/var/lib/reeld/reeld.db"),
        ({"STATE_DIRECTORY": "/var/lib/reeld:/var/lib/other"}, "/var/lib/reeld/reeld.db"),
        ({"STATE_DIRECTORY": "", "XDG_STATE_HOME": ""}, "/home/ada/.local/state/reeld/reeld.db"),
    ],
)
def test_the_catalogue_lies_where_its_runner_keeps_state(
    environment: dict[str, str], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert default_database_path(environment) == path
    assert parsed({}, environment).database_path == path


def test_the_file_is_searched_for_in_this_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    user = tmp_path / ".config" / "reeld" / "config.toml"
    xdg = tmp_path / "xdg" / "reeld" / "config.toml"
    environment = {"REELD_CONFIG": "/chosen", "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    system = "/etc/reeld/config.toml" if os.path.exists("/etc/reeld/config.toml") else None
    assert find_config_file("/given", environment) == "/given"
    assert find_config_file(None, environment) == "/chosen"
    del environment["REELD_CONFIG"]
    assert find_config_file(None, environment) == system
    for path in (user, xdg):
        path.parent.mkdir(parents=True)
        path.touch()
    assert find_config_file(None, environment) == str(xdg)
    assert find_config_file(None, {}) == str(user)


def test_a_configuration_is_written_as_a_document_that_means_the_same(tmp_path: Path) -> None:
    text = """
        database.path = "x.db"
        database.backups_kept = 3
        settle.quiet_s = 2
        hash.hours = "01:00-07:00"
        metrics.textfile_directory = "figures"
        [[library]]
        name = "A"
        path = "films"
        extensions = ["MKV"]
        ignore = ["/Kids", "*.old.mkv"]
        quiet_s = 9
        [[library]]
        name = "B"
        path = "~/tv"
        watch = "poll"
    """
    for config in (loaded(tmp_path, text), load_config(str(SHIPPED), ENVIRONMENT), parsed({"library": []})):
        document = json.loads(json.dumps(document_of(config)))
        assert parse_config(document, source=config.source, base="/", environment={}) == config


# --- files that are none ---------------------------------------------------------------------------------


MOST_DIGITS = sys.int_info.default_max_str_digits
"""Python reads and prints no longer decimal number."""

LONG_HEX = hex(10**MOST_DIGITS).encode()


@contextlib.contextmanager
def few_calls() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 120)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"name = '\xe9'", "not UTF-8"),
        (b"[library", "not valid TOML"),
        (b"a = 1\na = 2", "not valid TOML"),
        (b"a = " + b"9" * (MOST_DIGITS + 1), "not valid TOML"),
        (b"[settle]\nquiet_s = " + LONG_HEX, "must be a number"),
        (b"[log]\nlevel = " + LONG_HEX, 'must be "debug" or'),
        (b"[[library]]\npath = '/x'\nname = " + LONG_HEX, "library a number of thousands of digits: name ="),
        (b"\0", "not valid TOML"),
    ],
)
def test_a_file_that_is_no_configuration_says_why(tmp_path: Path, content: bytes, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, content)
    (said,) = caught.value.complaints
    assert complaint in said


def test_a_file_that_is_nested_too_deeply_says_why(tmp_path: Path) -> None:
    """Python's bound for calls within calls is set just above what this test needs, so that little is too much."""
    brackets, dots = f"a = {'[' * 300}{']' * 300}", f"[settle]\nquiet_s{'.a' * 300} = 1"
    for text, complaint in ((brackets, "not valid TOML"), (dots, "must be a number")):
        with pytest.raises(ConfigError) as caught, few_calls():
            loaded(tmp_path, text)
        (said,) = caught.value.complaints
        assert complaint in said


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere.toml"):
        with pytest.raises(ConfigError, match="cannot be read") as caught:
            load_config(str(path), ENVIRONMENT)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        '[database]\npath = "state/r.db"\n[settle]\nquite_s = 1\n',
        '[[library]]\npath = "/films"\n[database] # where\n  path = "state/r.db" # here\n[[settle\nquiet_s = 5\n',
        "database.path = 'state/r.db'\n[settle\n",
        '[[library]\npath = "/films"\n\n[database]\nbackups_kept = \npath = "state/r.db"\n',
        b'[database]\npath = "state/r.db"\n[log]\nlevel = "\xe9"\n',
    ],
)
def test_where_the_catalogue_lies_is_known_though_the_file_has_mistakes(tmp_path: Path, text: str | bytes) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    assert database_path_in(str(path), ENVIRONMENT) == str(tmp_path / "state" / "r.db")


@pytest.mark.parametrize("text", ["[[library]\npath = '/films'\n", "[database]\npath = 'r.db\n", "[database\npath = 5"])
def test_where_the_catalogue_lies_by_default_is_told_when_the_file_does_not_say(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    for name in ("config.toml", "none.toml"):
        assert database_path_in(str(tmp_path / name), ENVIRONMENT) == default_database_path(ENVIRONMENT)


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.dates()
    | st.datetimes()
    | st.sampled_from(["auto", "/videos", "~nobody/x", "mkv", "a\0b", "/" * 50]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_LIBRARY_KEYS = st.sampled_from([field.name for field in fields(Library)]) | st.text(max_size=8)
_TABLES = st.dictionaries(
    st.sampled_from(["path", "quiet_s", "full", "timeout_s", "memory_mib", "level", "format"]) | st.text(max_size=8),
    _VALUES,
    max_size=4,
)
_DOCUMENTS = st.dictionaries(
    st.sampled_from(["database", "settle", "hash", "probe", "identify", "log"]) | st.text(max_size=8),
    _TABLES | _VALUES,
    max_size=5,
) | st.fixed_dictionaries({"library": st.lists(st.dictionaries(_LIBRARY_KEYS, _VALUES, max_size=6), max_size=3)})


def _config_or_complaints(parse: Callable[[], Config]) -> Config | list[str]:
    try:
        return parse()
    except ConfigError as err:
        return err.complaints


@given(_DOCUMENTS)
def test_any_document_is_a_configuration_or_a_complaint(document: dict[str, Any]) -> None:
    config = _config_or_complaints(lambda: parsed(document))
    if isinstance(config, Config):
        assert all(os.path.isabs(library.path) for library in config.libraries)
        assert all(0 <= library.quiet_s <= 86_400 for library in config.libraries)
    else:
        assert config
        assert all(complaint.isprintable() for complaint in config)


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_file_is_a_configuration_or_a_complaint(
    tmp_path_factory: pytest.TempPathFactory, content: str | bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode(errors="surrogatepass"))
    assert _config_or_complaints(lambda: load_config(str(path), ENVIRONMENT))


def test_a_file_that_begins_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    file = tmp_path / "reeld.toml"
    file.write_bytes(b'\xef\xbb\xbf[database]\npath = "/srv/r.db"\n')
    assert load_config(str(file), ENVIRONMENT).database_path == "/srv/r.db"
    assert database_path_in(str(file), ENVIRONMENT) == "/srv/r.db"
    file.write_bytes(file.read_bytes() + b"[[library]\n")
    assert database_path_in(str(file), ENVIRONMENT) == "/srv/r.db"
