"""Reads a process' resource use from /proc, without its help."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a process has used since its start (`cpu_s`, `wakeups`, `read_bytes`), and holds now."""

    cpu_s: float
    wakeups: int
    """Context switches of its threads. Each sleep is one; on a busy machine some are involuntary."""
    read_bytes: int
    """Read from the disk itself, without the page cache."""
    rss_bytes: int
    pss_bytes: int
    """Like rss, with each shared page divided by the number of processes that share it."""
    peak_bytes: int
    """The peak of its rss (VmHWM; unlike ru_maxrss it does not start with the parent's)."""
    inotify_watches: int


def usage(pid: int) -> Usage:
    process = Path("/proc", str(pid))
    switches = [(task / "status").read_text() for task in (process / "task").iterdir()]
    status = (process / "status").read_text()
    return Usage(
        cpu_s=cpu_s(pid),
        wakeups=sum(_number(f"{kind}voluntary_ctxt_switches", status) for status in switches for kind in ("", "non")),
        read_bytes=_number("read_bytes", (process / "io").read_text()),
        rss_bytes=_number("VmRSS", status) * KIB,
        pss_bytes=_number("Pss", (process / "smaps_rollup").read_text()) * KIB,
        peak_bytes=_number("VmHWM", status) * KIB,
        inotify_watches=_inotify_watches(process),
    )


def cpu_s(pid: int) -> float:
    """Return the processor time in seconds, also of a process that has ended but was not waited for."""
    # /proc/PID/stat counts ticks of 10 ms and misses short wake-ups. This counts nanoseconds.
    tasks = Path("/proc", str(pid), "task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def children(pid: int) -> list[int]:
    """List the processes that its threads have started, and their children."""
    found: list[int] = []
    for task in Path("/proc", str(pid), "task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *children(child)]
    return found


def children_pss_bytes(pid: int) -> int:
    """Sum the present memory of its children. One that ends meanwhile counts as nothing."""
    total = 0
    for child in children(pid):
        try:
            total += usage(child).pss_bytes
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def peak_bytes(pid: int) -> int:
    return _number("VmHWM", Path("/proc", str(pid), "status").read_text()) * KIB


def _inotify_watches(process: Path) -> int:
    count = 0
    for descriptor in (process / "fdinfo").iterdir():
        try:
            count += descriptor.read_text().count("inotify wd:")
        except FileNotFoundError:
            continue
    return count


def _number(name: str, text: str) -> int:
    found = re.search(rf"^{name}:\s*(\d+)", text, re.MULTILINE)
    if found is None:
        raise LookupError(f"this kernel does not tell {name} (process {os.getpid()} asked)")
    return int(found[1])
