"""Watches a library with inotify and marks the directories in which something happened.

Each library has a watchdog observer and an inotify descriptor of its own. So a failure of one
leaves the others alone. Events only mark directories.

watchdog provides the threads, the reading of inotify, the event filter and the dispatch. Its
bookkeeping of a tree (`InotifyWatchGroup`) is replaced, through watchdog's callback interface,
because these faults were measured with 7.1:

- its reader dies of a KeyError on ordinary moves, without a message;
- after an overflow it adds all watches again, which overflows again, without end;
- the children of a directory that was created and renamed at once stay unwatched (46 of 400);
- a directory that was moved out goes on reporting under its old path;
- a moved directory is announced file by file, and every move out delays all events by half a
  second;
- a reached watch limit and a lost root are ignored in silence.

Faults that cannot be prevented are detected: see `LibraryObserver.trouble`.
"""

import errno
import logging
import os
import threading
from collections.abc import Callable, Iterable

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.api import BaseObserver, EventQueue, ObservedWatch
from watchdog.observers.inotify import InotifyEmitter
from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchDescriptor,
)
from watchdog.version import VERSION_MAJOR, VERSION_MINOR

from reeld.domain.files import readable
from reeld.watch.coverage import Identity, missing_from
from reeld.watch.event_probe import EventProbe
from reeld.watch.file_events import way_to
from reeld.watch.hints import DirtyDirectories
from reeld.watch.limits import CannotWatch, cause_and_hint
from reeld.watch.rules import Rules

if (VERSION_MAJOR, VERSION_MINOR) != (7, 1):
    raise ImportError(
        f"reeld's observer was proved with watchdog 7.1, not {VERSION_MAJOR}.{VERSION_MINOR}: "
        "install watchdog>=7.1,<7.2"
    )

# watchdog logs an overflow on its own logger, as a plain line. We report it as trouble of the
# observer.
logging.getLogger("watchdog").addHandler(logging.NullHandler())


class _TouchedEvent(FileModifiedEvent):
    """The times, the owner or the rights of files in a directory changed, by path or by descriptor.

    Its path is the directory's and ends with a slash. So the events of one directory are equal, and
    watchdog's queue keeps one of those that follow each other.
    """


# No open, close-without-write or modify events. With watchdog's default mask every walk, by any
# program, makes four events a directory, and 5,000 directories overflow the queue at the start. A
# file that grows needs no event: while it settles it is polled. One that is cut by its path, and
# never opened, has only a modify event: the next walk finds it. A rename arrives as a deletion and
# a creation, because creations are in the mask.
_WANTED: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileDeletedEvent,
    FileClosedEvent,
    DirCreatedEvent,
    DirDeletedEvent,
    _TouchedEvent,
]
# ATTRIB: watchdog asks for it only together with MODIFY, which each write causes. ONLYDIR and
# DONT_FOLLOW: a name that became a link is not watched. EXCL_UNLINK: changes to a file without a
# name do not matter.
_HOW = (
    InotifyConstants.IN_ATTRIB
    | InotifyConstants.IN_ONLYDIR
    | InotifyConstants.IN_DONT_FOLLOW
    | InotifyConstants.IN_EXCL_UNLINK
)

# What happens to a directory or a link itself. Its attributes are left out above the root: there the mask would also
# ask for those of all names in the directory, such as /tmp.
_ITSELF = InotifyConstants.IN_MOVE_SELF | InotifyConstants.IN_DELETE_SELF

_STOP_TIMEOUT_S = 5.0


OVERFLOWED = "more happened at once than the kernel's queue holds; events were lost"


class LibraryObserver:
    """Marks in `hints` the directories of a library in which something happened.

    Start it first and walk afterwards: then all changes that the walk missed are marked.
    Directories that `rules` skip are not watched (on a Synology NAS they are the majority).

    `on_trouble` is called once, with a sentence, when events were lost or will be. Then stop this
    observer, start a new one and walk the library. Do not do so within the call, which an
    observer's thread makes. A thread that died or is blocked makes no call: so call `beat`, and
    check `trouble`, every few seconds, or every minute while `is_quiet`.

    If the root itself, or a directory or link on the way to it, is moved or deleted, or the root gets
    other rights, the hints are woken without a mark: then check the root.
    """

    def __init__(self, root: str, hints: DirtyDirectories, on_trouble: Callable[[str], None], *, rules: Rules) -> None:
        # A root that is a link would be watched as a link, and files directly in it were missed
        # (measured).
        self._root = os.path.realpath(root)
        self._way = way_to(root)
        self._hints = hints
        self._on_trouble = on_trouble
        self._rules = rules
        self._reported: str | None = None
        self._is_stopping = False
        self._reader: InotifyFD | None = None
        self._observer: BaseObserver | None = None
        self._emitter: _TreeEmitter | None = None
        self._probe: EventProbe | None = None
        self._marker: _Marker | None = None

    def start(self) -> None:
        """Watch the whole tree; events count from here. On CannotWatch nothing is left behind."""
        try:
            self._start_reader()
            self._start_observer()
        except OSError as error:
            self.stop()
            raise CannotWatch(self._root, error) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the threads and release the watches. Never raises; gives up after a few seconds.

        A thread may be blocked in a system call on a dead mount and hold the locks that stopping
        needs. So a separate thread does the stopping. It is abandoned if it does not return.
        """
        self._is_stopping = True
        stopper = threading.Thread(target=self._stop_threads, name="reeld-watch-stop", daemon=True)
        try:
            stopper.start()
        # no thread can be started: the interpreter is ending, or the system is full
        except RuntimeError:
            self._stop_threads()
        else:
            stopper.join(_STOP_TIMEOUT_S)

    def is_healthy(self) -> bool:
        return self.trouble() is None

    def trouble(self) -> str | None:
        """Say why events were lost or will be, or return None while all is well. It does not recover by
        itself.
        """
        if self._reported is not None:
            return self._reported
        if self._observer is None or self._reader is None:
            return "the observer was not started"
        for thread in (self._reader, self._observer, *self._observer.emitters):
            if not thread.is_alive():
                return f"watchdog's thread {type(thread).__name__.strip('_')} has ended"
        if self._probe is not None and self._probe.is_silent():
            return "the event of a change that reeld made itself did not arrive"
        return None

    @property
    def is_quiet(self) -> bool:
        """Whether the event of the last change came back, and the way to the root is watched."""
        is_probed = self._probe is None or not self._probe.is_due
        return is_probed and self._emitter is not None and self._emitter.sees_way

    def beat(self) -> None:
        """Let the event probe make its change."""
        if self._probe is not None:
            self._probe.beat()

    @property
    def delivered_until_ns(self) -> int:
        """All events before this wall-clock time, if any are delivered at all, are in the hints."""
        return 0 if self._probe is None else self._probe.delivered_until_ns

    @property
    def events(self) -> int:
        """Return how many events came since `start`, without those of the event probe."""
        return 0 if self._marker is None else self._marker.events

    @property
    def has_overflowed(self) -> bool:
        return self._reported == OVERFLOWED

    def coverage(self, directories: Iterable[Identity]) -> set[Identity]:
        """Return the listed directories, each (device, inode), that the kernel does not watch.

        Empty is good. A watch may be added after its directory was listed, so call this after the
        hints from the walk were processed. A stopped observer watches none. Raises RuntimeError if
        the observer was not started.
        """
        return set(directories) if self._is_stopping else missing_from(self._descriptor(), directories)

    def _start_reader(self) -> None:
        self._reader = InotifyFD()
        # watchdog opens it without close-on-exec, and a child process would keep all watches
        # alive.
        os.set_inheritable(self._descriptor(), False)
        self._reader.start()

    def _start_observer(self) -> None:
        self._probe = EventProbe()
        self._observer = BaseObserver(
            _TreeEmitter,
            inotify_fd=self._reader,
            root=os.fsencode(self._root),
            way=self._way,
            rules=self._rules,
            on_trouble=self._report,
            wake=self._hints.wake,
            event_probe=self._probe,
        )
        self._marker = _Marker(self._root, self._hints, self._probe)
        self._observer.schedule(self._marker, self._root, recursive=True, event_filter=_WANTED)
        self._observer.start()
        (emitter,) = self._observer.emitters
        self._emitter = emitter if isinstance(emitter, _TreeEmitter) else None

    def _descriptor(self) -> int:
        """Use watchdog's one private name that is needed; 7.1 has no public one for it."""
        if self._reader is None:
            raise RuntimeError("the observer was not started")
        return self._reader._inotify_fd  # noqa: SLF001

    def _report(self, why: str) -> None:
        if self._reported is None and not self._is_stopping:
            self._reported = why
            self._on_trouble(why)

    def _stop_threads(self) -> None:
        if self._reader is not None:
            self._reader.stop()
        if self._observer is not None:
            self._observer.stop()
        for thread in (self._reader, self._observer):
            if thread is not None and thread.is_alive():
                thread.join(_STOP_TIMEOUT_S)
        if self._probe is not None:
            self._probe.close()


class _Marker(FileSystemEventHandler):
    """Marks the directory of each event. It must not raise: that would end watchdog's thread."""

    def __init__(self, root: str, hints: DirtyDirectories, event_probe: EventProbe) -> None:
        self._prefix_length = len(root.rstrip("/")) + 1
        self._hints = hints
        self._probe = event_probe
        self.events = 0

    def on_any_event(self, event: FileSystemEvent) -> None:
        if isinstance(event, _ProbeEvent):
            self._probe.hear()
            return
        self.events += 1
        relative = os.fsdecode(event.src_path)[self._prefix_length :]
        if isinstance(event, DirCreatedEvent):
            self._hints.mark(relative, is_recursive=True)
        else:
            self._hints.mark(relative.rpartition("/")[0])


class _ProbeEvent(FileClosedEvent):
    """The event probe's event. It reaches the marker through the queue, after all earlier events."""


class _TreeEmitter(InotifyEmitter):
    """watchdog's inotify emitter with our own tree of watches, which queues the events itself.

    The root is passed in: if the library's path is a file, `watch.path` is the directory above.
    """

    def __init__(
        self,
        event_queue: EventQueue,
        watch: ObservedWatch,
        *,
        timeout: float,
        event_filter: list[type[FileSystemEvent]],
        inotify_fd: InotifyFD,
        root: bytes,
        way: Iterable[str],
        rules: Rules,
        on_trouble: Callable[[str], None],
        wake: Callable[[], None],
        event_probe: EventProbe,
    ) -> None:
        super().__init__(event_queue, watch, timeout=timeout, event_filter=event_filter, inotify_fd=inotify_fd)
        mask = Mask(self.get_event_mask_from_filter() | _HOW)
        self._tree = _Tree(root, inotify_fd, mask, rules, self.queue_event, on_trouble, wake)
        self._way = _Way(way, wake)
        self._probe = _ProbeWatch(event_probe, self.queue_event)

    @property
    def sees_way(self) -> bool:
        """Whether the way to the root is watched."""
        return self._way.is_watched

    def on_thread_start(self) -> None:
        self._probe.start(self._tree.reader)
        # First: a directory that lies on the way and, by a bind mount, in the tree keeps the tree's mask.
        self._way.start(self._tree.reader)
        self._tree.watch_all()

    def queue_events(self, timeout: float, *, full_events: bool = False) -> None:  # noqa: ARG002
        """Wait until stopped. The reader's thread queues the events."""
        self.stopped_event.wait()


class _ProbeWatch:
    """The watch of the event probe: a `WatchCallback`, called by the reader's thread."""

    def __init__(self, event_probe: EventProbe, emit: Callable[[FileSystemEvent], None]) -> None:
        self._probe = event_probe
        self._event = _ProbeEvent(event_probe.path)
        self._emit = emit

    def start(self, reader: InotifyFD) -> None:
        """Watch the probe's file. Raises OSError at the watch limit. Where /proc is hidden, do
        without.
        """
        mask = Mask(InotifyConstants.IN_ATTRIB)
        try:
            watch = reader.add_callback(self._probe.path, mask, self, CallbackId(id(self)))
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise
            watch = WatchDescriptor(-1)
        if watch < 0:
            self._probe.close()

    def on_event(self, event: InotifyEvent) -> None:  # noqa: ARG002
        self._emit(self._event)

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """Ignore it: the observer is being stopped."""

    def on_queue_overflow(self) -> None:
        """Ignore it: every directory gets this call as well."""


class _Way:
    """The watches of the directories and links on the way to the root: a `WatchCallback`.

    Without them, only a check would tell that a directory above the root was renamed.
    """

    def __init__(self, way: Iterable[str], wake: Callable[[], None]) -> None:
        self._paths = tuple(way)
        self._wake = wake
        self.is_watched = False

    def start(self, reader: InotifyFD) -> None:
        mask = Mask(_ITSELF | InotifyConstants.IN_DONT_FOLLOW)
        try:
            watches = [reader.add_callback(os.fsencode(path), mask, self, CallbackId(id(self))) for path in self._paths]
        except OSError:  # the limit, which the tree reports: it needs more
            return
        self.is_watched = all(watch >= 0 for watch in watches)

    def on_event(self, event: InotifyEvent) -> None:
        if event.mask & _ITSELF and not event.name:
            self._wake()

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:  # noqa: ARG002
        self.is_watched = False
        self._wake()

    def on_queue_overflow(self) -> None:
        """Ignore it: every directory gets this call as well."""


class _Tree:
    """All watches of one library.

    A directory is watched first and listed afterwards. A name that is created in between is
    listed, or has an event, or both. The lock guards the tree while the starting thread and the
    reader's add to it.
    """

    def __init__(
        self,
        root: bytes,
        reader: InotifyFD,
        mask: Mask,
        rules: Rules,
        emit: Callable[[FileSystemEvent], None],
        report: Callable[[str], None],
        wake: Callable[[], None],
    ) -> None:
        self.wake = wake
        self.root = root
        self.reader = reader
        self.rules = rules
        self.emit = emit
        self.report = report
        self._mask = mask
        self._lock = threading.Lock()

    def watch_all(self) -> None:
        """Watch the whole tree. Raises OSError if the root cannot be watched, or the watches run
        out.
        """
        top = _Directory(self, None, b"")
        if not self._add(top):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        self._watch_below(top)

    def watch(self, parent: "_Directory", name: bytes) -> None:
        """Watch a new directory and all below it. Raises OSError at the watch limit."""
        directory = self._enter(parent, name)
        if directory is not None:
            self._watch_below(directory)

    def unwatch(self, parent: "_Directory", name: bytes) -> None:
        """Forget a directory that left this place, and all below it.

        A directory that was moved away keeps its watches. They would report under a path that is
        gone.
        """
        with self._lock:
            self._drop(parent, name)

    def _watch_below(self, top: "_Directory") -> None:
        pending = [top]
        while pending:
            directory = pending.pop()
            for name in _names_of_directories(directory.path()):
                child = self._enter(directory, name)
                if child is not None:
                    pending.append(child)

    def _enter(self, parent: "_Directory", name: bytes) -> "_Directory | None":
        """Add a watched child, or None if the rules skip it, or it is gone or unreadable."""
        child = _Directory(self, parent, name)
        if self.rules.why_skip_directory(child.relative()) is not None:
            return None
        with self._lock:
            if parent.is_dropped:
                return None
            self._drop(parent, name)
            try:
                is_added = self._add(child)
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise
                return None  # gone again, or unreadable: the walk says which, and coverage() reports it
            if is_added:
                parent.children[name] = child
            return child if is_added else None

    def _add(self, directory: "_Directory") -> bool:
        """Tell whether the kernel watches it now. watchdog reports a refused permission as watch -1."""
        mask = self._mask if directory.parent is not None else Mask(self._mask | _ITSELF)
        directory.watch = self.reader.add_callback(directory.path(), mask, directory, directory.id)
        if directory.watch >= 0:
            return True
        self.reader.remove_callbacks([(directory.watch, directory.id)])
        return False

    def _drop(self, parent: "_Directory", name: bytes) -> None:
        top = parent.children.pop(name, None)
        pending = [] if top is None else [top]
        while pending:
            directory = pending.pop()
            directory.is_dropped = True
            self.reader.remove_callbacks([(directory.watch, directory.id)])
            pending.extend(directory.children.values())


class _Directory:
    """A watched directory, which knows its place: a `WatchCallback`, called by the reader's thread.

    Each is a callback of its own. So a directory with two places (a bind mount, or a move whose
    second event is still due) has two, and neither removes the other's watch.
    """

    __slots__ = ("children", "is_dropped", "name", "parent", "tree", "watch")

    def __init__(self, tree: _Tree, parent: "_Directory | None", name: bytes) -> None:
        self.tree = tree
        self.parent = parent
        self.name = name
        self.watch = WatchDescriptor(-1)
        self.children: dict[bytes, _Directory] = {}
        self.is_dropped = False

    @property
    def id(self) -> CallbackId:
        return CallbackId(id(self))

    def path(self) -> bytes:
        """Return the absolute path, according to the moves that were reported so far."""
        return b"/".join([self.tree.root, *self._names()])

    def relative(self) -> str:
        return os.fsdecode(b"/".join(self._names()))

    def _names(self) -> list[bytes]:
        names = []
        directory = self
        while directory.parent is not None:
            names.append(directory.name)
            directory = directory.parent
        return names[::-1]

    def on_event(self, event: InotifyEvent) -> None:
        if event.mask & InotifyConstants.IN_UNMOUNT:
            self.tree.report(f"{readable(os.fsdecode(self.path()))} was unmounted")
        if not event.name:  # about this directory itself: the one above it gets an event as well
            if self.parent is None:
                self.tree.wake()
            return
        if event.is_attrib:
            # Of a directory too: its own times say nothing of its files, and what was refused is asked again.
            if not event.is_directory:
                self.tree.emit(_TouchedEvent(os.fsdecode(self.path() + b"/")))
            return
        path = os.fsdecode(self.path() + b"/" + event.name)
        if event.is_directory:
            self._follow(event)
            is_here = event.is_create or event.is_moved_to
            self.tree.emit(DirCreatedEvent(path) if is_here else DirDeletedEvent(path))
        else:
            self.tree.emit(_file_event(event)(path))

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:  # noqa: ARG002
        """Report a lost root. The kernel drops a watch when the directory or its file system is
        gone.
        """
        if self.parent is None:
            self.tree.report("the library's directory was deleted or unmounted")

    def on_queue_overflow(self) -> None:
        """Report that events were lost. Called for every directory; watching goes on."""
        self.tree.report(OVERFLOWED)

    def _follow(self, event: InotifyEvent) -> None:
        """Move the watches before the hint is set."""
        try:
            if event.is_create or event.is_moved_to:
                self.tree.watch(self, event.name)
            else:
                self.tree.unwatch(self, event.name)
                # If two directories swap names, the events arrive so that the new one is watched
                # first and then dropped together with the old one.
                self.tree.watch(self, event.name)
        except OSError as error:
            self.tree.report("; ".join(cause_and_hint(error)))


def _file_event(event: InotifyEvent) -> type[FileSystemEvent]:
    if event.is_close_write:
        return FileClosedEvent
    return FileCreatedEvent if event.is_create or event.is_moved_to else FileDeletedEvent


def _names_of_directories(path: bytes) -> list[bytes]:
    """List the subdirectories, none if unreadable, since the walk finds out why."""
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
