"""Runs the real `reeld`, with shorter patience or a fault inside: `python driver.py FAULTS ARGUMENT...`.

FAULTS is JSON: `patience` maps names such as `reeld.service.heartbeat.PATIENCE_S` to values, `hooks` names functions of
this module, which are called before the command, and `code` is Python that is run before it. What a hook has to tell
goes into the log, as `test.…`.
"""

import ctypes
import importlib
import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from reeld.cli import app
from reeld.log import Flood

DAY_S = 86_400


def _tell(event: str, **facts: Any) -> None:
    os.write(2, (json.dumps({"event": event, **facts}) + "\n").encode())


def _patch(name: str, value: Any) -> Any:
    """Put `value` in the place of what has this full name, and give what was there."""
    module, _, attribute = name.rpartition(".")
    owner = importlib.import_module(module)
    before = getattr(owner, attribute)
    setattr(owner, attribute, value)
    return before


def try_to_write_to_videos() -> None:
    """Workers and watchers do what no bug may be able to do."""

    def harm(path: str, by: str) -> None:
        deeds: dict[str, Callable[[], object]] = {
            "append": lambda: os.close(os.open(path, os.O_WRONLY | os.O_APPEND)),
            "truncate": lambda: os.truncate(path, 0),
            "unlink": lambda: os.unlink(path),
            "rename": lambda: os.rename(path, f"{path}.gone"),
            "create": lambda: os.close(os.open(f"{path}.new", os.O_CREAT | os.O_WRONLY)),
            "make a folder": lambda: os.mkdir(f"{path}.folder"),
        }
        done = []
        for name, deed in deeds.items():
            try:
                deed()
            except PermissionError:
                continue
            done.append(name)
        _tell("test.tried", path=path, by=by, done=done)

    def hash_and_harm(video: Any) -> Any:
        harm(video.path, threading.current_thread().name)
        return quick_hashes(video)

    def check_and_harm(root: str) -> Any:
        for name in sorted(os.listdir(root)):
            if name.endswith(".mkv"):
                harm(os.path.join(root, name), threading.current_thread().name)
        return check_root(root)

    quick_hashes = _patch("reeld.pipeline.stages.quick_hashes", hash_and_harm)
    check_root = _patch("reeld.scanner.root_check.check_root", check_and_harm)


def obey_files() -> None:
    """The prober's parser does what a file orders, see `tests/content/standin_prober.py`."""
    sys.path.append(str(Path(__file__).parents[2]))
    context = importlib.import_module("reeld.service.stage_context")
    make = context.WorkerPool
    standins = {"reeld.content.probe_child": "tests.content.standin_prober"}
    _patch("reeld.service.stage_context.WorkerPool", lambda name, *rest: make(standins.get(name, name), *rest))


def take_mounts_of_its_own() -> None:
    """What others mount and unmount wakes this daemon no more. Only root can have that."""
    libc = ctypes.CDLL(None, use_errno=True)
    clone_newns, ms_rec_private = 0x20000, 0x4000 | 0x40000
    if libc.unshare(clone_newns) or libc.mount(None, b"/", None, ctypes.c_ulong(ms_rec_private), None):
        raise OSError(ctypes.get_errno(), "no mounts of its own")


def without_landlock() -> None:
    _patch("reeld.sandbox._landlock_abi", lambda: 0)


def tell_of_watchers_ends() -> None:
    watchers: Any = importlib.import_module("reeld.service.watcher").LibraryWatcher
    run = watchers._run

    def run_and_tell(watcher: Any) -> None:
        run(watcher)
        _tell("test.ended", library=watcher.library.name)

    watchers._run = run_and_tell


def hang_before_a_commit() -> None:
    """A worker's thread waits for what never comes, as in a deadlock, and holds nothing that another needs."""
    _patch("reeld.pipeline.runner.explanation", lambda _error: threading.Event().wait())


def hang_within_a_commit() -> None:
    """A worker's thread never gives the catalogue back."""

    def hang(*_: Any) -> None:
        _tell("test.hung")
        threading.Event().wait()

    _patch("reeld.catalog.media.fill", hang)


def hang_in_upkeep() -> None:
    """The thread that looks after the catalogue never comes back, and holds nothing that another needs."""
    _patch("reeld.database.maintenance.space_trouble", lambda *_: threading.Event().wait())


def die_without_a_word() -> None:
    """A bug ends the thread that looks after the catalogue, and by another one that thread cannot log it."""

    def die(*_: Any) -> None:
        raise ZeroDivisionError

    def log(*arguments: Any) -> Any:
        return (die if threading.current_thread().name == "maintenance" else let_through)(*arguments)

    _patch("reeld.database.maintenance.space_trouble", die)
    let_through, Flood.level_of = Flood.level_of, log  # type: ignore[method-assign, assignment]


def jump_in_time() -> None:
    """SIGUSR1 puts the wall clock a day ahead, SIGUSR2 a day back."""
    ahead_s = 0
    real_time, real_time_ns = time.time, time.time_ns

    def jump(by_s: int) -> None:
        nonlocal ahead_s
        ahead_s += by_s
        _tell("test.jumped", ahead_s=ahead_s)

    signal.signal(signal.SIGUSR1, lambda *_: jump(DAY_S))
    signal.signal(signal.SIGUSR2, lambda *_: jump(-DAY_S))
    time.time = lambda: real_time() + ahead_s
    time.time_ns = lambda: real_time_ns() + ahead_s * 10**9


def raise_where_children_are_closed() -> None:
    """A bug in a pool: it raises before it has ended a single child."""

    def fail(_pool: Any) -> None:
        raise RuntimeError("this pool cannot be closed")

    _close_pools_by(fail)


def never_come_back_from_closing_children() -> None:
    _close_pools_by(lambda _pool: threading.Event().wait())


def _close_pools_by(close: Callable[[Any], object]) -> None:
    module: Any = importlib.import_module("reeld.service.worker_pool")
    module.WorkerPool.close = close


def turn_the_clock_back_at_the_end() -> None:
    """A clock that should only go forward goes back by thirty years once the end has begun."""

    def begin_and_turn_back(exit_code: Callable[[], int]) -> None:
        begin(exit_code)
        answers = iter([1e9])
        time.monotonic = lambda: next(answers, 0.0)

    begin = _patch("reeld.service.daemon.bound_the_end", begin_and_turn_back)


def run_out_of_descriptors() -> None:
    """After SIGUSR1 no file can be opened any more, after SIGUSR2 they can again."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    def allow(most: int) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        _tell("test.allowed", descriptors=most)

    signal.signal(signal.SIGUSR1, lambda *_: allow(3))
    signal.signal(signal.SIGUSR2, lambda *_: allow(soft))


def main(arguments: Sequence[str]) -> None:
    given, *sys.argv[1:] = arguments
    faults = json.loads(given)
    for name, value in faults.get("patience", {}).items():
        _patch(name, value)
    for hook in faults.get("hooks", ()):
        globals()[hook]()
    exec(faults.get("code", ""), {"__name__": "tampering"})
    app.main()


if __name__ == "__main__":
    main(sys.argv[1:])
