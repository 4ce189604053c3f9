"""Keep what is written by hand in daemon/SYSTEMD.md when `make test-systemd` writes its record below."""

from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "daemon" / "SYSTEMD.md"

# The record begins with this line, and reaches to the end of the page.
MARK = "<!-- `make test-systemd` writes everything below this line. -->"


def with_record(page: str, record: str) -> str:
    """Return the page with another record. ValueError where the page has no mark, or several."""
    by_hand, mark, _ = page.partition(f"\n{MARK}\n")
    if not mark or page.count(MARK) != 1:
        raise ValueError(f"{PAGE} must have this line once: {MARK}")
    return f"{by_hand}\n{MARK}\n\n{record.strip()}\n"


def with_part(page: str, name: str, part: str) -> str:
    """Return the page with another part of this name within the record, at its end where there was none."""
    begin, end = f"<!-- {name} begins -->", f"<!-- {name} ends -->"
    before, _, rest = page.partition(f"\n{begin}\n")
    after = rest.partition(f"\n{end}\n")[2]
    return f"{before.rstrip()}\n\n{begin}\n\n{part.strip()}\n\n{end}\n{after}"
