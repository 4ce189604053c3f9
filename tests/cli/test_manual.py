"""Do the manual pages tell all that there is? They are written from the commands' help and `config.toml`'s comments."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from reeld import __version__, errors
from reeld.cli.app import app

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("man")
    subprocess.run([sys.executable, ROOT / "daemon" / "man" / "write.py", folder], check=True, timeout=150)
    return folder


def _text(page: Path) -> str:
    """As a reader sees it, without the folding of lines."""
    plain = page.read_text()
    for written, shown in ((r"\fB", ""), (r"\fI", ""), (r"\fP", ""), (r"\-", "-"), (r"\(dq", '"'), (r"\(ti", "~")):
        plain = plain.replace(written, shown)
    return plain


def _commands(command: Any, names: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from _commands(inner, (*names, name))
    else:
        yield " ".join(names), command


def test_the_manual_names_every_command_with_its_options(pages: Path) -> None:
    text = _text(pages / "man8" / "reeld.8")
    commands = dict(_commands(typer.main.get_command(app)))
    assert {"run", "list files", "config check"} <= commands.keys()
    for name, command in commands.items():
        assert re.search(rf"^{re.escape(name)}( |$)", text, re.MULTILINE), name
        for option in (option for parameter in command.params for option in parameter.opts if option.startswith("--")):
            assert option in text or option == "--help", (name, option)
    assert "@" not in text


def test_the_manual_names_every_exit_code(pages: Path) -> None:
    text = _text(pages / "man8" / "reeld.8")
    of_errors = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.ReeldError)
    }
    told = {int(number) for number in re.findall(r"^\.TP\n\.B (\d+)$", text, re.MULTILINE)}
    assert told - {0, 130} == of_errors


def test_the_manual_of_the_file_names_every_key_with_its_default_and_its_comment(pages: Path) -> None:
    text = _text(pages / "man5" / "reeld.toml.5")
    document = tomllib.loads((ROOT / "config.toml").read_text())
    tables = {name: table[0] if isinstance(table, list) else table for name, table in document.items()}
    assert len(tables) > 5
    for name, table in tables.items():
        assert f"[{name}]" in text
        for key, value in table.items():
            found = re.search(rf"^\.TP\n{key} = (.*)\n([^.].*)$", text, re.MULTILINE)
            assert found is not None, key
            assert tomllib.loads(f"v = {found[1]}")["v"] in (value, *(other.get(key) for other in tables.values()))
    for comment in re.findall(r"^# ([A-Z][^`~\n]{40,}[a-z])$", (ROOT / "config.toml").read_text(), re.MULTILINE):
        assert comment in text


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed (Debian package groff-base)")
@pytest.mark.parametrize("page", ["man8/reeld.8", "man5/reeld.toml.5"])
def test_groff_finds_nothing_wrong_with_a_page(page: str, pages: Path) -> None:
    result = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", "-z", pages / page], capture_output=True, text=True, check=True
    )
    assert result.stderr == ""


@pytest.mark.skipif(shutil.which("mandb") is None, reason="mandb is not installed (Debian package man-db)")
def test_apropos_finds_both_pages_by_their_subject(pages: Path, tmp_path: Path) -> None:
    for page in pages.rglob("reeld*"):
        (tmp_path / page.parent.name).mkdir()
        shutil.copy(page, tmp_path / page.parent.name)
    subprocess.run(["mandb", "--quiet", tmp_path], check=True, stderr=subprocess.PIPE)
    asked = ["apropos", "--long", "--manpath", str(tmp_path), "catalogue of the films", "configuration of reeld"]
    found = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert re.findall(r"^(\S+ \(\d\))", found.stdout, re.MULTILINE) == ["reeld (8)", "reeld.toml (5)"]


def test_the_pages_are_of_this_version(pages: Path) -> None:
    for page in ("man8/reeld.8", "man5/reeld.toml.5"):
        (title,) = re.findall(r"^\.TH .*$", (pages / page).read_text(), re.MULTILINE)
        assert f'"reeld {__version__}"' in title
