"""Tells systemd that reeld is ready, alive or stopping, by datagrams to $NOTIFY_SOCKET (sd_notify(3)).

It is our own code because the packages for it need a compiler, or had no release for years.
"""

import contextlib
import os
import socket
import time
from collections.abc import Mapping

from reeld.domain.files import readable

TIMEOUT_S = 1.0


def notify(*states: str) -> None:
    """Send states such as `READY=1`. Does nothing if no service manager asked for them.

    A name in a state must not begin another one, nor reach the terminal of `systemctl status` raw.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]  # the abstract namespace
    # A vanished service manager, or a lack of descriptors, must not end the daemon.
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel,
    ):
        channel.settimeout(TIMEOUT_S)  # a manager that does not read must not block the daemon
        channel.sendto("\n".join(map(readable, states)).encode(), address)


def is_asked_for() -> bool:
    """Tell whether a service manager wants notifications."""
    return bool(os.environ.get("NOTIFY_SOCKET"))


def notify_reloading() -> None:
    """Announce a reload. READY=1 must follow. The time tells which of several reloads it belongs to."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


def watchdog_interval_s(environment: Mapping[str, str]) -> float | None:
    """Return how often to send `WATCHDOG=1`: twice as often as systemd expects. None if it expects none."""
    expected_us = environment.get("WATCHDOG_USEC", "")
    is_for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(expected_us) / 2_000_000 if expected_us.isdecimal() and int(expected_us) and is_for_us else None
