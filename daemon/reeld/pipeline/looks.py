"""Of which folders is it known, after a look, what they hold?"""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Where somebody looked: at the folders `walked`, and so at all of `below` that is not `unknown`."""

    walked: Collection[str]
    below: Collection[str]
    """Folders whose every folder was listed, is unknown, or is not there any more."""
    unknown: Collection[str] = frozenset()
    """Folders that could not be listed, were not looked into or are not to be believed, with all below."""
    is_whole: bool = False
    """Whether it was a walk of the whole library."""

    def covers(self, directory: str) -> bool:
        """Whether it is known what the folder holds, be it nothing because it is gone."""
        if is_below_any(directory, self.unknown):
            return False
        return directory in self.walked or is_below_any(directory, self.below)


def is_below_any(directory: str, folders: Collection[str]) -> bool:
    """Whether one of the folders is this one or lies above it. Costs the depth, however many folders there are."""
    while directory and directory not in folders:
        directory = directory.rpartition("/")[0]
    return directory in folders
