"""Finds the systemd unit that runs reeld for a catalogue, and the command that acts on it."""

import os
import pwd
from collections.abc import Mapping, Sequence

from reeld.database.whose import owner_of

LINGER = "/var/lib/systemd/linger"
"""Holds a file for each user whose services run without a login; see loginctl(1)."""

# Where systemd finds installed units; see systemd.unit(5).
SYSTEM_FOLDERS = ("/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system")
_FOLDERS = {
    "systemctl": SYSTEM_FOLDERS,
    "systemctl --user": (
        "~/.config/systemd/user",
        "/etc/systemd/user",
        "/usr/local/lib/systemd/user",
        "/usr/lib/systemd/user",
    ),
}


def systemctl(verb: str, catalog: str, folders: Mapping[str, Sequence[str]] = _FOLDERS) -> str | None:
    """Return the command for the unit that runs reeld for this catalogue, or None if no unit is installed.

    It is one that the present user may type.
    """
    owner, asking = owner_of(catalog), os.geteuid()
    if service_user(catalog, folders) is None:
        if not _has_unit(folders["systemctl"]):
            return None
        return f"{'' if asking == 0 else 'sudo '}systemctl {verb} reeld"
    if owner in (None, asking):
        return f"systemctl --user {verb} reeld"
    return f"{'' if asking == 0 else 'sudo '}systemctl --user -M {_name(owner)}@ {verb} reeld"


def service_user(catalog: str, folders: Mapping[str, Sequence[str]] = _FOLDERS) -> str | None:
    """Return the name of the user whose own service runs reeld for this catalogue.

    None if that is the system's service, or none is installed.
    """
    owner = owner_of(catalog)
    name = _name(os.geteuid() if owner is None else owner)
    own = [f"~{name}{place[1:]}" for place in folders["systemctl --user"] if place.startswith("~")]
    for_all = [place for place in folders["systemctl --user"] if not place.startswith("~")]
    if _has_unit(own) or (not _has_unit(folders["systemctl"]) and _has_unit(for_all)):
        return name
    return None


def lingers(name: str) -> bool:
    """Tell whether the services of this user run without a login."""
    return os.path.exists(os.path.join(LINGER, name))


def _has_unit(places: Sequence[str]) -> bool:
    return any(os.path.exists(os.path.join(os.path.expanduser(place), "reeld.service")) for place in places)


def _name(number: int | None) -> str:
    try:
        return pwd.getpwuid(-1 if number is None else number).pw_name
    except (KeyError, OverflowError):
        return str(number)
