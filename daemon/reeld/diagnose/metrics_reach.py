"""Finds out whether Prometheus can read the metrics.

The port is asked as any program of this machine would ask it. The file's folder must be open to reeld, which writes
there, and to node_exporter, which is another user.
"""

import os
import re
import socket
import stat
from collections.abc import Iterator, Sequence

from reeld.config import Config, MetricsSettings
from reeld.diagnose.dropin import quoted
from reeld.diagnose.service_unit import SYSTEM_FOLDERS
from reeld.diagnose.writable import Trouble
from reeld.domain.files import readable
from reeld.service.timeouts import in_time

HOST = "127.0.0.1"
TIMEOUT_S = 2.0

# Every page begins with this metric.
_MARK = b"reeld_info"
_LONGEST_PAGE_BYTES = 1 << 20

SERVICE_CONFIG = "/etc/reeld/config.toml"
"""The configuration of the system service."""

PRINT_DROP_IN = (
    "print the unit's drop-in again: sudo -u reeld reeld config drop-in | sudo tee "
    "/etc/systemd/system/reeld.service.d/libraries.conf; then: sudo systemctl daemon-reload && "
    "sudo systemctl restart reeld"
)

_GRANT = "give the user that runs reeld the right to write there, then restart reeld"


def port_trouble(port: int) -> Trouble | None:
    """Say why the running reeld's figures cannot be read at the port, or return None."""
    try:
        with socket.create_connection((HOST, port), timeout=TIMEOUT_S) as channel:
            channel.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            page = b""
            while _MARK not in page and len(page) < _LONGEST_PAGE_BYTES and (piece := channel.recv(1 << 16)):
                page += piece
    except OSError as err:
        cause = err.strerror or "no answer"
        return (
            f"the metrics' port {port} cannot be reached from here ({cause})",
            f"if it runs as the system service, {PRINT_DROP_IN}",
        )
    if _MARK in page:
        return None
    message = f"at the metrics' port {port} answers something else than the running reeld"
    return message, f"name another one as [metrics] port; or, if it runs as the system service, {PRINT_DROP_IN}"


def unit_trouble(config: Config, folders: Sequence[str] = SYSTEM_FOLDERS) -> Iterator[Trouble]:
    """Find what the installed system unit forbids, and no drop-in allows. Only for the service's own configuration."""
    if config.source != SERVICE_CONFIG or not any(os.path.exists(f"{each}/reeld.service") for each in folders):
        return
    try:
        text = "\n".join(_drop_ins(folders))
    except OSError:  # the user who asks may not see it
        return
    metrics = config.metrics
    if metrics.port and not re.search(r"(?m)^\s*PrivateNetwork\s*=\s*(?:no|false|off|0)\s*$", text):
        yield f"the systemd unit has no network, so nothing can read the metrics' port {metrics.port}", PRINT_DROP_IN
    folder = metrics.textfile_directory
    if folder and not re.search(rf"(?m)^\s*ReadWritePaths\s*=.*{re.escape(quoted(folder)[1:-1])}", text):
        yield f"the systemd unit lets reeld write nothing to the metrics' folder {readable(folder)}", PRINT_DROP_IN


def _drop_ins(folders: Sequence[str]) -> Iterator[str]:
    for folder in ("/run/systemd/system", *folders):
        below = os.path.join(folder, "reeld.service.d")
        for name in sorted(os.listdir(below)) if os.path.isdir(below) else ():
            if name.endswith(".conf"):
                with open(os.path.join(below, name), encoding="utf-8", errors="surrogateescape") as file:
                    yield file.read()


def folder_trouble(metrics: MetricsSettings, *, is_ours: bool) -> Trouble | None:
    """Say why reeld cannot write its file there, or return None. `is_ours`: reeld runs as the user who asks."""
    folder = metrics.textfile_directory

    def look() -> Trouble | str:
        if not os.path.isdir(folder):
            return f"the metrics' folder {readable(folder)} is missing", f"make it; {_GRANT}"
        if is_ours and not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
            return f"the metrics' folder {readable(folder)} cannot be written to", _GRANT
        return ""

    found = in_time(look, TIMEOUT_S)
    if found is None:
        return f"the metrics' folder {readable(folder)} does not answer", "check its disk"
    return found or None  # type: ignore[return-value]


def closed_folder(metrics: MetricsSettings) -> str | None:
    """Return the folder that only its owner and group may enter, so that node_exporter may not read the file."""

    def look() -> str:
        folder = os.path.realpath(metrics.textfile_directory)
        needed = stat.S_IXOTH | stat.S_IROTH  # node_exporter lists it
        while True:
            if os.stat(folder).st_mode & needed != needed:
                return folder
            folder, below, needed = os.path.dirname(folder), folder, stat.S_IXOTH
            if folder == below:
                return ""

    try:
        return in_time(look, TIMEOUT_S) or None
    except OSError:
        return None
