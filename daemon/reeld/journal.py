"""Tells systemd's journal how urgent a line is. It imports nothing of reeld: a part of that may be what is missing."""

import os
from collections.abc import Mapping
from typing import TextIO

# systemd reads the line's priority from a prefix such as `<4>`; see sd-daemon(3), syslog(3).
PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3}


def is_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Tell whether the stream is systemd's journal, by JOURNAL_STREAM; see systemd.exec(5)."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # closed, or not a file of the kernel
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def with_priority(level: str, text: str) -> str:
    """Prefix each line with its priority for `journalctl -p warning`; the journal removes it again."""
    prefix = f"<{PRIORITIES[level]}>"
    return "\n".join(f"{prefix}{line}" for line in text.split("\n"))
