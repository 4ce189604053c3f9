"""What does a process use? Read from /proc, so that the measured one does nothing for it."""

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
    """Voluntary context switches: how often one of its threads went to sleep, and so was woken."""
    read_bytes: int
    """From the disk itself; what the page cache had is not in it."""
    rss_bytes: int
    pss_bytes: int
    """Like rss, with each shared page divided by the number of processes that share it."""
    peak_bytes: int
    """The most rss it ever had (VmHWM; unlike ru_maxrss it does not start with the parent's)."""
    inotify_watches: int


def usage(pid: int) -> Usage:
    process = Path("/proc", str(pid))
    tasks = list((process / "task").iterdir())
    status = (process / "status").read_text()
    return Usage(
        cpu_s=cpu_s(pid),
        wakeups=sum(_number("voluntary_ctxt_switches", (task / "status").read_text()) for task in tasks),
        read_bytes=_number("read_bytes", (process / "io").read_text()),
        rss_bytes=_number("VmRSS", status) * KIB,
        pss_bytes=_number("Pss", (process / "smaps_rollup").read_text()) * KIB,
        peak_bytes=_number("VmHWM", status) * KIB,
        inotify_watches=_inotify_watches(process),
    )


def cpu_s(pid: int) -> float:
    """The processor's seconds that it has used, also of one that has ended and was not waited for yet."""
    # /proc/PID/stat counts ticks of 10 ms, which short wake-ups slip through; this counts nanoseconds.
    tasks = Path("/proc", str(pid), "task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def children(pid: int) -> list[int]:
    """The processes that its threads have started, and theirs."""
    found: list[int] = []
    for task in Path("/proc", str(pid), "task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *children(child)]
    return found


def children_pss_bytes(pid: int) -> int:
    """What its children hold together at this moment; one that ends meanwhile counts as nothing."""
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
