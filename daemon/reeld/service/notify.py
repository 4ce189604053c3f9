"""How does systemd learn that reeld is ready, or stopping? By a datagram to $NOTIFY_SOCKET; sd_notify(3).

Fifteen lines of our own: the packages for it are a binding to libsystemd that needs a compiler, or have not
been released for years.
"""

import os
import socket

TIMEOUT_S = 1.0


def notify(*states: str) -> None:
    """Send states such as `READY=1`; nothing happens when no service manager asked for them."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]  # the abstract namespace
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        # A manager that does not read must not hold the daemon up.
        channel.settimeout(TIMEOUT_S)
        try:
            channel.sendto("\n".join(states).encode(), address)
        except OSError:
            return  # a service manager that went away must not take the daemon along
