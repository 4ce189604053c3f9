"""Asks disks that may not answer, with a time limit.

A call on a dead network mount cannot be ended, and a process does not end while a thread of it waits for such a call.
So a command asks in a child process and leaves it behind. A process with several threads cannot fork safely: it asks in
threads.
"""

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TypeVar

# For the real paths of all libraries together. A disk that sleeps needs 15 s: its library is then taken as it is
# named.
LONGEST_ANSWER_S = 3.0

Answer = TypeVar("Answer")

_silent: set[str] = set()
"""Paths whose disks gave no answer to this process."""


def in_time(ask: Callable[[], Answer], patience_s: float) -> Answer | None:
    """Return what `ask` returns, or None after `patience_s`. Its exception is raised here."""
    return all_in_time({"": ask}, patience_s).get("")


def all_in_time(asks: Mapping[str, Callable[[], Answer]], patience_s: float) -> dict[str, Answer]:
    """Ask all at once. Return the answers that came within `patience_s`, by the same keys.

    An exception of one of them is raised here. Answers must be values that pickle takes.
    """
    if not asks:
        return {}
    ask_all = _ask_in_child if threading.active_count() == 1 else _ask_in_threads
    answers: dict[str, Answer] = {}
    for key, answer in ask_all(asks, time.monotonic() + patience_s):
        if isinstance(answer, Exception):
            raise answer
        answers[key] = answer
    return answers


def real_paths_in_time(paths: Collection[str]) -> dict[str, str]:
    """Resolve symbolic links. Where a disk does not answer, the path stays as it is."""
    asks = {path: (lambda path=path: os.path.realpath(path)) for path in paths}
    found: dict[str, str] = all_in_time(asks, LONGEST_ANSWER_S)
    _silent.update(asks.keys() - found.keys())
    _silent.difference_update(found)
    return {path: found.get(path, path) for path in paths}


def real_path_in_time(path: str) -> str:
    """Resolve symbolic links. If a disk does not answer, return the path unchanged."""
    return real_paths_in_time([path])[path]


def was_silent(path: str) -> bool:
    """Tell whether the disk of this path gave no answer when its links were last resolved."""
    return path in _silent


def _ask_in_threads(asks: Mapping[str, Callable[[], Answer]], until: float) -> Iterator[tuple[str, Answer | Exception]]:
    found: dict[str, Answer | Exception] = {}
    threads = [
        threading.Thread(target=_ask, args=(key, ask, found.__setitem__), daemon=True) for key, ask in asks.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    yield from list(found.items())


def _ask_in_child(asks: Mapping[str, Callable[[], Answer]], until: float) -> Iterator[tuple[str, Answer | Exception]]:
    import pickle  # most commands ask no disk

    reader, writer = os.pipe2(os.O_CLOEXEC)
    if (child := os.fork()) == 0:
        _answer_and_exit(asks, writer)
    os.close(writer)
    unread, is_over = b"", False
    try:
        while not is_over and (left_s := until - time.monotonic()) > 0:
            if select.select([reader], [], [], left_s)[0]:
                piece = os.read(reader, 1 << 16)
                is_over, unread = not piece, unread + piece
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)
        # It stays behind where it waits for a disk.
        os.waitpid(child, 0 if is_over else os.WNOHANG)
    while len(unread) >= _LENGTH and len(unread) >= _LENGTH + (length := int.from_bytes(unread[:_LENGTH])):
        yield pickle.loads(unread[_LENGTH : _LENGTH + length])  # noqa: S301 - our own child wrote it
        unread = unread[_LENGTH + length :]


_LENGTH = 8
"""The bytes that tell the length of an answer."""


def _answer_and_exit(asks: Mapping[str, Callable[[], Answer]], writer: int) -> None:
    """Write each answer when it comes. Keep no other file open: a reader of our output would wait for the end."""
    import pickle

    try:
        null = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(null, stream)
        os.closerange(3, writer)
        os.closerange(writer + 1, os.sysconf("SC_OPEN_MAX"))
        lock = threading.Lock()

        def tell(key: str, answer: Answer | Exception) -> None:
            with lock, contextlib.suppress(OSError):
                said = pickle.dumps((key, answer))
                left = len(said).to_bytes(_LENGTH) + said
                while left:
                    left = left[os.write(writer, left) :]

        threads = [threading.Thread(target=_ask, args=(key, ask, tell)) for key, ask in asks.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        os._exit(0)


def _ask(key: str, ask: Callable[[], Answer], tell: Callable[[str, Answer | Exception], None]) -> None:
    try:
        answer: Answer | Exception = ask()
    except Exception as err:  # noqa: BLE001 - it is raised where the answer is awaited
        answer = err
    tell(key, answer)
