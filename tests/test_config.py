"""What the configuration file may say, and what is said about a bad one."""

import dataclasses
import math
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.config import (
    Config,
    default_database_path,
    find_config_file,
    load_config,
    parse_config,
    paths_overlap,
)
from reeld.errors import ConfigError

SHIPPED = Path(__file__).parent.parent / "config.toml"
NOBODY: dict[str, str] = {}


def parse(text: str, base: str = "/base") -> Config:
    return parse_config(tomllib.loads(text), source="test.toml", base=base, environment=NOBODY)


def complaints(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return caught.value.complaints


# --- the shipped file ------------------------------------------------------------------------------------


def test_the_shipped_file_states_exactly_the_defaults() -> None:
    shipped = load_config(str(SHIPPED), NOBODY)
    assert dataclasses.replace(shipped, source=None) == load_config(None, NOBODY)


def test_the_shipped_file_names_every_key_that_the_code_knows() -> None:
    document = tomllib.loads(SHIPPED.read_text())
    (library,) = document.pop("library")
    # An unknown key is answered with the known ones: the code itself says what there is.
    known = {}
    for section in (*document, "library"):
        block = f"[{section}]" if section != "library" else '[[library]]\nname = "a"\npath = "/a"'
        (complaint,) = complaints(f"{block}\nzzzzzzzz = 1")
        known[section] = set(complaint.rpartition("known here: ")[2].split(", "))
    assert {section: set(keys) for section, keys in document.items()} | {"library": set(library)} == known


def test_every_key_of_the_shipped_file_is_explained() -> None:
    lines = SHIPPED.read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"\w+ = ", line):
            assert lines[number - 1].startswith("# "), f"line {number + 1} has no comment above it"


# --- complaints ------------------------------------------------------------------------------------------

TEN_MISTAKES = """
databse = 1
[settle]
quiet_s = "five"
[hash]
full = 1
[probe]
timeout_s = 0
memory_mib = 1.5
[log]
level = "loud"
formt = "json"
[[library]]
name = "A"
path = "/a"
kind = "movie"
[[library]]
name = ""
path = "/b"
extensions = [".mkv"]
"""


def test_ten_mistakes_are_ten_complaints_at_once() -> None:
    found = complaints(TEN_MISTAKES)
    assert len(found) == 10
    for key, value in [
        ("databse", "1"),
        ("settle.quiet_s", '"five"'),
        ("hash.full", "1"),
        ("probe.timeout_s", "0"),
        ("probe.memory_mib", "1.5"),
        ("log.level", '"loud"'),
        ("log.formt", '"json"'),
        ("kind", '"movie"'),
        ("name", '""'),
        ("extensions", "['.mkv']"),
    ]:
        assert any(f"{key} = {value}" in complaint for complaint in found), (key, found)


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("[databse]", '"database"'),
        ("[log]\nformt = 1", '"format"'),
        ('[log]\nlevel = "warn"', '"warning"'),
        ('[[library]]\nname = "a"\npath = "/a"\nextension = []', '"extensions"'),
        ('[[library]]\nname = "a"\npath = "/a"\nkind = "movie"', '"movies"'),
    ],
)
def test_what_is_nearly_right_is_answered_with_what_is_meant(text: str, nearest: str) -> None:
    (complaint,) = complaints(text)
    assert f"did you mean {nearest}?" in complaint


@pytest.mark.parametrize(
    "text",
    [
        "settle.quiet_s = -1",
        "settle.quiet_s = nan",
        "settle.quiet_s = inf",
        "settle.quiet_s = true",
        "settle.quiet_s = 1e9",
        "probe.memory_mib = 1",
        "probe.memory_mib = true",
        "identify.timeout_s = 0",
        'hash.full = "yes"',
        "database.path = 1",
        "settle = 5",
        "library = 1",
        "library = [1]",
        '[library]\nname = "a"\npath = "/a"',
        '[[library]]\npath = "/a"',
        '[[library]]\nname = "a"',
        '[[library]]\nname = "a"\npath = "  "',
        '[[library]]\nname = "a"\npath = "/a\\u0000"',
        '[[library]]\nname = "a"\npath = "/a"\nminimum_size_bytes = -1',
        '[[library]]\nname = "a"\npath = "/a"\nextensions = []',
        '[[library]]\nname = "a"\npath = "/a"\nignore = [1]',
        '[[library]]\nname = "a"\npath = "/a"\nignore = "x"',
    ],
)
def test_a_value_that_makes_no_sense_is_refused_alone(text: str) -> None:
    assert len(complaints(text)) == 1


def test_two_libraries_of_one_name_are_refused() -> None:
    text = '[[library]]\nname = "a"\npath = "/a"\n[[library]]\nname = "a"\npath = "/b"'
    assert complaints(text) == ['library name = "a": is used 2 times; give each library its own name']


@pytest.mark.parametrize(
    ("first", "second"), [("/a", "/a"), ("/a", "/a/b"), ("/a/b", "/a"), ("/", "/a"), ("/a", "/a/")]
)
def test_libraries_that_overlap_are_refused(first: str, second: str) -> None:
    text = f'[[library]]\nname = "1"\npath = "{first}"\n[[library]]\nname = "2"\npath = "{second}"'
    (complaint,) = complaints(text)
    assert "overlaps" in complaint


def test_libraries_that_overlap_by_a_link_are_refused(tmp_path: Path) -> None:
    (tmp_path / "films" / "old").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "films" / "old")
    assert paths_overlap(str(tmp_path / "films"), str(tmp_path / "link"))
    assert not paths_overlap(str(tmp_path / "films"), str(tmp_path / "films2"))


@pytest.mark.parametrize(
    ("content", "word"), [(b"\xff\xfe", "UTF-8"), (b"a = = 1", "TOML"), (b"[x]\n[x]", "TOML"), (b"a", "TOML")]
)
def test_a_file_that_is_no_toml_is_refused_by_name(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=word) as caught:
        load_config(str(path), NOBODY)
    assert str(path) in str(caught.value)


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.toml"):
        with pytest.raises(ConfigError, match="cannot be read"):
            load_config(str(path), NOBODY)


# --- values ----------------------------------------------------------------------------------------------


def test_paths_are_relative_to_the_file_and_may_begin_with_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    config = parse(
        'database.path = "x/r.db"\n[[library]]\nname = "a"\npath = "~/v"\n[[library]]\nname = "b"\npath = "../w"'
    )
    assert config.database_path == "/base/x/r.db"
    assert [library.path for library in config.libraries] == ["/home/someone/v", "/w"]


def test_a_library_without_a_quiet_period_has_the_common_one() -> None:
    config = parse(
        'settle.quiet_s = 9\n[[library]]\nname = "a"\npath = "/a"\n[[library]]\nname = "b"\npath = "/b"\nquiet_s = 2'
    )
    assert [library.quiet_s for library in config.libraries] == [9, 2]


def test_extensions_count_in_any_case() -> None:
    config = parse('[[library]]\nname = "a"\npath = "/a"\nextensions = ["MKV", "mp4", "Mkv"]')
    assert config.libraries[0].extensions == ("mkv", "mp4")


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({"STATE_DIRECTORY": "/var/lib/reeld", "XDG_STATE_HOME": "/x"}, "/var/lib/reeld/reeld.db"),
        ({"STATE_DIRECTORY": "/var/lib/reeld:/other"}, "/var/lib/reeld/reeld.db"),
        ({"XDG_STATE_HOME": "/x"}, "/x/reeld/reeld.db"),
        ({}, "/home/someone/.local/state/reeld/reeld.db"),
    ],
)
def test_the_catalogue_lies_where_the_system_keeps_state(
    environment: dict[str, str], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    assert default_database_path(environment) == path


def test_the_file_is_looked_for_in_the_stated_order(tmp_path: Path) -> None:
    own = tmp_path / "reeld" / "config.toml"
    own.parent.mkdir()
    own.touch()
    user = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert find_config_file("given.toml", user | {"REELD_CONFIG": "other.toml"}) == "given.toml"
    assert find_config_file(None, user | {"REELD_CONFIG": "other.toml"}) == "other.toml"
    assert find_config_file(None, user) == str(own)


# --- whatever comes --------------------------------------------------------------------------------------

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["database", "settle", "hash", "probe", "identify", "log", "library"]) | st.text(max_size=8)
keys = st.sampled_from(
    ["path", "quiet_s", "full", "timeout_s", "memory_mib", "level", "format", "name", "kind", "extensions", "ignore"]
)
tables = st.dictionaries(keys, values, max_size=5)


@given(st.dictionaries(names, values | tables | st.lists(tables, max_size=3), max_size=5))
def test_any_document_is_either_understood_or_complained_about(document: dict[str, Any]) -> None:
    found: list[str] | None = None
    try:
        config = parse_config(document, source="any.toml", base="/base", environment=NOBODY)
    except ConfigError as err:
        found = err.complaints
    if found is not None:
        assert found
        assert all(complaint.strip() for complaint in found)
    else:
        assert os.path.isabs(config.database_path)
        assert all(math.isfinite(library.quiet_s) for library in config.libraries)


# --- the command -----------------------------------------------------------------------------------------


def check(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", "from reeld.cli.app import main; main()", "config", "check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_says_that_a_file_is_good() -> None:
    result = check(str(SHIPPED))
    assert (result.returncode, result.stderr) == (0, "")
    assert f"{SHIPPED}: good" in result.stdout


def test_the_command_names_every_complaint_and_exits_with_78(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(TEN_MISTAKES)
    result = check(str(path))
    assert (result.returncode, result.stdout) == (os.EX_CONFIG, "")
    assert f"{path}: 10 to mend" in result.stderr
    assert len(result.stderr.splitlines()) == 11
