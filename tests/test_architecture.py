"""Do imports run one way? Every import of the package is read with `ast`; ARCHITECTURE.md draws the picture."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import reeld

PACKAGE = Path(reeld.__file__).parent

# A folder, or a module at the top, imports what stands in a lower row, and itself. Those of the lowest row
# may import each other, as long as there is no circle.
ROWS: tuple[tuple[str, ...], ...] = (
    ("", "config", "domain", "errors", "journal", "log", "sandbox", "seccomp"),
    ("database",),
    ("watch", "content", "identify", "catalog"),
    ("pipeline", "query"),
    ("scanner", "report"),
    ("service",),
    ("diagnose",),
    ("cli",),
    ("__main__",),
)
ROW = {part: number for number, parts in enumerate(ROWS) for part in parts}

# The folders and modules that may import a library, nearly always one; a name that ends in a dot is a folder.
HOMES: dict[str, tuple[str, ...]] = {
    "watchdog": ("reeld.watch.observer",),
    "guessit": ("reeld.identify.guessit_reader",),
    "xxhash": ("reeld.content.hashing",),
    "pymediainfo": ("reeld.content.probe_child",),
    "peewee": ("reeld.catalog.", "reeld.database."),
    "playhouse": ("reeld.catalog.", "reeld.database."),
    "sqlite3": ("reeld.catalog.", "reeld.database."),
    "pysqlite3": ("reeld.catalog.", "reeld.database."),
    "structlog": ("reeld.log",),
    "subprocess": ("reeld.service.", "reeld.cli.pager"),
    "multiprocessing": ("reeld.service.",),
    "prometheus_client": ("reeld.report.prometheus",),
    "typer": ("reeld.cli.",),
    "rich": ("reeld.cli.",),
}

# What makes a thread or a process when it is called.
MAKERS = {
    "Thread", "Timer", "ThreadPoolExecutor", "ProcessPoolExecutor", "InterpreterPoolExecutor", "start_new_thread",
    "Process", "Popen", "fork", "forkpty", "posix_spawn", "posix_spawnp", "system", "popen",
}  # fmt: skip
MAY_ALSO_MAKE: dict[str, str] = {
    "reeld.cli.pager": "the pager, while a command prints",
    "reeld.watch.observer": "stopping may hang on a dead mount; the thread that hangs there is left behind",
    "reeld.report.prometheus": "one thread serves the metrics page, only if [metrics] is configured",
    "reeld.diagnose.identify_batch": "`reeld identify` reads names in parallel and waits for all of them",
}


_parsed = lru_cache(maxsize=None)(ast.parse)


@lru_cache(maxsize=1)
def package_sources() -> Mapping[str, str]:
    return {_module_name(path): path.read_text("utf-8") for path in sorted(PACKAGE.rglob("*.py"))}


def _module_name(path: Path) -> str:
    parts = ("reeld", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def complaints(sources: Mapping[str, str]) -> list[str]:
    """What is wrong with the imports of these modules, a source text each."""
    trees = {module: _parsed(text) for module, text in sources.items()}
    imports = {module: sorted(set(_imports(tree, module, trees))) for module, tree in trees.items()}
    return [
        *(wrong for module, names in imports.items() for name in names if (wrong := _wrong_arrow(module, name))),
        *(wrong for module, names in imports.items() for name in names if (wrong := _wrong_home(module, name))),
        *(wrong for module, tree in trees.items() for wrong in _wrong_makers(module, tree)),
        *_circles({module: [name for name in names if name in trees] for module, names in imports.items()}),
    ]


def _imports(tree: ast.Module, module: str, known: Iterable[str]) -> Iterator[str]:
    """The absolute names of all modules that are imported, wherever in the module and for whatever reason."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=base, names=names, level=level):
                # How many dots lead where depends on __init__.py: simply forbidden, since nothing needs it.
                origin = f"{'.' * level}{base or ''}"
                for alias in names:
                    submodule = f"{origin}.{alias.name}"
                    yield submodule if submodule in known else origin
            case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]) if _called(func) in (
                "import_module",
                "__import__",
            ):
                yield name


def _wrong_arrow(module: str, name: str) -> str | None:
    if name.startswith("."):
        return f"{module}: imports {name} by dots; write its whole name"
    if name.split(".", maxsplit=1)[0] != "reeld":
        return None
    own, other = _part(module), _part(name)
    if other not in ROW or own not in ROW:
        return f"{module}: {own if own not in ROW else other!r} stands in no row"
    if own == other or ROW[other] < ROW[own] or ROW[own] == ROW[other] == 0:
        return None
    return f"{module}: may not import {name}"


def _part(module: str) -> str:
    """The folder or module right below the package."""
    return module.partition(".")[2].partition(".")[0]


def _wrong_home(module: str, name: str) -> str | None:
    homes = HOMES.get(name.split(".", maxsplit=1)[0], ())
    if not homes or any(f"{module}.".startswith(f"{home.rstrip('.')}.") for home in homes):
        return None
    return f"{module}: {name} is imported only by {' and '.join(home.rstrip('.') for home in homes)}"


def _wrong_makers(module: str, tree: ast.Module) -> Iterator[str]:
    if module.startswith("reeld.service.") or module in MAY_ALSO_MAKE:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _called(node.func) in MAKERS:
            yield f"{module}: line {node.lineno} makes a {_called(node.func)}; that is for service/ alone"


def _called(func: ast.expr) -> str | None:
    return func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else None


def _circles(graph: Mapping[str, list[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as err:
        return [" -> ".join(err.args[1]) + " is a circle"]
    return []


# --- the package -----------------------------------------------------------------------------------------


def test_every_import_of_the_package_follows_the_architecture() -> None:
    assert complaints(package_sources()) == []


def test_the_check_sees_the_whole_package() -> None:
    sources = package_sources()
    assert {_part(module) for module in sources} == set(ROW)
    imported = {
        name.split(".")[0] for module, text in sources.items() for name in _imports(_parsed(text), module, sources)
    }
    assert set(HOMES) - imported <= {"multiprocessing", "playhouse", "pysqlite3"}


def test_each_named_exception_is_still_needed() -> None:
    sources = package_sources()
    for module in MAY_ALSO_MAKE:
        makers = [
            node for node in ast.walk(_parsed(sources[module]))
            if isinstance(node, ast.Call) and _called(node.func) in MAKERS
        ]  # fmt: skip
        assert makers, f"{module} makes no thread any more; take it off the list"


# --- the check itself ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "text", "words"),
    [
        ("reeld.watch.walk", "from reeld.catalog import video_files", "may not import reeld.catalog.video_files"),
        ("reeld.identify.films", "import reeld.content.hashing", "may not import reeld.content.hashing"),
        ("reeld.content.hashing", "def f():\n    from reeld.identify.ids import x", "may not import reeld.identify"),
        ("reeld.catalog.video_files", "from reeld.pipeline import stages", "may not import reeld.pipeline"),
        ("reeld.pipeline.runner", "from reeld.service import worker_pool", "may not import reeld.service"),
        ("reeld.pipeline.runner", "import importlib\nimportlib.import_module('reeld.cli.app')", "reeld.cli.app"),
        ("reeld.service.scan", "from reeld.cli.output import say", "may not import reeld.cli.output"),
        ("reeld.domain.files", "from reeld.watch.walk import walk", "may not import reeld.watch.walk"),
        ("reeld.config", "if TYPE_CHECKING:\n    from reeld.cli import app", "may not import reeld.cli"),
        ("reeld.catalog.video_files", "from . import queue", "by dots"),
        ("reeld.catalog.video_files", "from reeld.newcomer import x", "stands in no row"),
        ("reeld.watch.walk", "import watchdog.events", "watchdog.events is imported only by reeld.watch.observer"),
        ("reeld.identify.films", "from guessit import guessit", "only by reeld.identify.guessit_reader"),
        ("reeld.content.probing", "from pymediainfo import MediaInfo", "only by reeld.content.probe_child"),
        ("reeld.scanner.compare", "from peewee import fn", "only by reeld.catalog and reeld.database"),
        ("reeld.cli.lists", "import sqlite3", "only by reeld.catalog and reeld.database"),
        ("reeld.content.probing", "import subprocess", "only by reeld.service"),
        ("reeld.pipeline.runner", "import threading\nthreading.Thread(target=f)", "makes a Thread"),
        ("reeld.catalog.queue", "from threading import Thread\nThread(target=f)", "makes a Thread"),
        ("reeld.content.probing", "with ThreadPoolExecutor(2) as pool:\n    pass", "makes a ThreadPoolExecutor"),
        ("reeld.content.probing", "import os\nos.fork()", "makes a fork"),
    ],
)  # fmt: skip
def test_a_wrong_import_is_found_and_named(module: str, text: str, words: str) -> None:
    sources = {**package_sources(), module: text}
    found = complaints(sources)
    assert any(wrong.startswith(f"{module}: ") and words in wrong for wrong in found), found


def test_a_circle_of_imports_is_found_also_within_one_folder() -> None:
    sources = {
        "reeld.domain.one": "from reeld.domain.two import x",
        "reeld.domain.two": "def f():\n    from reeld.domain import three",
        "reeld.domain.three": "import reeld.domain.one",
    }
    (circle,) = complaints(sources)
    assert circle.endswith("is a circle")
    assert all(name in circle for name in sources)
