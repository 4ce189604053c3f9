"""How is a number of things told to a person?"""


def number_of(count: int, thing: str) -> str:
    """1 file, 2 files, 2 series, 0 libraries; `thing` in the singular, and regular."""
    if count == 1 or thing.endswith("s"):
        return f"{count} {thing}"
    return f"{count} {thing.removesuffix('y')}ies" if thing.endswith("y") else f"{count} {thing}s"
