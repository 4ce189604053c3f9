"""By which command does a person start or reload reeld on this machine?"""

import os
from collections.abc import Mapping, Sequence

# Where systemd looks for units that somebody installed; see systemd.unit(5).
_FOLDERS = {
    "systemctl": ("/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"),
    "systemctl --user": (
        "~/.config/systemd/user",
        "/etc/systemd/user",
        "/usr/local/lib/systemd/user",
        "/usr/lib/systemd/user",
    ),
}


def systemctl(verb: str, folders: Mapping[str, Sequence[str]] = _FOLDERS) -> str | None:
    """The command that has systemd do this with reeld; None where no unit is installed."""
    for command, places in folders.items():
        if any(os.path.exists(os.path.join(os.path.expanduser(place), "reeld.service")) for place in places):
            return f"{command} {verb} reeld"
    return None
