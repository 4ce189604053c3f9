"""The command that lists files which are there more than once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Annotated

import typer

from reeld.catalog import views
from reeld.cli.options import ConfigFile, catalog_of
from reeld.cli.output import Row, remark
from reeld.cli.queries import Request, takes_query
from reeld.cli.tables import Column, print_rows
from reeld.cli.words import duration, resolution, size, work_name
from reeld.content.extents import own_bytes
from reeld.domain.amounts import number_of
from reeld.errors import UsageError
from reeld.query.duplicates import KINDS, Group, Kind, duplicates
from reeld.query.find import find_files
from reeld.service.timeouts import LONGEST_ANSWER_S, all_in_time

Kinds = Annotated[
    str | None, typer.Option("--kind", metavar="KINDS", help=f"List only these: {', '.join(KINDS)}; parted by commas.")
]

_COLUMNS: list[Column] = [
    ("Group", lambda row: row["group"]),
    ("Kind", lambda row: row["kind"]),
    ("Frees", lambda row: row["frees"]),
    ("ID", lambda row: row["id"]),
    ("Best", lambda row: row["best"]),
    ("What", lambda row: work_name(row) if row["kind_of_work"] else None),
    ("Size", lambda row: size(row["size_bytes"])),
    (
        "Media",
        lambda row: " ".join(
            filter(None, (resolution(row), row["codec_video"], row["hdr"], duration(row["duration_ms"])))
        ),
    ),
    ("Languages", lambda row: row["languages"]),
    ("Path", lambda row: row["path"]),
]
_CSV = (
    "group",
    "kind",
    "bytes_freed",
    "id",
    "is_best",
    "size_bytes",
    "duration_ms",
    "codec_video",
    "hdr",
    "languages",
    "path",
)

# So many groups are looked at together: their files are read in few statements, and each disk is asked once.
_PAGE = 200


@takes_query
def list_duplicates(request: Request, kind: Kinds = None, config: ConfigFile = None) -> None:
    """List files that are there more than once: copies, candidates, versions of a work, links; nothing is deleted."""
    if request.order:
        raise UsageError("duplicates cannot be sorted: those that free most come first", "leave --sort out")
    with catalog_of(config) as settings:
        query = request.understood(settings)
        only = None if query.is_empty else list(find_files(query))
        counted: dict[str, list[int]] = {}

        def groups() -> Iterator[Row]:
            found = islice(duplicates(_kinds(kind), only), request.limit)
            while page := list(islice(found, _PAGE)):
                for row in _rows(page):
                    count = counted.setdefault(row["kind"], [0, 0])
                    count[0] += 1
                    count[1] += row["bytes_freed"] or 0
                    yield row

        rows = groups()
        if request.shape.form not in ("json", "paths0"):
            rows = _by_file(rows)
        print_rows(
            rows, _COLUMNS, shape=request.shape_in(settings), csv_keys=_CSV, nothing="nothing is there more than once"
        )
        if request.shape.is_for_people:
            for name, (count, freed) in counted.items():
                if name in ("copy", "version"):
                    remark(f"{number_of(count, name)}: deleting all but one of each would free {size(freed)}")


def _kinds(said: str | None) -> Sequence[Kind]:
    names = [name.strip() for name in (said or ",".join(KINDS)).split(",")]
    if wrong := [name for name in names if name not in KINDS]:
        raise UsageError(f"there is no kind {wrong[0]!r} of duplicates", f"choose from {', '.join(KINDS)}")
    return [kind for kind in KINDS if kind in names]


def _rows(groups: Sequence[Group]) -> Iterator[Row]:
    """Make the objects of `--json`. What copies share with one another on the disk is asked of the disk."""
    files = {row["id"]: row for row in views.list_files(sorted({each for group in groups for each in group.ids}))}
    copies = [group for group in groups if group.kind == "copy"]
    own = _own_bytes(files[each] for group in copies for each in group.deletable_ids if each in files)
    for group in groups:
        shown = [files[each] for each in group.ids if each in files]
        if len(shown) < 2:  # one has gone meanwhile
            continue
        freed: int | None = group.bytes_freed
        if group.kind == "copy":
            parts = [own.get(files[each]["path"]) for each in group.deletable_ids if each in files]
            sizes = [files[each]["size_bytes"] for each in group.deletable_ids if each in files]
            known = [min(part, whole) for part, whole in zip(parts, sizes, strict=True) if part is not None]
            freed = sum(known) if len(known) == len(parts) else None
        yield {
            "kind": group.kind,
            "bytes_freed": freed,
            "best_id": group.best_id,
            "reason": group.reason,
            "files": shown,
        }


def _own_bytes(files: Iterable[Row]) -> dict[str, int | None]:
    """Ask the disks how much of each file no other file shares, by path. None, or no answer: it is not known."""
    of_library: dict[str, list[str]] = defaultdict(list)
    for file in files:
        of_library[file["library"]].append(file["path"])
    asks = {library: partial(_ask, paths) for library, paths in of_library.items()}
    answers: dict[str, dict[str, int | None]] = all_in_time(asks, LONGEST_ANSWER_S)
    return {path: own for answer in answers.values() for path, own in answer.items()}


def _ask(paths: Sequence[str]) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for path in paths:
        try:
            found[path] = own_bytes(path)
        except OSError:
            found[path] = None
    return found


def _by_file(groups: Iterator[Row]) -> Iterator[Row]:
    """Make a row of each file, for tables."""
    for number, group in enumerate(groups, 1):
        freed = group["bytes_freed"]
        for place, file in enumerate(group["files"]):
            yield {
                **file,
                "group": number,
                "kind": group["kind"],
                "kind_of_work": file["kind"],
                "bytes_freed": freed,
                "frees": None if place else "not known" if freed is None else size(freed),
                "is_best": file["id"] == group["best_id"],
                "best": group["reason"] if file["id"] == group["best_id"] else None,
            }
