"""Forbids system calls to this process for good, by a seccomp filter.

A confined child reads its descriptors, computes and answers. It starts no process, opens nothing,
and connects to nothing. The filter refuses the calls for that with EPERM, also where the disk or
the user's rights would allow them. Parsers take this as a failed call, and go on or end.

The filter is a program for the kernel's classic BPF machine, see seccomp(2). It runs at each
system call, and sees the architecture, the number of the call, and its arguments. This module
writes it by hand, since it is short and libseccomp is not everywhere:

1. Another architecture than the process's own ends the process. With 32-bit calls the numbers
   below would mean other calls. So would x32, a second set of numbers on x86_64.
2. A number above `NEWEST` does not exist for this process (ENOSYS): what the call does is unknown.
3. A forbidden call fails (EPERM). A call that names a process fails unless that is this one.
4. All other calls are allowed.

Only x86_64 and aarch64 have a table. Elsewhere there is no filter, and `reeld doctor` says so.
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterator

FORBIDDEN: dict[str, tuple[int | None, int | None]] = {
    # To open a file, or make an object that others can reach.
    "open": (2, None),
    "openat": (257, 56),
    "openat2": (437, 437),
    "creat": (85, None),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    # To reach a network or another process.
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "kcmp": (312, 272),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # To start a process, a thread or a program.
    "fork": (57, None),
    "vfork": (58, None),
    "clone": (56, 220),
    "clone3": (435, 435),
    "execve": (59, 221),
    "execveat": (322, 281),
    # To bypass a filter, or reach deep into the kernel.
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    # To see other files.
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    # To change a file, also by a descriptor that is open for reading.
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "truncate": (76, 45),
    "ftruncate": (77, 46),
    "fallocate": (285, 47),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    # To take processor or disk time from others.
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
}
"""Numbers on x86_64 and aarch64. None: the call does not exist there."""

ONLY_FOR_ITSELF: dict[str, tuple[int, int]] = {
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "prlimit64": (302, 261),
}
"""Calls whose first argument is a process: 0, or this one. abort(3) and raise(3) need them."""

NEWEST = 462
"""mseal, of Linux 6.10. Numbers from 424 on are the same on every architecture."""

_MACHINES = ("x86_64", "aarch64")
_AUDIT_ARCHITECTURES = (0xC000003E, 0xC00000B7)
_X32_BIT = 0x40000000

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2

_RETURN_ALLOW = 0x7FFF0000
_RETURN_ERRNO = 0x00050000
_RETURN_KILL_PROCESS = 0x80000000

# The instructions. A jump skips that many instructions if true, and so many if false.
_LOAD = 0x20
_JUMP_IF_EQUAL = 0x15
_JUMP_IF_GREATER = 0x25
_JUMP_IF_GREATER_OR_EQUAL = 0x35
_RETURN = 0x06

# Where `struct seccomp_data` holds what. Both machines are little endian.
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16

_libc = ctypes.CDLL(None, use_errno=True)


def number_of(name: str) -> int | None:
    """Return the call's number on this machine; None if it has none here."""
    column = _column()
    return None if column is None else {**FORBIDDEN, **ONLY_FOR_ITSELF}[name][column]


def forbid_calls() -> bool:
    """Forbid the calls to this process. Call it before a second thread starts.

    Return whether they are forbidden now: False on another machine, or if the kernel has no seccomp.
    """
    column = _column()
    if column is None:
        return False
    program = b"".join(_program(column, os.getpid()))
    instructions = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(instructions))
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0)))
    done = _libc.prctl(
        _PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), header, ctypes.c_ulong(0), ctypes.c_ulong(0)
    )
    return bool(done == 0)


def _column() -> int | None:
    """Return which numbers are this process's; None if it is not a 64-bit process of a known machine."""
    machine = platform.machine()
    is_known = machine in _MACHINES and sys.maxsize > 1 << 32 and sys.byteorder == "little"
    return _MACHINES.index(machine) if is_known else None


def _program(column: int, pid: int) -> Iterator[bytes]:
    """Yield the filter's instructions for one machine, and for this process."""
    yield _instruction(_LOAD, _ARCHITECTURE)
    yield _instruction(_JUMP_IF_EQUAL, _AUDIT_ARCHITECTURES[column], if_true=1)
    yield _instruction(_RETURN, _RETURN_KILL_PROCESS)
    yield _instruction(_LOAD, _NUMBER)
    yield _instruction(_JUMP_IF_GREATER_OR_EQUAL, _X32_BIT, if_false=1)
    yield _instruction(_RETURN, _RETURN_KILL_PROCESS)
    yield _instruction(_JUMP_IF_GREATER, NEWEST, if_false=1)
    yield _instruction(_RETURN, _RETURN_ERRNO | errno.ENOSYS)
    for numbers in FORBIDDEN.values():
        if (number := numbers[column]) is not None:
            yield _instruction(_JUMP_IF_EQUAL, number, if_false=1)
            yield _instruction(_RETURN, _RETURN_ERRNO | errno.EPERM)
    for own in ONLY_FOR_ITSELF.values():
        yield _instruction(_JUMP_IF_EQUAL, own[column], if_false=5)
        yield _instruction(_LOAD, _FIRST_ARGUMENT)
        yield _instruction(_JUMP_IF_EQUAL, 0, if_true=1)
        yield _instruction(_JUMP_IF_EQUAL, pid, if_false=1)
        yield _instruction(_RETURN, _RETURN_ALLOW)
        yield _instruction(_RETURN, _RETURN_ERRNO | errno.EPERM)
    yield _instruction(_RETURN, _RETURN_ALLOW)


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("@HBBI", code, if_true, if_false, value)
