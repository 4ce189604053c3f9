"""Formats a number of things for the user."""


def number_of(count: int, thing: str) -> str:
    """Return 1 file, 2 files, 2 series, 0 libraries. `thing` is a regular noun in the singular."""
    if count == 1 or thing.endswith("s"):
        return f"{count} {thing}"
    return f"{count} {thing.removesuffix('y')}ies" if thing.endswith("y") else f"{count} {thing}s"
