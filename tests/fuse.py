"""A file system that stops answering, answers with errors, or dies, whenever a test says so.

`FuseDisk` mounts one folder of real files at another place, read-only, through a small server of the kernel's FUSE
protocol (linux/fuse.h, version 7) in a process of its own. It is what a network mount is to reeld, without a network:
a call on it may take for ever. Needs root and /dev/fuse.
"""

import contextlib
import ctypes
import errno
import json
import os
import select
import signal
import socket
import stat
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Numbering = Literal["shuffle", "count", "path"]
"""How a disk may number its files: each by another file's number, by the order of look-ups, or by its path."""

PATIENCE_S = 150.0


def why_unavailable() -> str | None:
    """Why no FUSE file system can be mounted here; None when one can."""
    if os.geteuid() != 0:
        return "only root can mount"
    return None if os.path.exists("/dev/fuse") else "this kernel has no FUSE"


class FuseDisk:
    """`backing`, seen at `mountpoint`; tests change the files at `backing`, which tells nobody."""

    def __init__(self, backing: Path, mountpoint: Path, *, ignores_case: bool = False) -> None:
        self.mountpoint = mountpoint
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.settimeout(PATIENCE_S)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fuse", str(theirs.fileno()), str(backing), str(mountpoint)]
                + ["ignores case"] * ignores_case,
                pass_fds=[theirs.fileno()],
                cwd=Path(__file__).parent.parent,
            )
        self._wait_for({"event": "mounted"})

    def stall(self, *operations: str, name: str = "", is_deaf: bool = False) -> None:
        """From now on these calls (read, getattr, lookup, readdir, open) on paths that contain `name` never return.

        A process that waits for one can be killed, as on a network mount; with `is_deaf` not even that, as on a disk.
        """
        self._say({"stall": operations, "name": name, "is_deaf": is_deaf})

    def fail_reads(self, name: str = "", *, offset: int = 0, error: int = errno.EIO) -> None:
        """From now on, whoever reads at or behind the offset of files whose path contains `name` gets this error."""
        self._say({"fail": error, "name": name, "offset": offset})

    def renumber(self, how: Numbering) -> None:
        """Give the files other inode numbers from now on, as many file systems do at each mount."""
        self._say({"renumber": how})

    def forget_ctimes(self) -> None:
        """Tell the mtime for the ctime from now on, as file systems do that keep none."""
        self._say({"forget": "ctimes"})

    def reads(self) -> int:
        """How many bytes of files were asked for since the last call."""
        self._channel.send(json.dumps({"count": "reads"}).encode())
        return int(self._wait_for({"event": "counted"})["bytes"])

    def heal(self) -> None:
        """Answer everything from now on, also what is waiting."""
        self._say({"heal": True})

    def wait_until_stalled(self, operation: str) -> str:
        """Until somebody waits for an answer to this call; gives the path that it is about."""
        return str(self._wait_for({"event": "stalled", "operation": operation})["path"])

    def stop(self) -> None:
        """Stop the server as SIGSTOP does: no call is answered any more."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let the stopped server answer again."""
        self._process.send_signal(signal.SIGCONT)

    def die(self) -> None:
        """Every call fails from now on, with ENOTCONN."""
        self._process.kill()
        self._process.wait(PATIENCE_S)

    def close(self) -> None:
        """Unmount; whoever still waits is told that the disk is dead."""
        self.die()
        subprocess.run(["umount", "-l", str(self.mountpoint)], check=True)
        self._channel.close()

    def _say(self, words: dict[str, Any]) -> None:
        self._channel.send(json.dumps(words).encode())
        self._wait_for({"event": "obeyed"})

    def _wait_for(self, facts: dict[str, Any]) -> dict[str, Any]:
        while True:
            message = self._channel.recv(1 << 16)
            assert message, "the FUSE server ended"
            said: dict[str, Any] = json.loads(message)
            if facts.items() <= said.items():
                return said


@contextlib.contextmanager
def fuse_disk(backing: Path, mountpoint: Path, *, ignores_case: bool = False) -> Iterator[FuseDisk]:
    """With `ignores_case` it takes HEAT.mkv for Heat.mkv and lists what was written, as Samba, exFAT and NTFS do."""
    backing.mkdir(exist_ok=True)
    mountpoint.mkdir(exist_ok=True)
    disk = FuseDisk(backing, mountpoint, ignores_case=ignores_case)
    try:
        yield disk
    finally:
        disk.close()


# --- the server ------------------------------------------------------------------------------------------

_IN = struct.Struct("<IIQQIIII")  # length, opcode, unique, node, uid, gid, pid, padding
_OUT = struct.Struct("<IiQ")  # length, error, unique

_LOOKUP, _FORGET, _GETATTR, _OPEN, _READ, _STATFS = 1, 2, 3, 14, 15, 17
_RELEASE, _INIT, _OPENDIR, _READDIR, _RELEASEDIR, _INTERRUPT, _BATCH_FORGET = 18, 26, 27, 28, 29, 36, 42
_NAMES = {_LOOKUP: "lookup", _GETATTR: "getattr", _OPEN: "open", _READ: "read", _READDIR: "readdir"}
_WITHOUT_ANSWER = (_FORGET, _BATCH_FORGET)
_DIRECT_IO = 1  # every read comes here, as the program made it


@dataclass
class _Server:
    """Answers one request after the other; those that stall are kept until they are healed or interrupted."""

    device: int
    channel: socket.socket
    paths: dict[int, str]
    ignores_case: bool = False
    nodes: dict[str, int] = field(default_factory=dict)
    trouble: list[dict[str, Any]] = field(default_factory=list)
    held: dict[int, bytes] = field(default_factory=dict)
    numbering: Numbering | None = None
    numbers: dict[str, int] = field(default_factory=dict)
    """The numbers that are not the backing files' own, by path."""
    has_ctimes: bool = True
    bytes_read: int = 0

    def run(self) -> None:
        while True:
            ready, _, _ = select.select([self.device, self.channel.fileno()], [], [])
            if self.channel.fileno() in ready:
                message = self.channel.recv(1 << 16)
                if not message:
                    return
                self._obey(json.loads(message))
            if self.device in ready:
                try:
                    request = os.read(self.device, 1 << 18)
                except OSError as err:
                    if err.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
                        continue  # the request was taken back
                    return  # unmounted
                self._take(request)

    def _obey(self, words: dict[str, Any]) -> None:
        if "count" in words:
            self._tell(event="counted", bytes=self.bytes_read)
            self.bytes_read = 0
            return
        if "renumber" in words:
            self.numbering, self.numbers = words["renumber"], {}
            if self.numbering == "shuffle":
                self.numbers = _shuffled(self.paths[1])
        elif "forget" in words:
            self.has_ctimes = False
        elif "heal" in words:
            self.trouble.clear()
            held, self.held = self.held, {}
            for request in held.values():
                self._take(request)
        else:
            self.trouble.append(words)
        self._tell(event="obeyed")

    def _take(self, request: bytes) -> None:
        _, opcode, unique, node, *_ = _IN.unpack_from(request)
        body = request[_IN.size :]
        if opcode == _INTERRUPT:
            (interrupted,) = struct.unpack_from("<Q", body)
            is_deaf = any(each.get("is_deaf") for each in self.trouble)
            if not is_deaf and self.held.pop(interrupted, None) is not None:
                self._answer(interrupted, -errno.EINTR)
        elif opcode not in _WITHOUT_ANSWER:
            path = self.paths[node] if opcode != _INIT else ""
            about = os.path.join(path, os.fsdecode(body[:-1])) if opcode == _LOOKUP else path
            if self._is_stalled(_NAMES.get(opcode), about):
                self.held[unique] = request
                self._tell(event="stalled", operation=_NAMES[opcode], path=about)
            else:
                self._reply(opcode, unique, path, about, body)

    def _is_stalled(self, operation: str | None, path: str) -> bool:
        return any(operation in each.get("stall", ()) and each["name"] in path for each in self.trouble)

    def _reply(self, opcode: int, unique: int, path: str, about: str, body: bytes) -> None:
        try:
            self._answer(unique, 0, self._do(opcode, path, about, body))
        except OSError as err:
            self._answer(unique, -(err.errno or errno.EIO))

    def _do(self, opcode: int, path: str, about: str, body: bytes) -> bytes:
        answers: dict[int, Callable[[], bytes]] = {
            _INIT: lambda: struct.pack("<IIIIHHIIHHI7I", 7, 31, 1 << 16, 0, 12, 10, 1 << 16, 1, 16, 0, *[0] * 8),
            _LOOKUP: lambda: self._look_up(about),
            _GETATTR: lambda: struct.pack("<QII", 0, 0, 0) + self._attributes(path),
            _OPEN: lambda: struct.pack("<QII", 0, _DIRECT_IO, 0),
            _OPENDIR: lambda: struct.pack("<QII", 0, 0, 0),
            _READ: lambda: self._read(path, body),
            _READDIR: lambda: self._entries(path, *struct.unpack_from("<8xQI", body)),
            _STATFS: lambda: struct.pack("<QQQQQIIII24x", 1 << 20, 1 << 19, 1 << 19, 1 << 10, 1 << 9, 4096, 255, 0, 0),
            _RELEASE: lambda: b"",
            _RELEASEDIR: lambda: b"",
        }
        if opcode not in answers:
            raise OSError(errno.ENOSYS, "not needed by any test")
        return answers[opcode]()

    def _look_up(self, path: str) -> bytes:
        if self.ignores_case:
            path = _as_spelled(path)
        attributes = self._attributes(path)
        node = self.nodes.setdefault(path, len(self.paths) + 1)
        self.paths[node] = path
        return struct.pack("<QQQQII", node, 0, 0, 0, 0, 0) + attributes

    def _read(self, path: str, body: bytes) -> bytes:
        offset, size = struct.unpack_from("<8xQI", body)
        for each in self.trouble:
            if "fail" in each and each["name"] in path and offset + size > each["offset"]:
                if offset >= each["offset"]:
                    raise OSError(each["fail"], "as the test said")
                size = each["offset"] - offset
        with open(path, "rb") as file:
            found = os.pread(file.fileno(), size, offset)
        self.bytes_read += len(found)
        return found

    def _number(self, path: str, own: int) -> int:
        match self.numbering:
            case "path":
                return zlib.crc32(os.fsencode(path)) + 2
            case "count":
                return self.numbers.setdefault(path, len(self.numbers) + 2)
        return self.numbers.get(path, own)

    def _attributes(self, path: str) -> bytes:
        found = os.lstat(path)
        ctime_ns = found.st_ctime_ns if self.has_ctimes else found.st_mtime_ns
        times = [divmod(ns, 10**9) for ns in (found.st_atime_ns, found.st_mtime_ns, ctime_ns)]
        seconds, nanoseconds = zip(*times, strict=True)
        numbers = (self._number(path, found.st_ino), found.st_size, found.st_blocks, *seconds, *nanoseconds)
        return struct.pack("<6Q3I", *numbers) + struct.pack(
            "<7I", found.st_mode, found.st_nlink, found.st_uid, found.st_gid, 0, 4096, 0
        )

    def _entries(self, path: str, offset: int, size: int) -> bytes:
        packed = b""
        for position, name in enumerate(sorted(os.listdir(path))):
            encoded, below = os.fsencode(name), os.path.join(path, name)
            found = os.lstat(below)
            number, kind = self._number(below, found.st_ino), stat.S_IFMT(found.st_mode) >> 12
            entry = struct.pack("<QQII", number, position + 1, len(encoded), kind) + encoded
            entry += bytes(-len(entry) % 8)
            if position >= offset and len(packed) + len(entry) <= size:
                packed += entry
            elif position >= offset:
                break
        return packed

    def _answer(self, unique: int, error: int, body: bytes = b"") -> None:
        with contextlib.suppress(FileNotFoundError):  # whoever asked has gone
            os.write(self.device, _OUT.pack(_OUT.size + len(body), error, unique) + body)

    def _tell(self, **facts: Any) -> None:
        with contextlib.suppress(BlockingIOError):
            self.channel.send(json.dumps(facts).encode(), socket.MSG_DONTWAIT)


def _as_spelled(path: str) -> str:
    directory, name = os.path.split(path)
    spelled = {other.casefold(): other for other in os.listdir(directory)}
    return os.path.join(directory, spelled.get(name.casefold(), name))


def _shuffled(top: str) -> dict[str, int]:
    """Give each file the number of the next one."""
    paths = sorted(os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names)
    return {path: os.lstat(after).st_ino for path, after in zip(paths, paths[1:] + paths[:1], strict=True)}


def _serve(channel: socket.socket, backing: str, mountpoint: str, *, ignores_case: bool) -> None:
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    read_only_nosuid_nodev = 1 | 2 | 4
    if libc.mount(b"reeld-test", os.fsencode(mountpoint), b"fuse", read_only_nosuid_nodev, options) != 0:
        raise OSError(ctypes.get_errno(), "mount")
    server = _Server(device, channel, {1: backing}, ignores_case, {backing: 1})
    server._tell(event="mounted")
    server.run()


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2], sys.argv[3], ignores_case=len(sys.argv) > 4)
