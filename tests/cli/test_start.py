"""What is not loaded by a command that does not need it, and the table that makes this possible."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer.main

from reeld import __version__
from reeld.cli.app import app
from reeld.cli.commands import TABLE, Command, Commands
from tests.cli.conftest import Reeld, scanned

START = "from reeld.__main__ import main; main()"

# What takes long to load, or belongs to work that these commands do not do. A name stands for all below it, too.
HEAVY = {
    "asyncio", "guessit", "multiprocessing", "prometheus_client", "pydantic", "pymediainfo", "rich", "structlog",
    "watchdog", "xxhash", "reeld.content", "reeld.identify", "reeld.pipeline", "reeld.report", "reeld.scanner",
    "reeld.service.daemon", "reeld.service.scan", "reeld.service.watcher", "reeld.service.worker_pool",
    "reeld.service.workers", "reeld.watch.observer", "reeld.watch.walk",
}  # fmt: skip


def _entries(table: Mapping[str, Command | Commands], *above: str) -> Iterator[tuple[tuple[str, ...], Command]]:
    for name, entry in table.items():
        if isinstance(entry, Command):
            yield (*above, name), entry
        else:
            yield from _entries(entry.commands, *above, name)


COMMANDS = tuple(_entries(TABLE))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Reeld:
    """A catalogue without any file."""
    home = tmp_path_factory.mktemp("empty")
    (home / "videos").mkdir()
    return scanned(home, ())


def _loaded_by(*arguments: str) -> set[str]:
    """Every module that the real command imports, and all folders above it. Its output goes into a pipe."""
    command = [sys.executable, "-X", "importtime", "-c", START, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=50)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    modules = {line.rpartition("|")[2].strip() for line in lines}
    return modules | {module[:at] for module in modules for at, sign in enumerate(module) if sign == "."}


def test_the_version_is_told_before_anything_is_loaded() -> None:
    loaded = _loaded_by("--version")
    assert {module for module in loaded if module.startswith("reeld")} == {"reeld", "reeld.__main__"}
    assert loaded.isdisjoint({"typer", "dataclasses", "inspect", "re", "typing"})


def test_the_help_loads_no_command() -> None:
    loaded = _loaded_by("--help")
    commands = {f"reeld.cli.{entry.function.partition(':')[0]}" for _, entry in COMMANDS}
    assert len(commands) > 5
    assert loaded.isdisjoint(HEAVY | commands | {"peewee", "reeld.catalog", "reeld.config", "reeld.service"})


def test_a_list_loads_the_catalogue_and_nothing_else_that_takes_long(empty: Reeld) -> None:
    loaded = _loaded_by("--config", str(empty.config), "list", "files")
    assert "reeld.catalog" in loaded
    assert loaded.isdisjoint(HEAVY | {"reeld.diagnose", "reeld.service.instance_lock", "reeld.watch"})


def test_the_status_loads_nothing_of_what_works_on_files(empty: Reeld) -> None:
    loaded = _loaded_by("--config", str(empty.config), "status")
    assert "reeld.diagnose.health" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_a_scan_loads_the_log_at_its_start(empty: Reeld) -> None:
    """Also where nothing is logged: later, memory or descriptors may be used up. It shows what the report sees."""
    quiet = empty.home / "quiet.toml"
    quiet.write_text(f'log.level = "error"\n{empty.config.read_text()}')
    assert {"structlog", "watchdog", "reeld.scanner"} <= _loaded_by("scan", "--config", str(quiet))


def test_the_log_of_a_scan_loads_nothing_that_draws_tracebacks(empty: Reeld) -> None:
    assert _loaded_by("scan", "--config", str(empty.config)).isdisjoint({"rich.console", "rich.traceback", "pygments"})


# --- the table -------------------------------------------------------------------------------------------


def _loaded(names: tuple[str, ...]) -> Any:
    command: Any = typer.main.get_command(app)
    for name in names:
        command = command.commands[name]
    return command


@pytest.mark.parametrize(("names", "entry"), COMMANDS, ids=[" ".join(names) for names, _ in COMMANDS])
def test_the_table_says_of_a_command_what_its_function_says(names: tuple[str, ...], entry: Command) -> None:
    command = _loaded(names)
    assert command.name == names[-1]
    assert command.get_short_help_str(sys.maxsize) == entry.summary
    assert command.callback.__module__ == f"reeld.cli.{entry.function.partition(':')[0]}"


def test_the_help_shows_the_commands_in_the_order_of_the_table() -> None:
    groups: list[tuple[tuple[str, ...], Mapping[str, Any]]] = [((), TABLE)]
    groups += [((name,), entry.commands) for name, entry in TABLE.items() if isinstance(entry, Commands)]
    for names, table in groups:
        group = _loaded(names)
        assert list(group.commands) == group.list_commands(None) == list(table)
        done = subprocess.run(
            [sys.executable, "-c", START, *names, "--help"], capture_output=True, text=True, check=True
        )
        shown = done.stdout.split("\nCommands:\n")[1].splitlines()
        assert [line.split()[0] for line in shown if line[2:3].strip()] == list(table)


# --- the version -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [START, "from reeld.cli.app import main; main()"])
def test_the_version_is_the_same_on_the_short_way_and_the_long_one(start: str) -> None:
    done = subprocess.run([sys.executable, "-c", start, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"reeld {__version__}\n"


def test_a_version_that_cannot_be_printed_is_no_success(tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-c", START, "--version"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == os.EX_IOERR
    assert "No space left on device" in done.stderr


def test_the_version_stands_in_one_place() -> None:
    """The package takes it from `reeld/__init__.py`, as the command and the manual pages do."""
    project = tomllib.loads((Path(__file__).parent.parent.parent / "pyproject.toml").read_text())["project"]
    assert "version" not in project
    assert version("reeld") == __version__
