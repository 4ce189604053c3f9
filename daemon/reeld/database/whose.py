"""Says to a user who may not use a catalogue whose it is, and how to ask as that user."""

import os
import pwd
import sys
from shlex import quote

from reeld.domain.files import readable
from reeld.errors import CatalogUnavailable


def owner_of(path: str) -> int | None:
    """Return the number of the user whose the catalogue at this path is. None if that cannot be seen.

    Where the file cannot be seen, its folder says it, or the nearest folder above.
    """
    while True:
        try:
            return os.stat(path).st_uid
        except OSError:
            above = os.path.dirname(path)
        if above == path:
            return None
        path = above


def user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def of_another(catalog: str) -> CatalogUnavailable | None:
    """Build the error for a catalogue that this user may not use, or return None if it is the user's own.

    Root may use each. A hint for its owner, such as how to begin an empty one, would be wrong for others.
    """
    owner, asking = owner_of(catalog), os.geteuid()
    if owner is None or asking in (0, owner):
        return None
    return CatalogUnavailable(
        f"the catalogue {readable(catalog)} belongs to {user_name(owner)}, and you are {user_name(asking)}",
        f"type: {as_user(owner)}",
    )


def as_user(number: int) -> str:
    """Return what to type for the present command as another user."""
    user = quote(pwd.getpwuid(number).pw_name) if _has_name(number) else f"'#{number}'"
    return " ".join(["sudo", "-u", user, "reeld", *(quote(readable(word)) for word in sys.argv[1:])])


def _has_name(number: int) -> bool:
    return user_name(number) != f"user {number}"
