"""How does systemd learn that reeld is ready, alive, or stopping? By a datagram to $NOTIFY_SOCKET; sd_notify(3).

Thirty lines of our own: the packages for it are a binding to libsystemd that needs a compiler, or have not
been released for years.
"""

import contextlib
import os
import socket
import time
from collections.abc import Mapping

TIMEOUT_S = 1.0


def notify(*states: str) -> None:
    """Send states such as `READY=1`; nothing happens when no service manager asked for them."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]  # the abstract namespace
    # A service manager that went away, or one more descriptor that cannot be had, must not take the daemon along.
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel,
    ):
        channel.settimeout(TIMEOUT_S)  # a manager that does not read must not hold the daemon up
        channel.sendto("\n".join(states).encode(), address)


def is_asked_for() -> bool:
    """Whether a service manager wants to hear anything."""
    return bool(os.environ.get("NOTIFY_SOCKET"))


def tell_reloading() -> None:
    """READY=1 must follow; the moment tells which of several reloads it belongs to."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


def watchdog_interval_s(environment: Mapping[str, str]) -> float | None:
    """How often `WATCHDOG=1` must be sent: twice as often as systemd expects it; None when it expects none."""
    expected_us = environment.get("WATCHDOG_USEC", "")
    is_for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(expected_us) / 2_000_000 if expected_us.isdecimal() and int(expected_us) and is_for_us else None
